"""The policy `soul`: its members, the start of an agent, and points that are idle (section 11.7)."""

from typing import Any

import pytest

from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from tests.engines.adapters.soul.policies import (
    STANDARD,
    STARTUP,
    TOOL_CALL,
    compiled,
    decide,
    digest_of,
    start,
)
from tests.engines.adapters.soul.vectors import text_of

DIGEST = digest_of(STANDARD)
BELOW = "deny:soul_level_below_minimum"


@pytest.mark.parametrize(
    ("governance", "outcome"),
    [
        ({"sha256": DIGEST}, "allow"),
        ({"sha256": f"sha256:{DIGEST}"}, "allow"),
        ({"sha256": DIGEST.upper()}, "allow"),
        ({"content": STANDARD}, "allow"),
        ({"content": STANDARD, "sha256": DIGEST}, "allow"),
        ({}, "deny:soul_hash_missing"),
        ({"sha256": None}, "deny:soul_hash_missing"),
        ({"sha256": 7}, "deny:soul_hash_missing"),
        ({"content": ["Never leak."]}, "deny:soul_hash_missing"),
        ({"content": STANDARD, "sha256": [DIGEST]}, "deny:soul_hash_missing"),
        ({"sha256": "0" * 64}, "deny:soul_drift"),
        ({"sha256": DIGEST[:16]}, "deny:soul_drift"),
        ({"content": STANDARD + "\n"}, "deny:soul_drift"),
        ({"content": STANDARD.replace("\n", "\r\n")}, "deny:soul_drift"),
        ({"content": STANDARD, "sha256": "0" * 64}, "deny:soul_drift"),
        ({"content": "Be nice.", "sha256": DIGEST}, "deny:soul_drift"),
    ],
)
def test_the_agent_was_given_this_file(governance: dict[str, Any], outcome: str) -> None:
    """Digest and text must both be those of the policy's file, and one must be there."""
    assert decide(compiled(), start(**governance), STARTUP) == outcome


@pytest.mark.parametrize(
    ("members", "outcome"),
    [
        ({}, "allow"),
        ({"recommended_level": "hardened"}, "warn:soul_level_below_recommended"),
        ({"minimum_level": "hardened"}, BELOW),
        ({"tier": "agentic"}, "warn:soul_level_below_recommended"),
        ({"tier": "agentic", "recommended_level": "none"}, "allow"),
        ({"tier": "agentic", "minimum_level": "standard"}, BELOW),
        ({"document": text_of("short.md"), "minimum_level": "none"}, BELOW),
        ({"document": text_of("floor.md"), "tier": "basic"}, BELOW),
        ({"document": "", "minimum_level": "none"}, BELOW),
    ],
)
def test_the_level_comes_first(members: dict[str, Any], outcome: str) -> None:
    """Below the minimum no start is allowed, whatever the host says; below the recommended one it is warned of."""
    policies = compiled(**members)
    text = members.get("document", STANDARD)
    assert decide(policies, start(sha256=digest_of(text)), STARTUP) == outcome
    if outcome == BELOW:
        assert decide(policies, {}, STARTUP) == outcome


def test_drift_can_wait_for_a_person() -> None:
    """`on_drift: escalate` escalates another text, and not one that nobody names."""
    policies = compiled(on_drift="escalate")
    assert decide(policies, start(sha256="0" * 64), STARTUP) == "escalate:soul_drift"
    assert decide(policies, {}, STARTUP) == "deny:soul_hash_missing"


def test_a_start_records_which_contract_was_in_force() -> None:
    """The evidence has level, score and the beginning of the digest."""
    evaluator = compiled().evaluators[STARTUP]
    value = {"snapshot": start(sha256=DIGEST), "policy_target": None, "tool": None, "annotations": {}}
    output = evaluator.evaluate(type("Input", (), {"value": value})())
    assert output.value == {
        "decision": "allow",
        "evidence": {"artefact": f"soul:standard:{compiled_score()}:{DIGEST[:16]}"},
    }


def compiled_score() -> int:
    """The score of the file in the vectors."""
    return 77


def test_values_are_read_at_other_paths() -> None:
    """Each path can be set."""
    policies = compiled(hash="$snap.soul.digest", content="$snap.soul.text")
    assert decide(policies, {"soul": {"digest": DIGEST, "text": STANDARD}}, STARTUP) == "allow"
    assert decide(policies, start(sha256=DIGEST), STARTUP) == "deny:soul_hash_missing"


def test_a_file_is_read_when_compiled() -> None:
    """The bytes count, line ends and marks included; the file may be pinned."""
    content = b"\xef\xbb\xbf" + STANDARD.replace("\n", "\r\n").encode()
    files = {"gov/SOUL.md": content}
    policies = compiled(None, files=files, file="gov/SOUL.md")
    text = "\ufeff" + STANDARD.replace("\n", "\r\n")
    assert decide(policies, start(content=text), STARTUP) == "allow"
    assert decide(policies, start(content=STANDARD), STARTUP) == "deny:soul_drift"
    compiled(None, files=files, file="gov/SOUL.md", sha256=f"sha256:{digest_of(text)}")


@pytest.mark.parametrize(
    ("members", "code", "path"),
    [
        ({"document": ...}, "member-missing", "policies.soul"),
        ({"file": "SOUL.md"}, "member-ambiguous", "policies.soul"),
        ({"document": 7}, "wrong-type", "policies.soul.document"),
        ({"document": ..., "file": "gone.md"}, "source-unreadable", "policies.soul.file"),
        ({"tier": ...}, "member-missing", "policies.soul.tier"),
        ({"tier": "expert"}, "value-not-allowed", "policies.soul.tier"),
        ({"minimum_level": "high"}, "value-not-allowed", "policies.soul.minimum_level"),
        ({"recommended_level": 1}, "value-not-allowed", "policies.soul.recommended_level"),
        ({"on_drift": "warn"}, "value-not-allowed", "policies.soul.on_drift"),
        ({"sha256": "abc"}, "value-not-allowed", "policies.soul.sha256"),
        ({"sha256": "0" * 64}, "soul-pin-mismatch", "policies.soul.sha256"),
        ({"sha256": None}, "value-not-allowed", "policies.soul.sha256"),
        ({"read_tools": "cat"}, "wrong-type", "policies.soul.read_tools"),
        ({"read_tools": None}, "wrong-type", "policies.soul.read_tools"),
        ({"guard": None}, "wrong-type", "policies.soul.guard"),
        ({"read_tools": [" "]}, "wrong-type", "policies.soul.read_tools[0]"),
        ({"read_tools": ["re*ad"]}, "value-not-allowed", "policies.soul.read_tools[0]"),
        ({"guard": [7]}, "wrong-type", "policies.soul.guard[0]"),
        ({"guard": ["a.md", "../*"]}, "value-not-allowed", "policies.soul.guard[1]"),
        ({"guard": ["rules/*.md"]}, "value-not-allowed", "policies.soul.guard[0]"),
        ({"guard": ["a/[id]/b.md"]}, "value-not-allowed", "policies.soul.guard[0]"),
        ({"guard": ["rules/"]}, "value-not-allowed", "policies.soul.guard[0]"),
        ({"guard": ["a/.."]}, "value-not-allowed", "policies.soul.guard[0]"),
        ({"guard": ["."]}, "value-not-allowed", "policies.soul.guard[0]"),
        ({"content_members": {}}, "wrong-type", "policies.soul.content_members"),
        ({"hash": "agent_init.sha256"}, "path-syntax", "policies.soul.hash"),
        ({"tool": 7}, "path-syntax", "policies.soul.tool"),
        ({"levels": []}, "member-unknown", "policies.soul.levels"),
    ],
)
def test_a_member_that_is_wrong(members: dict[str, Any], code: str, path: str) -> None:
    """Each is an error with its path."""
    with pytest.raises(ManifestError) as caught:
        compiled(**members)
    assert [(found.code, found.path) for found in caught.value.diagnostics] == [(code, path)]


def test_points_without_checks_are_idle() -> None:
    """At every other point the policy has nothing to say, and a lint says so."""
    idle = [point for point in InterventionPoint if point not in (STARTUP, TOOL_CALL)]
    policies = compiled(points=list(InterventionPoint))
    assert [(found.code, found.path) for found in policies.statement.warnings] == [
        ("soul-point-idle", f"intervention_points.{point}.policy") for point in idle
    ]
    for point in idle:
        assert decide(policies, {}, point) == "allow:not_applicable"


@pytest.mark.parametrize("document", [text_of("floor.md"), text_of("short.md")])
def test_a_file_that_no_agent_can_start_with_is_warned_of(document: str) -> None:
    """Below the minimum the manifest is valid, and every start is denied."""
    (found,) = compiled(document).statement.warnings
    assert (found.code, found.path) == ("soul-below-minimum", "policies.soul.minimum_level")
