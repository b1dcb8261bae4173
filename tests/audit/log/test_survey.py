"""What a start reads of the logs that it finds, and how often (section 4.3)."""

import asyncio
import os
from pathlib import Path

import pytest

from acs_sidecar.audit.format.claims import LogState
from acs_sidecar.audit.format.merkle import EMPTY_ROOT
from acs_sidecar.audit.log import recovery as audit_recovery
from acs_sidecar.audit.log.directory import LogDirectory, find_logs
from acs_sidecar.audit.log.open_log import Durability, LogLimits, OpenLog
from acs_sidecar.audit.log.recovery import examine_fully
from acs_sidecar.audit.log.writer import FileAuditLog
from tests.audit.log.crashed import ORIGIN, append, crashed, first_changed, look
from tests.audit.log.logs import (
    KEY,
    OTHER_KEY,
    decisions,
    entry,
    newest,
    records,
    settings,
    sound,
    with_log,
)


def test_a_log_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was hashed before is not hashed again: the next start is quick, and the auditor is for the rest."""
    log = crashed(tmp_path)
    look(tmp_path)
    first_changed(log)
    assert look(tmp_path).damage == ()
    assert sound(tmp_path) != []
    (log.path / "examined").write_bytes(b"of another checkpoint")
    assert [one.log for one in look(tmp_path).damage] == [ORIGIN]


def test_a_long_log_whose_tiles_do_not_agree_is_hashed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a long log that seems whole is left for later."""
    monkeypatch.setattr(audit_recovery, "BACKGROUND_BYTES", 1)
    first_changed(crashed(tmp_path, 600))
    found = look(tmp_path)
    assert ([one.log for one in found.damage], found.unexamined) == ([ORIGIN], ())


def test_a_long_log_is_hashed_while_the_service_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a long log is found at once; a record changed in its middle is found afterwards, and recorded."""
    monkeypatch.setattr(audit_recovery, "BACKGROUND_BYTES", 1)
    log = crashed(tmp_path, 600)
    look(tmp_path)
    (log.path / "examined").unlink(missing_ok=True)
    with_log(decisions(1), settings(tmp_path))
    (log.path / "examined").unlink(missing_ok=True)
    first_changed(log)
    found = look(tmp_path)
    assert [one.origin for one in found.unexamined if one.origin == ORIGIN] == [ORIGIN]

    async def work(running: FileAuditLog) -> None:
        for _ in range(500):
            if running.damage:
                break
            await asyncio.sleep(0.01)
        await running.append(entry())

    with_log(work, settings(tmp_path))
    details = [record["details"] for record in records(newest(tmp_path)) if record["event"] == "log_damaged"]
    assert details == [{"log": ORIGIN, "detail": "its 601 records do not hash to the root that was signed"}]


@pytest.mark.parametrize("name", ["0/000", "0/001", "0/002.p/89", "1/000.p/2"])
def test_damaged_tiles_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Tiles are a cache: where they are wrong, the records decide."""
    log = crashed(tmp_path, 600)
    look(tmp_path)
    tile = log.path / "tile" / name
    good = tile.read_bytes()
    tile.write_bytes(bytes(len(good)))
    (log.path / "examined").unlink()
    monkeypatch.setattr(audit_recovery, "BACKGROUND_BYTES", 1)
    found = look(tmp_path)
    assert found.damage == ()
    for directory in found.unexamined:
        examine_fully(directory, KEY.trust)
    assert tile.read_bytes() == good


def test_a_log_that_is_held_is_left_alone(tmp_path: Path) -> None:
    """What another process writes is named as open, with what it has published and signed."""
    log = OpenLog(LogDirectory(tmp_path, ORIGIN), KEY.private, Durability.WRITE, LogLimits())
    log.commit([entry(), entry()])
    log.publish(log.checkpoint)
    log.commit([entry()])
    segment = log.directory.segment(0)
    append(segment, b"half a line")
    (found,) = look(tmp_path).predecessors
    assert (found.log, found.state, found.size) == (ORIGIN, LogState.OPEN, 2)
    assert segment.read_bytes().endswith(b"half a line")
    log.close()


def test_what_a_held_log_publishes_unsigned_is_not_repeated(tmp_path: Path) -> None:
    """A checkpoint by another key in a directory that somebody holds gets no signature through ours."""
    log = OpenLog(LogDirectory(tmp_path, ORIGIN), OTHER_KEY.private, Durability.WRITE, LogLimits())
    log.commit([entry(), entry()])
    log.publish(log.checkpoint)
    (found,) = look(tmp_path).predecessors
    assert (found.size, found.root) == (0, EMPTY_ROOT)
    log.close()


def test_only_logs_are_looked_at(tmp_path: Path) -> None:
    """Files, links and directories of other names in the audit directory are passed over."""
    crashed(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "acs" / "host" / "0" / "bad name").mkdir()
    (tmp_path / "acs" / "host" / "link").symlink_to(tmp_path / "acs" / "host" / "0")
    os.mkfifo(tmp_path / ORIGIN / "records-0000000009.jsonl")
    assert [log.origin for log in find_logs(tmp_path)] == [ORIGIN]
    assert look(tmp_path).damage == ()


def test_leftovers_of_a_replacement_are_removed(tmp_path: Path) -> None:
    """What a process left that died while it replaced a file is no part of the log."""
    log = crashed(tmp_path)
    (log.path / ".checkpoint.4711").write_bytes(b"half")
    look(tmp_path)
    assert not (log.path / ".checkpoint.4711").exists()
