"""`acs-sidecar compliance report`, from a signed log of a guarded manifest to every format (section 8.3)."""

import base64
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from acs_sidecar.assurance.dsse import pre_authentication
from acs_sidecar.audit.format.record import AuditEntry, record_line, rfc3339, uuid7
from acs_sidecar.cli.compliance.commands import compliance
from tests.assurance.compliance.guarded import RULES
from tests.assurance.compliance.reports import ALL, PERIOD, json_report, report, statuses, write_log
from tests.audit.format.logs import LOG, START, Builder
from tests.audit.log.logs import KEY, OTHER_KEY, newest
from tests.cli.audit.verbs import changed
from tests.cli.audit.verbs import run as audit_run


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record once for all."""
    return write_log(tmp_path_factory.mktemp("report"))


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ACS_")]:
        monkeypatch.delenv(name)


def test_reports_what_is_proven(place: Path) -> None:
    """Measured and probed checks pass; what nobody gave leaves no answer; two shares head each framework."""
    found = json_report(place)
    outcomes = {one["id"]: one["outcome"] for one in found["checks"]}
    assert {name for name, outcome in outcomes.items() if outcome == "fail"} == set()
    assert {name for name, outcome in outcomes.items() if outcome == "no_data"} == {
        "L4",
        "L6",
        "L10",
        "T2",
        "S1",
        "S2",
        "S3",
    }
    assert statuses(found)["ASI02"] == "met"
    assert statuses(found)["ASI07"] == "partial", "a ceiling"
    assert found["frameworks"][2]["assessed_of_total"] == "9/72"
    assert found["notice"].startswith("This report is evidence, no certificate")
    assert found["log"]["by_decision"] == {"allow": 100}


def test_its_receipts_verify(place: Path, tmp_path: Path) -> None:
    """Each record that a check names comes with a receipt that `audit verify` takes."""
    receipts = [receipt for one in json_report(place)["checks"] for receipt in one["receipts"]]
    assert len(receipts) > 10
    paths = []
    for number, receipt in enumerate({one["index"]: one for one in receipts}.values()):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(receipt))
        paths += ["--receipt", str(path)]
    assert audit_run("verify", *paths, "--key", str(place / "key.pem")).exit_code == 0


@pytest.mark.parametrize("probe", ["P1", "P3", "P4", "P8"])
def test_removing_a_rule_never_raises_a_status(place: Path, tmp_path: Path, probe: str) -> None:
    """Without a rule some control is lower, and none is higher."""
    order = ["not_assessed", "not_met", "partial", "met"]
    weaker = write_log(tmp_path, probe)
    lowered = 0
    before, after = json_report(place), json_report(weaker)
    for framework in range(4):
        now = statuses(after, framework)
        for control, status in statuses(before, framework).items():
            assert order.index(now[control]) <= order.index(status)
            lowered += now[control] != status
    assert lowered


def test_a_manifest_of_allow_alone_meets_no_control_with_a_probe(tmp_path: Path) -> None:
    """Its log is sound and continuous, and that is all."""
    found = json_report(write_log(tmp_path, *RULES))
    kinds = {one["id"]: one["kind"] for one in found["checks"]}
    for framework in found["frameworks"]:
        for control in framework["controls"]:
            if any(kinds[name] == "probed" for name in control["checks"]):
                assert control["status"] != "met"


def test_a_log_without_decisions_meets_nothing(place: Path) -> None:
    """Another period: probes alone are never met."""
    result = report(place, *ALL, "--from", "2001-01-01", "--to", "2002-01-01", "--format", "json")
    found = json.loads(result.stdout)
    met = [status for number in range(4) for status in statuses(found, number).values() if status == "met"]
    assert (result.exit_code, met) == (0, [])


def test_a_changed_log_has_no_report(tmp_path: Path) -> None:
    """One byte of a record: exit 1, and nothing on the output."""
    place = write_log(tmp_path)
    changed(newest(place / "audit"))
    result = report(place, *ALL, *PERIOD)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "checkpoint-root at index 1" in result.stderr


def test_an_anchor_of_another_log_has_no_report(place: Path, tmp_path: Path) -> None:
    """What an anchor proves and the directory lacks is a finding."""
    write_log(tmp_path)
    result = report(place, *ALL, *PERIOD, "--anchor", str(tmp_path / "anchors"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "anchor-complete: the log is missing" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--framework", "soc", *PERIOD), "`soc` is no framework, did you mean `soc2`?"),
        (("--framework", "soc2", "--from", "2027-01-01", "--to", "2026-01-01"), "--from must be before --to"),
        (("--framework", "soc2", "--from", "7d", "--to", "2026-01-01"), "--from: `7d` is not a date or time in ISO 8601"),
        (("--framework", "soc2", "--from", "0001-01-01", "--to", "2026-01-01"), "--from: `0001-01-01` is not a date or time in ISO 8601 from 1970 to 9999"),
        (("--framework", "soc2", "--from", "2026-01-01", "--to", "9999-12-31T23:59:59-14:00"), "--to: `9999-12-31T23:59:59-14:00` is not a date"),
        (("--framework", "soc2", *PERIOD, "--registry", "none"), "--registry none: No such file or directory"),
        (("--framework", "soc2", *PERIOD, "--doctor", "none"), "--doctor none: No such file or directory"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_exit_2(place: Path, arguments: tuple[str, ...], message: str) -> None:
    """A wrong option is named."""
    result = report(place, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {message}")


def test_two_frameworks_of_one_id_are_refused(place: Path, tmp_path: Path) -> None:
    """Their results would have the same names in one document; one's own does not pass for a built-in one."""
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    own = {
        "id": "own",
        "title": "a",
        "version": "1",
        "controls": [{"id": "1", "title": "x", "checks": ["L5"]}],
    }
    for path in (one, two):
        path.write_text(json.dumps(own))
    result = report(place, "--framework", str(one), "--framework", str(two), *PERIOD)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: --framework: two have the id `own`\n"
    for name in ("soc2", "SOC2", "owasp asi"):
        one.write_text(json.dumps(own | {"id": name}))
        result = report(place, "--framework", str(one), *PERIOD)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == (
            f"error: --framework {one}: `{name}` is the id of a built-in framework: give it another\n"
        )


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "json", "markdown", "oscal"])
def test_the_same_inputs_give_the_same_bytes(place: Path, form: str) -> None:
    """Two runs print the same, signed or not; the signature is over those bytes."""
    plain, signed, again = (
        report(place, *ALL, *PERIOD, "--format", form, *more).stdout
        for more in ((), ("--sign", str(place / "sign.pem")), ("--sign", str(place / "sign.pem")))
    )
    assert signed == again
    envelope = json.loads(signed)
    payload = base64.b64decode(envelope["payload"])
    assert payload == plain.encode()
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    OTHER_KEY.private.public_key().verify(signature, pre_authentication(payload, envelope["payloadType"]))


def test_a_control_below_the_asked_for_status_is_exit_1(place: Path) -> None:
    """`--fail-under partial` holds here, `met` does not."""
    assert report(place, "--framework", "owasp-asi", *PERIOD, "--fail-under", "met").exit_code == 1
    anchored = ("--anchor", str(place / "anchors"))
    assert (
        report(place, "--framework", "owasp-asi", *PERIOD, *anchored, "--fail-under", "partial").exit_code
        == 0
    )


def test_hostile_names_stay_text_in_markdown(tmp_path: Path) -> None:
    """An agent's name with markup and control characters is code in its cell."""
    hostile = "x|`y\n<script>\x1b[2J"
    place = write_log(tmp_path, agent=hostile)
    (tmp_path / "registry.json").write_text('{"agents": [{"id": "nobody", "owner": "o"}]}')
    arguments = ("--framework", "owasp-asi", *PERIOD, "--registry", str(tmp_path / "registry.json"))
    text = report(place, *arguments, "--format", "markdown").stdout
    assert r"``x\u007c`y\n<script>\x1b[2J``" in text
    assert {one for one in text if not one.isprintable()} == {"\n"}
    (row,) = [line for line in text.splitlines() if line.startswith("| L10 |")]
    assert len(re.findall(r" \| ", row)) == 7


def test_settings_that_nobody_stated_say_nothing(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An auditor's machine has defaults of its own: S1 passes by settings that are there."""

    def callers() -> str:
        checks = json_report(place, "--framework", "owasp-asi")["checks"]
        return {str(one["id"]): str(one["outcome"]) for one in checks}["S1"]

    assert callers() == "no_data"
    monkeypatch.setenv("ACS_HOST", "127.0.0.1")
    assert callers() == "pass"
    monkeypatch.setenv("ACS_HOST", "0.0.0.0")  # a listener off loopback is what is tested
    monkeypatch.setenv("ACS_ALLOW_PUBLIC", "true")
    assert callers() == "fail"


def test_a_part_of_a_directory_has_no_report(place: Path) -> None:
    """One log says nothing of the others of the period."""
    part = newest(place / "audit").path
    arguments = ("--framework", "soc2", *PERIOD, "--key", str(place / "key.pem"), "--audit", str(part))
    result = CliRunner().invoke(compliance, ["report", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is a part of an audit directory: name all of it" in result.stderr


def write_other_version(root: Path) -> None:
    """Write a sound log whose only decision has a schema of a later version."""
    builder = Builder().open()
    entry = AuditEntry("allow", "input", agent_id="agent-1", caller="host")
    line = record_line(entry, LOG, 1, uuid7(START, bytes(10)), rfc3339(START))
    builder.add_line(line.replace(b"acs-sidecar/audit/v1", b"acs-sidecar/audit/v2"))
    log, place = builder.commit().build(), root / LOG
    place.mkdir(parents=True)
    (place / "records-0000000000.jsonl").write_bytes(log.records[0][1])
    (place / "checkpoints-0000000000").write_bytes(log.checkpoints[0][1])
    (place / "checkpoint").write_bytes(log.notes()[-1])


@pytest.mark.parametrize("command", ["report", "agents", "bom"])
def test_records_of_another_version_are_not_read(tmp_path: Path, command: str) -> None:
    """What a later version means by its members is not known: no report, though the log is sound."""
    write_other_version(tmp_path / "audit")
    log = ("--audit", str(tmp_path / "audit"), "--key", str(KEY.verifier_key("acs")))
    if command == "report":
        result = CliRunner().invoke(compliance, ["report", *log, *PERIOD, "--framework", "soc2"])
    else:
        result = audit_run(
            command, *log, *(["--agent", "agent-1", "--since", "2020-01-01"] if command == "bom" else [])
        )
    assert (result.exit_code, result.stdout) == (2, "")
    assert "record 1 of " in result.stderr
    assert "has a schema that this version does not know: use the one that wrote it" in result.stderr


def uuids(value: Any) -> Iterator[tuple[str, str]]:
    """Yield each UUID and each reference of a document, with what it is."""
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str) and name in {"uuid", "observation-uuid", "href"}:
                yield name, item.removeprefix("#")
            yield from uuids(item)
    elif isinstance(value, list):
        for item in value:
            yield from uuids(item)


def test_every_reference_of_oscal_resolves(place: Path) -> None:
    """Each UUID is there once, each reference leads to one; findings are of assessed controls alone."""
    document = json.loads(report(place, *ALL, *PERIOD, "--format", "oscal").stdout)
    named = [one for name, one in uuids(document) if name == "uuid"]
    assert len(named) == len(set(named))
    assert {one for name, one in uuids(document) if name != "uuid"} <= set(named)
    results = document["assessment-results"]["results"]
    assert len(results) == 4
    states = {
        finding["target"]["target-id"]: finding["target"]["status"]
        for one in results
        for finding in one["findings"]
    }
    assert states["asi02"] == {"state": "satisfied", "reason": "pass"}
    assert states["asi07"] == {"state": "not-satisfied", "reason": "partial"}
    assert "art-13" not in states
