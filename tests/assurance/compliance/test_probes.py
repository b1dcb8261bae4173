"""Each probe bites: with its rule it passes, without it it fails, and nothing else changes (section 8.3)."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from acs_sidecar.assurance.compliance.probes.checks import probed_results
from acs_sidecar.assurance.compliance.vocabulary import CheckOutcome, CheckResult
from tests.assurance.compliance.guarded import RULES, compiled, guarded, write_guarded
from tests.assurance.redteam_manifests import ALLOW_ALL, carrier, write_manifest


def results(folder: Path, *without: str, redteam: bool | None = True) -> dict[str, CheckResult]:
    """Probe the manifest without some of its rules."""
    return asyncio.run(
        probed_results(
            [guarded(folder, *without)], lambda _: None if redteam is None else (redteam, "1 of 2")
        )
    )


def test_a_guarded_manifest_passes_every_probe(tmp_path: Path) -> None:
    """Every counter-example at every point is refused, or what was put in is gone."""
    found = results(tmp_path)
    assert {name: one.names for name, one in found.items() if one.outcome is not CheckOutcome.PASS} == {}
    assert found["P3"].counts["attempts"] == 2, "a carrier at each of two points"


@pytest.mark.parametrize("probe", RULES)
def test_a_probe_bites(tmp_path: Path, probe: str) -> None:
    """Without its rule a probe fails and names manifest, point and case; all others go on to pass."""
    found = results(tmp_path, probe)
    assert {name for name, one in found.items() if one.outcome is CheckOutcome.FAIL} == {probe}
    assert found[probe].names[0].startswith("guarded: ")


def test_a_manifest_that_allows_everything_passes_none(tmp_path: Path) -> None:
    """No probe passes by itself, and neither do its cases."""
    found = results(tmp_path, *RULES, redteam=None)
    assert {one.outcome for name, one in found.items() if name != "T2"} == {CheckOutcome.FAIL}
    assert found["T2"].outcome is CheckOutcome.NO_DATA


def rewritten(folder: Path, old: str, new: str) -> dict[str, CheckResult]:
    """Probe the manifest with another text in its policy."""
    path = write_guarded(folder) / "guarded" / "rules" / "p.rego"
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    return asyncio.run(probed_results([compiled(folder)], lambda _: None))


def test_a_failing_evaluation_is_no_refusal(tmp_path: Path) -> None:
    """A policy that breaks on the counter-example has refused nothing."""
    found = rewritten(
        tmp_path,
        'deny contains "budget" if { input.snapshot.envelope.budgets.token_count >= 1000 }',
        "clash := n if { some n in [1, 2]; input.snapshot.envelope.budgets.token_count >= 1000 }\n"
        'deny contains "budget" if { clash > 0 }',
    )
    assert found["P8"].outcome is CheckOutcome.FAIL
    assert found["P8"].names == ("guarded: input: input works: runtime_error:policy_invocation_failed",)


def test_what_is_taken_out_in_part_is_still_there(tmp_path: Path) -> None:
    """A redaction that removes the address and leaves the card and the key has refused nothing."""
    found = rewritten(
        tmp_path,
        '"value": "(removed)"',
        '"value": replace(input.policy_target.value.text, "jane.doe@example.com", "-")',
    )
    assert found["P10"].outcome is CheckOutcome.FAIL
    assert found["P10"].names == ("guarded: output: output works: leak",)


@pytest.mark.parametrize(("rule", "expected"), [("flagged", CheckOutcome.PASS), ("other", CheckOutcome.FAIL)])
def test_what_the_host_finds_is_flagged_for_an_injection(
    tmp_path: Path, rule: str, expected: CheckOutcome
) -> None:
    """A policy that refuses what the host's own classifier flags passes P3, one that does not read it fails."""
    case = carrier("hello")
    case["snapshot"]["annotations"] = {"risk": {"flagged": False, "score": 0}}
    manifest = write_manifest(
        tmp_path / "m",
        f'default {ALLOW_ALL}\nverdict := {{"decision": "deny"}} if input.annotations.risk.{rule}',
        [case],
        annotators={"risk": {"type": "classifier", "provider": "host"}},
        point={"annotations": {"risk": {"from": "$snap.annotations.risk"}}},
    )
    found = asyncio.run(probed_results([compiled(manifest)], lambda _: None))
    assert found["P3"].outcome is expected


def test_a_point_without_a_carrier_has_no_answer(tmp_path: Path) -> None:
    """Nothing to change at some point of a probe: neither passed nor failed, and the points are named."""
    one = guarded(tmp_path)
    assert one.carriers.keys() == {"input", "pre_tool_call", "post_tool_call", "output"}
    found = asyncio.run(probed_results([replace(one, carriers={})], lambda _: None))
    assert found["P8"].outcome is CheckOutcome.NO_DATA
    assert found["P8"].names == ("guarded: no carrier at input, pre_tool_call, post_tool_call, output",)


def test_every_manifest_in_use_must_pass(tmp_path: Path) -> None:
    """One of two that fails is named; one that is not at hand leaves no answer."""
    good, bad = guarded(tmp_path / "a"), guarded(tmp_path / "b", "P4")
    found = asyncio.run(probed_results([good, replace(bad, name="other")], lambda _: (True, "1 of 2")))
    assert (found["P4"].outcome, found["P4"].counts["failed"]) == (CheckOutcome.FAIL, 1)
    assert found["P4"].names[0] == "other: pre_tool_call: pre_tool_call works: allow"
    found = asyncio.run(probed_results([good], lambda _: (True, "1 of 2"), ["sha256:0"]))
    assert {one.outcome for one in found.values()} == {CheckOutcome.NO_DATA}
    assert found["P4"].names == ("sha256:0: not at hand",)
