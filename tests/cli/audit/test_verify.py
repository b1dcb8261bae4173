"""The commands on the audit log, on real logs (section 4.5)."""

import csv
import io
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner, Result

from acs_sidecar.audit.format.claims import opening_events
from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent
from acs_sidecar.audit.log.directory import LogDirectory, find_logs
from acs_sidecar.audit.log.open_log import Durability, LogLimits, OpenLog
from acs_sidecar.audit.log.opening import AuditLogSettings
from acs_sidecar.audit.log.prune import prune
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.audit.read.reader import AuditReader
from acs_sidecar.cli.audit.commands import ExportFormat, audit
from tests.audit.log.logs import KEY, OTHER_KEY, audited, newest, records, settings, with_log


def run(*arguments: str) -> Result:
    """Run a verb of `acs-sidecar audit`."""
    return CliRunner().invoke(audit, arguments)


def found(result: Result) -> dict[str, Any]:
    """Read the JSON that a command printed."""
    value: dict[str, Any] = json.loads(result.stdout)
    return value


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Configure an audit directory with two logs, the key beside it."""
    for name in [name for name in os.environ if name.startswith("ACS_")]:
        monkeypatch.delenv(name)
    key = tmp_path / "key.pem"
    key.write_bytes(KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    root = tmp_path / "audit"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACS_AUDIT_DIR", str(root))
    monkeypatch.setenv("ACS_AUDIT_KEY_FILE", str(key))
    monkeypatch.setenv("ACS_AUDIT_NAME", "acs")

    async def work(log: FileAuditLog) -> None:
        for number in range(4):
            decision = "deny" if number % 2 else "allow"
            await log.append(AuditEntry(decision, "input", agent_id=f"agent-{number}", reason="because"))

    for _ in range(2):
        with_log(work, settings(root))
    return root


def changed(log: LogDirectory) -> None:
    """Change a byte of a record."""
    path = log.segments()[0][1]
    path.write_bytes(path.read_bytes().replace(b"agent-1", b"agent-9"))


def test_verifies_an_audit_directory(place: Path) -> None:
    """Untouched logs are sound: exit 0, and the report as JSON in a pipe."""
    result = run("verify", str(place), "--key", "key.pem")
    report = found(result)
    assert result.exit_code == 0
    assert (report["status"], report["anchored"], report["records"]) == ("sound", False, 12)


def test_names_what_was_manipulated(place: Path) -> None:
    """A changed record is named with its log and index: exit 1."""
    log = newest(place)
    changed(log)
    result = run("verify", str(place), "--key", "key.pem")
    assert result.exit_code == 1
    (finding,) = [one for report in found(result)["logs"] for one in report["findings"]]
    assert (finding["log"], finding["property"], finding["index"]) == (log.origin, "checkpoint-root", 2)


@pytest.mark.parametrize("order", [1, -1])
def test_a_copy_does_not_vouch_for_a_log(place: Path, tmp_path: Path, order: int) -> None:
    """Two copies of one log are not verified together: the one would hide what was done to the other."""
    copy = tmp_path / "copy"
    shutil.copytree(place, copy)
    changed(newest(place))
    result = run("verify", *[str(place), str(copy)][::order], "--key", "key.pem")
    assert result.exit_code == 2
    origin = find_logs(place)[0].origin
    assert (
        result.stderr == f"error: the log {origin} was given twice: verify its copies one after the other\n"
    )
    assert run("verify", str(place), str(place / "acs"), "--key", "key.pem").exit_code == 1


def test_names_what_would_write_on_the_terminal(place: Path) -> None:
    """What an attacker put into a checkpoint is written out in a finding."""
    log = newest(place)
    note = (log.published() or b"").replace(log.origin.encode(), "a\u009b2Jb\u202ec".encode(), 1)
    log.checkpoint.write_bytes(note)
    result = run("verify", str(place), "--key", "key.pem", "--format", "table")
    assert (
        f"  {log.origin}: checkpoint-origin: checkpoint: the checkpoint belongs to `a\\x9b2Jb\\u202ec`\n"
        in result.stdout
    )


@pytest.mark.parametrize("depth", range(1, 5))
def test_verifies_a_part_of_an_audit_directory(place: Path, depth: int) -> None:
    """One log, or the logs of a worker, are verified by themselves; what they name may be elsewhere."""
    log = newest(place)
    part = place.joinpath(*log.origin.split("/")[:depth])
    result = run("verify", str(part), "--key", "key.pem")
    assert result.exit_code == 0
    assert len(found(result)["logs"]) == (1 if depth == 4 else 2)


def test_a_deleted_log_is_missing(place: Path) -> None:
    """The log that was opened later names the one that is gone."""
    first = next(log for log in find_logs(place) if log.origin != newest(place).origin)
    first.path.rename(place / "elsewhere~")
    result = run("verify", str(place), "--key", "key.pem")
    assert result.exit_code == 1
    assert [(one["log"], one["property"]) for one in found(result)["findings"]] == [
        (first.origin, "chain-complete")
    ]


@pytest.mark.parametrize(
    "key",
    [
        lambda: str(KEY.verifier_key("acs")),
        lambda: f"{KEY.verifier_key('acs')}@2999-01-01",
        lambda: str(KEY.verifier_key("acs/host/0")),
    ],
)
def test_trusts_a_verifier_key(place: Path, key: Callable[[], str]) -> None:
    """The verifier key of the service verifies all its logs."""
    assert run("verify", str(place), "--key", key()).exit_code == 0


@pytest.mark.parametrize(
    "key",
    [
        lambda: str(OTHER_KEY.verifier_key("acs")),
        lambda: str(KEY.verifier_key("other")),
        lambda: f"{KEY.verifier_key('acs')}@2020-01-01",
    ],
)
def test_trusts_no_other_key(place: Path, key: Callable[[], str]) -> None:
    """Another key, another name, or a key past its end verifies nothing: exit 1."""
    assert run("verify", str(place), "--key", key()).exit_code == 1


@pytest.mark.parametrize(("option", "size"), [("--anchor", 256), ("--receipt", 16)])
def test_a_file_that_is_too_long_is_not_read_whole(
    place: Path, tmp_path: Path, option: str, size: int
) -> None:
    """An anchor or a receipt without end is given up on within a bound."""
    huge = tmp_path / "huge"
    huge.touch()
    os.truncate(huge, 200 * 1024**3)
    result = run("verify", str(place), "--key", "key.pem", option, str(huge))
    assert result.exit_code == 2
    assert f"{huge} exceeds {size} MiB: keep only the checkpoints or the receipt in it" in result.stderr


def test_anchors_show_what_was_cut_off(place: Path, tmp_path: Path) -> None:
    """A checkpoint from the service's own log finds a tail that was cut off consistently."""
    log = newest(place)
    anchor = tmp_path / "service.log"
    note = (log.published() or b"").decode()
    anchor.write_text(json.dumps({"event": "audit_checkpoint", "checkpoint": note}) + "\n")
    result = run("verify", str(place), "--key", "key.pem", "--anchor", str(anchor))
    assert (result.exit_code, found(result)["anchored"]) == (0, True)
    ((_, segment),), ((_, checkpoints),) = log.segments(), log.checkpoint_files()
    notes = checkpoints.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:3]))
    checkpoints.write_bytes(b"".join(notes[:15]))
    log.checkpoint.write_bytes(b"".join(notes[10:15]))
    assert run("verify", str(place), "--key", "key.pem").exit_code == 0
    result = run("verify", str(place), "--key", "key.pem", "--anchor", str(anchor))
    assert result.exit_code == 1
    (finding,) = [one for report in found(result)["logs"] for one in report["findings"]]
    assert (finding["property"], finding["index"]) == ("anchor-complete", 3)


@pytest.mark.parametrize("wrapped", [False, True])
def test_verifies_receipts(place: Path, tmp_path: Path, wrapped: bool) -> None:
    """A receipt is verified by itself, also inside of the response that brought it."""
    log = newest(place)
    receipt: dict[str, Any] = AuditReader(place).receipt(log.origin, 3).as_json()
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps({"verdict": {}, "receipt": receipt} if wrapped else receipt))
    result = run("verify", "--receipt", str(path), "--key", "key.pem")
    assert result.exit_code == 0
    assert found(result) == {"receipts": [{"path": str(path), "log": log.origin, "index": 3, "error": None}]}
    receipt["record"] = receipt["record"].replace("deny", "allow").replace("agent-2", "agent-x")
    path.write_text(json.dumps(receipt))
    result = run("verify", "--receipt", str(path), "--key", "key.pem")
    assert result.exit_code == 1
    assert found(result)["receipts"][0]["error"] == (
        "the proof does not lead from the record to the root of the checkpoint"
    )


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"{", "not JSON"),
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"1" * 10_000, "not JSON"),
        (b"[]", "not a receipt: an object of schema `acs-sidecar/receipt/v1` is expected"),
    ],
    ids=["cut off", "empty", "not UTF-8", "nested", "a number", "a list"],
)
def test_a_file_that_is_no_receipt_proves_nothing(tmp_path: Path, content: bytes, error: str) -> None:
    """Whatever is in the file, the answer is that it proves nothing."""
    path = tmp_path / "receipt.json"
    path.write_bytes(content)
    result = run("verify", "--receipt", str(path), "--key", "key.pem")
    assert (result.exit_code, found(result)["receipts"][0]["error"]) == (1, error)


def test_a_receipt_has_one_reading(place: Path, tmp_path: Path) -> None:
    """A second record in front of the proven one, for whoever reads only the first, is refused."""
    receipt = AuditReader(place).receipt(newest(place).origin, 3).as_json()
    forged = json.dumps({"record": "denied"})[:-1] + ", " + json.dumps(receipt)[1:]
    path = tmp_path / "receipt.json"
    for content in (forged, '{"receipt": 1, "receipt": ' + json.dumps(receipt) + "}"):
        path.write_text(content)
        result = run("verify", "--receipt", str(path), "--key", "key.pem")
        assert (result.exit_code, found(result)["receipts"][0]["error"]) == (1, "a member is there twice")


def test_shows_the_report_to_a_person(place: Path) -> None:
    """The table names each log with its state, and each finding in words."""
    changed(newest(place))
    result = run("verify", str(place), "--key", "key.pem", "--format", "table")
    assert f"unsound  {newest(place).origin}" in result.stdout
    assert "checkpoint-root at index 2: the record is not the one that was signed" in result.stdout
    assert result.stdout.splitlines()[-1] == "unsound, not anchored: nothing outside the log proves its end"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("verify", "--key", "key.pem"),
            "nothing to verify: name an audit directory, --nats, or a receipt with --receipt",
        ),
        (("verify", "audit"), "no key is trusted: set --key to a verifier key or a PEM file"),
        (("verify", "nowhere", "--key", "key.pem"), "no audit log exists at nowhere"),
        (("verify", "audit", "--key", "none.pem"), "`none.pem` cannot be read: No such file or directory"),
        (
            ("verify", "audit", "--key", "key.pem", "--anchor", "none"),
            "none cannot be read: No such file or directory",
        ),
        (("show", "--since", "soon"), "`soon` is not a date or time in ISO 8601, nor `30m`, `12h` or `7d`"),
        (
            ("key", "--generate"),
            "{place}/key.pem exists: move it away to create another, and keep it to verify its logs",
        ),
    ],
)
def test_says_why_it_could_not_tell(place: Path, arguments: tuple[str, ...], message: str) -> None:
    """What is asked for wrongly, or not there, ends with 2 and one line."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr == f"error: {message.format(place=place.parent)}\n"


def test_a_log_without_a_checkpoint_tells_nothing(place: Path) -> None:
    """Where there is nothing signed, the exit code is neither 0 nor 1."""
    log = newest(place)
    log.checkpoint.unlink()
    for _, path in log.checkpoint_files():
        path.unlink()
    assert run("verify", str(log.path), "--key", "key.pem").exit_code == 2


def shown(*arguments: str) -> list[dict[str, Any]]:
    """Show records as JSON."""
    return [json.loads(line) for line in run("show", *arguments).stdout.splitlines()]


def test_shows_records(place: Path) -> None:
    """Records of all logs are shown by time, filtered by what is asked for."""
    everything = shown()
    assert everything == sorted(
        (record for log in find_logs(place) for record in records(log)), key=lambda record: record["time"]
    )
    assert [record["agent_id"] for record in shown("--agent", "agent-1")] == ["agent-1"] * 2
    assert {record["decision"] for record in shown("--decision", "deny")} == {"deny"}
    assert len(shown("--event", "log_opened")) == 2
    assert shown("--last", "2") == everything[-2:]
    assert shown("--since", everything[5]["time"]) == everything[5:]
    assert shown("--since", "1h") == everything
    assert shown("--since", "2999-01-01") == []


def test_shows_records_to_a_person() -> None:
    """The table has the time, the decision, and why."""
    lines = run("show", "--decision", "deny", "--format", "table").stdout.splitlines()
    assert len(lines) == 4
    assert lines[0].split()[1:] == ["deny", "input", "agent-1", "-", "-", "because", "2"]


def test_shows_no_record_that_an_agent_drew(place: Path) -> None:
    """What an agent calls itself neither moves the cursor nor begins a line of its own."""

    async def work(log: FileAuditLog) -> None:
        await log.append(AuditEntry("deny", "input", agent_id="a\n2030-01-01  allow\x1b[2K\u202eb"))

    with_log(work, settings(place))
    lines = run("show", "--decision", "deny", "--format", "table").stdout.splitlines()
    assert len(lines) == 5
    assert lines[-1].split("  ")[3] == "a\\n2030-01-01"
    assert "allow\\x1b[2K\\u202eb" in lines[-1]


MALFORMED = [
    b"garbage",
    b"[]",
    b"{}",
    b'{"event":[],"index":2,"log":"x","record_id":1,"schema":"s","time":5}',
    b'{"agent_id":' + b"[" * 300 + b"]" * 300 + b"}",
]


@pytest.mark.parametrize("line", MALFORMED)
@pytest.mark.parametrize(
    "command",
    [("show",), ("show", "--format", "table"), *(("export", "--to", to.value) for to in ExportFormat)],
)
def test_what_is_not_a_record_is_not_shown(place: Path, command: tuple[str, ...], line: bytes) -> None:
    """A log with something else in it is read up to there, and the command says where that is."""
    log = newest(place)
    path = log.segments()[0][1]
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:2], line, *lines[3:]]))
    result = run(*command)
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: record 2 of `{log.origin}` is not a record: run `acs-sidecar audit verify` for details\n"
    )


@pytest.mark.parametrize(
    ("members", "shown"),
    [
        ({"index": 3}, False),
        ({"log": "acs/host/0/x"}, False),
        ({"time": "now"}, False),
        ({"decision": []}, True),
    ],
)
def test_a_record_out_of_place_is_not_exported(place: Path, members: dict[str, Any], shown: bool) -> None:
    """A record that says to be elsewhere, or at no time, is none; what else is wrong stops no export."""
    path = newest(place).segments()[0][1]
    lines = path.read_bytes().split(b"\n")
    lines[2] = orjson.dumps({**orjson.loads(lines[2]), **members}, option=orjson.OPT_SORT_KEYS)
    path.write_bytes(b"\n".join(lines))
    for to in ExportFormat:
        assert (run("export", "--to", to.value).exit_code == 0) is shown


def test_exports_records() -> None:
    """Each format has every record."""
    assert len(run("export").stdout.splitlines()) == 12
    rows = list(csv.DictReader(io.StringIO(run("export", "--to", "csv", "--decision", "deny").stdout)))
    assert [row["agent_id"] for row in rows] == ["agent-1", "agent-3"] * 2
    for name in ("cloudevents", "ocsf"):
        events = [json.loads(line) for line in run("export", "--to", name).stdout.splitlines()]
        assert len(events) == 12


def old_log(place: Path) -> LogDirectory:
    """Leave a log of last year, closed."""
    directory = LogDirectory(place, "acs/host/0/0000000000000000")
    last_year = time.time_ns() - 365 * 86_400 * 1_000_000_000
    log = OpenLog(directory, KEY.private, Durability.WRITE, LogLimits(), lambda: last_year)
    log.commit(opening_events(str(KEY.verifier_key(directory.origin)), {}, []))
    log.commit([ServiceEvent("log_closed", {"reason": "stopped"})])
    log.publish(log.checkpoint)
    log.close()
    return directory


def test_prunes_whole_logs_past_the_retention(place: Path) -> None:
    """Logs that ended before the retention go, a new log says so first, and the rest still verifies."""
    old = old_log(place)
    young = [log.origin for log in find_logs(place) if log.origin != old.origin]

    async def work(log: FileAuditLog) -> None:
        await log.append(AuditEntry("allow", "input"))

    with_log(work, settings(place))
    assert found(run("prune", "--older-than", "400"))["deleted"] == []
    result = run("prune", "--older-than", "300", "--dry-run")
    assert [one["log"] for one in found(result)["deleted"]] == [old.origin]
    assert old.exists()
    table = run("prune", "--older-than", "300", "--format", "table")
    assert table.stdout.startswith(f"deleted  {old.origin}  2 records, ")
    assert not old.exists()
    left = [log for log in find_logs(place) if log.origin.startswith("acs/command/prune/")]
    assert [[record["event"] for record in records(log)] for log in left] == [
        ["log_opened", "log_pruned", "log_closed"]
    ]
    assert {*young} < {log.origin for log in find_logs(place)}
    assert run("verify", str(place), "--key", "key.pem").exit_code == 0
    assert (
        run("prune", "--older-than", "300", "--format", "table").stdout
        == "no log is older than the retention\n"
    )
    assert len(find_logs(place)) == len(young) + 2


def test_prunes_nothing_that_states_a_deletion(place: Path) -> None:
    """Without the log that states it, a deleted log would be a missing one."""
    old_log(place)
    config = AuditLogSettings(place, "acs", "command", "prune")
    future = "2999-01-01T00:00:00.000000Z"
    assert len(prune(config, KEY, future, dry_run=False)) == 3
    assert prune(config, KEY, future, dry_run=False) == []
    (left,) = find_logs(place)
    assert [str(finding) for finding in audited(place).all_findings] == []
    assert left.origin.startswith("acs/command/prune/")


def test_prunes_no_log_that_was_dated_back(place: Path) -> None:
    """A log that was hashed at a start before is hashed again: its removal would be excused under the key."""
    log = newest(place)
    with_log(lambda running: running.append(AuditEntry("allow", "input")), settings(place))
    assert (log.path / "examined").exists()
    path = log.segments()[0][1]
    lines = path.read_bytes().splitlines()
    last = {**orjson.loads(lines[-1]), "time": "2001-01-01T00:00:00.000000Z"}
    path.write_bytes(b"\n".join([*lines[:-1], orjson.dumps(last, option=orjson.OPT_SORT_KEYS), b""]))
    assert found(run("prune", "--older-than", "300"))["deleted"] == []
    assert log.exists()


def test_prunes_no_log_that_is_open_or_damaged(place: Path) -> None:
    """What is being written stays, and so does what is evidence."""
    log = newest(place)
    changed(log)
    (log.path / "examined").unlink(missing_ok=True)
    config = AuditLogSettings(place, "acs", "command", "prune")

    async def work(running: FileAuditLog) -> None:
        await running.append(AuditEntry("allow", "input"))
        gone = {one.log for one in prune(config, KEY, "2999-01-01T00:00:00.000000Z", dry_run=False)}
        assert log.origin not in gone
        assert running.origin not in gone
        assert len(gone) == 1

    with_log(work, settings(place))


def test_prints_the_key_to_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verifier key is that of the service, for all its logs; PEM is for other tools."""
    assert run("key").stdout == f"{KEY.verifier_key('acs')}\n"
    pem = tmp_path / "public.pem"
    pem.write_text(run("key", "--pem").stdout)
    assert run("verify", "audit", "--key", str(pem)).exit_code == 0
    monkeypatch.setenv("ACS_AUDIT_KEY_FILE", str(tmp_path / "new.pem"))
    made = run("key", "--generate").stdout
    assert made.startswith("acs+")
    assert run("key").stdout == made
