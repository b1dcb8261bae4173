"""`acs-sidecar audit show`, `export` and `prune`, on real logs (section 4.5)."""

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from acs_sidecar.audit.format.claims import opening_events
from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent
from acs_sidecar.audit.log.directory import LogDirectory, find_logs
from acs_sidecar.audit.log.open_log import Durability, LogLimits, OpenLog
from acs_sidecar.audit.log.opening import AuditLogSettings
from acs_sidecar.audit.log.prune import prune
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.cli.audit.records import ExportFormat
from tests.audit.log.logs import KEY, audited, newest, records, settings, with_log
from tests.cli.audit.verbs import changed, found, run


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
