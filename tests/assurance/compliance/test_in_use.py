"""What a report takes for in use and for tried: manifests, enforcement, red-team reports (section 8.3)."""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.assurance.redteam.report import SCHEMA
from acs_sidecar.cli.manifests import known_manifests
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from tests.assurance.compliance.guarded import write_guarded
from tests.assurance.compliance.reports import PERIOD, json_report, report, statuses, write_log


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ACS_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record once for all."""
    return write_log(tmp_path_factory.mktemp("report"))


def test_a_caller_s_manifest_in_use_is_not_passed_over(tmp_path: Path) -> None:
    """Nothing is known of what it refuses: no probe passes, though the operator's own manifest would."""
    write_log(tmp_path, brought="sha256:" + "9" * 64)
    found = json_report(tmp_path, "--framework", "owasp-asi")
    checks = {one["id"]: one for one in found["checks"]}
    assert {checks[name]["outcome"] for name in ("P1", "P3", "P4", "P5", "P8", "T1", "L7")} == {"no_data"}
    assert checks["P3"]["names"] == ["sha256:" + "9" * 64 + ": not at hand"]
    assert "met" not in statuses(found).values()


def test_a_policy_that_did_not_decide_proves_nothing(tmp_path: Path) -> None:
    """The digest of a manifest covers none of its policy files: stricter ones than then are others."""
    write_log(tmp_path, "P3")
    (weak,) = known_manifests(load_settings({}).settings, [tmp_path / "manifests"]).values()
    (tmp_path / "manifests").rename(tmp_path / "then")
    write_guarded(tmp_path / "manifests")
    found = json_report(tmp_path, "--framework", "owasp-asi")
    checks = {one["id"]: one for one in found["checks"]}
    assert checks["P1"]["outcome"] == checks["P3"]["outcome"] == checks["T1"]["outcome"] == "no_data"
    points = ("input", "output", "post_tool_call", "pre_tool_call")
    assert checks["P3"]["names"] == [
        f"{weak.compiled.digest} with the policy {weak.compiled.policy_digests[point]} at {point}: not at hand"
        for point in points
    ]
    both = json_report(tmp_path, "--framework", "owasp-asi", "--manifests", str(tmp_path / "then"))
    checks = {one["id"]: one for one in both["checks"]}
    assert (checks["P1"]["outcome"], checks["P3"]["outcome"]) == ("pass", "fail")
    assert checks["P3"]["counts"]["manifests"] == 1


def test_every_policy_that_decided_must_pass(tmp_path: Path) -> None:
    """Files that changed within the period are two policies, of which each is probed."""
    write_log(tmp_path, "P3")
    (tmp_path / "manifests").rename(tmp_path / "before")
    write_log(tmp_path)
    found = json_report(tmp_path, "--framework", "owasp-asi", "--manifests", str(tmp_path / "before"))
    (check,) = (one for one in found["checks"] if one["id"] == "P3")
    assert (check["outcome"], check["counts"]["manifests"]) == ("fail", 2)


def test_what_nobody_enforces_is_no_point_in_use(tmp_path: Path) -> None:
    """Decisions that were only evaluated are counted, at the head too, and show no point in use."""
    write_log(tmp_path, mode="evaluate_only")
    found = json_report(tmp_path, "--framework", "owasp-asi")
    (check,) = (one for one in found["checks"] if one["id"] == "L7")
    assert (check["outcome"], check["counts"]["not_enforced"]) == ("fail", 100)
    assert check["detail"] == "bound points without an enforced decision"
    assert found["log"]["not_enforced"] == 100
    text = report(tmp_path, "--framework", "owasp-asi", *PERIOD).stdout
    assert text.splitlines()[1].endswith(", 100 decisions, 100 of them not enforced")


def test_a_checkpoint_of_the_log_itself_is_no_anchor(place: Path) -> None:
    """L1 rests on what the service could not have written."""
    (checkpoint,) = (place / "audit").rglob("checkpoint")
    result = report(place, "--framework", "soc2", *PERIOD, "--anchor", str(checkpoint))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is of the log itself: an anchor is kept where the service cannot write" in result.stderr


def test_what_no_signature_covers_is_not_read(tmp_path: Path) -> None:
    """A record behind the last checkpoint may be anybody's: its bytes are counted and told, and nothing in it."""
    write_log(tmp_path)
    told = "no signature covers"
    assert told not in report(tmp_path, "--framework", "owasp-asi", *PERIOD).stdout
    before = json_report(tmp_path, "--framework", "owasp-asi")
    (records,) = (tmp_path / "audit").rglob("records-*")
    forged = json.loads(records.read_bytes().splitlines()[-2])
    forged["index"] += 2
    line = canonical({**forged, "decision": "deny"}) + b"\n"
    records.write_bytes(records.read_bytes() + line)
    after = json_report(tmp_path, "--framework", "owasp-asi")
    assert after["log"] == {**before["log"], "unsigned_bytes": len(line)}
    assert after["checks"] == before["checks"]
    lines = report(tmp_path, "--framework", "owasp-asi", *PERIOD).stdout.splitlines()
    assert lines[2] == f"{told} {len(line)} bytes behind the end of the logs: nothing in them is read"


@pytest.mark.parametrize("option", ["--doctor", "--sbom"])
def test_a_file_with_two_readings_is_refused(place: Path, tmp_path: Path, option: str) -> None:
    """A reader that keeps the other of two members would see another state."""
    path = tmp_path / "two.json"
    path.write_text('[{"check": "clock", "state": "problem", "state": "ok"}]')
    result = report(place, "--framework", "soc2", *PERIOD, option, str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: {option} {path}: names a member of an object twice\n"


def redteam_report(manifest: CompiledManifest | None, **members: Any) -> dict[str, Any]:
    """Return the members of a red-team report that a check reads."""
    made: dict[str, Any] = {
        "schema": SCHEMA,
        "manifest": {
            "name": "guarded",
            "digest": manifest.digest if manifest else "sha256:0",
            "policies": manifest.policy_digests if manifest else {},
        },
        "corpora": [{"name": "own", "digest": "sha256:0", "attacks": 7}],
        "points": {"input": {}, "output": {}},
        "thresholds": {"max_asr": 0.1, "min_utility": 0.95},
        "failures": [],
        "asr": {"passed": 10, "stopped": 90},
        "utility": {"allowed": 95, "refused": 5},
    }
    if "policies" in members:
        made["manifest"]["policies"] = members.pop("policies")
    return made | members


@pytest.mark.parametrize(
    ("members", "days", "expected"),
    [
        ({}, 1, "pass"),
        ({}, 91, "no_data"),
        ({"asr": {"passed": 11, "stopped": 89}}, 1, "fail"),
        ({"utility": {"allowed": 94, "refused": 6}}, 1, "fail"),
        ({"failures": ["a technique"]}, 1, "fail"),
        ({"policies": {"input": "sha256:0"}}, 1, "no_data"),
        ({"asr": {"passed": 9, "stopped": 0}, "thresholds": {"max_asr": 1, "min_utility": 0}}, 1, "fail"),
        ({"asr": {"passed": 9, "stopped": 9}, "thresholds": {"max_asr": 1, "min_utility": 0}}, 1, "fail"),
        ({"asr": {"passed": 9, "stopped": 9}, "thresholds": {"max_asr": 0.9, "min_utility": 0}}, 1, "pass"),
        ({"asr": {"passed": 0, "stopped": 0}, "within_thresholds": True}, 1, "fail"),
    ],
)
def test_a_red_team_report_counts_while_it_is_recent(
    place: Path, tmp_path: Path, members: dict[str, Any], days: int, expected: str
) -> None:
    """The report of the manifest's digest, by its counts and by the age of its file before the period's end."""
    (known,) = known_manifests(load_settings({}).settings, [place / "manifests"]).values()
    path = tmp_path / "redteam.json"
    path.write_text(json.dumps(redteam_report(known.compiled, **members)))
    end = datetime(2090, 1, 1, tzinfo=UTC).timestamp() - days * 86_400
    os.utime(path, (end, end))
    found = json_report(place, "--framework", "owasp-asi", "--redteam", str(path))
    (check,) = (one for one in found["checks"] if one["id"] == "T2")
    assert check["outcome"] == expected
    if expected == "pass":
        assert re.fullmatch(
            r"guarded: own \(7 attacks, sha256:0\) at input, output: \d+ attacks passed and \d+ were stopped \(rate at most 0\.\d\),"
            r" 95 harmless texts were allowed and 5 refused \(at least [\d.]+\)",
            check["detail"],
        )


def test_what_is_no_red_team_report_is_refused(place: Path, tmp_path: Path) -> None:
    """Another JSON file, or one without counts, would be taken for a passed attack run."""
    path = tmp_path / "other.json"
    path.write_text(json.dumps(redteam_report(None, asr={"passed": True, "stopped": 1})))
    result = report(place, "--framework", "owasp-asi", *PERIOD, "--redteam", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: --redteam {path}: no report of `redteam run --format json`\n"
