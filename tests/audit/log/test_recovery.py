"""What a start makes of the logs that it finds (section 4.3)."""

import asyncio
import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from acs_sidecar.audit.format.checkpoint import Checkpoint, sign_checkpoint, split_notes
from acs_sidecar.audit.format.findings import Status
from acs_sidecar.audit.format.merkle import EMPTY_ROOT
from acs_sidecar.audit.format.note import NoteSigner
from acs_sidecar.audit.format.stream_record import opened_event, settled_event
from acs_sidecar.audit.log.directory import LogDirectory
from acs_sidecar.audit.log.keys import AuditKey
from acs_sidecar.audit.log.open_log import Durability, LogLimits, OpenLog
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.spec.streams.vocabulary import SettlementKind, StreamSpan, TrackName
from tests.audit.log.crashed import ORIGIN, append, crashed, look, opened
from tests.audit.log.logs import (
    KEY,
    OTHER_KEY,
    audited,
    entry,
    newest,
    records,
    settings,
    sound,
    with_log,
)


def test_a_crashed_log_ends_at_its_largest_checkpoint(tmp_path: Path) -> None:
    """The published checkpoint may be behind: the kept one is the end, and is published then."""
    log = crashed(tmp_path)
    named = opened(tmp_path)
    assert (named["state"], named["size"]) == ("crashed", 6)
    assert "torn" not in named
    ((_, path),) = log.checkpoint_files()
    assert log.published() == list(split_notes(path.read_bytes()))[-1][1]
    assert sound(tmp_path) == []


def test_a_restart_changes_nothing_that_was_promised(tmp_path: Path) -> None:
    """The records and checkpoints of a log that ended stay byte for byte what they were."""
    log = crashed(tmp_path)
    files = [path for _, path in (*log.segments(), *log.checkpoint_files())]
    before = [path.read_bytes() for path in files]
    for _ in range(2):
        opened(tmp_path)
    assert [path.read_bytes() for path in files] == before


@pytest.mark.parametrize(
    "torn",
    [b'{"agent_id"', b'{"complete":"line"}\n', b'{"complete":"line"}\n{"and":"more'],
    ids=["half a line", "a line", "both"],
)
def test_records_behind_the_end_are_moved_aside(tmp_path: Path, torn: bytes) -> None:
    """Bytes that no checkpoint covers are kept elsewhere, unsigned, and the new log has their digest."""
    log = crashed(tmp_path)
    ((_, segment),) = log.segments()
    whole = segment.read_bytes()
    append(segment, torn)
    named = opened(tmp_path)
    assert segment.read_bytes() == whole
    assert (log.path / "torn-6").read_bytes() == torn
    digest = f"sha256:{hashlib.sha256(torn).hexdigest()}"
    assert named["torn"] == [{"file": "torn-6", "bytes": len(torn), "sha256": digest}]
    assert sound(tmp_path) == []


def test_half_a_checkpoint_is_moved_aside(tmp_path: Path) -> None:
    """A checkpoint that was being written covers nothing; its records go with it."""
    log = crashed(tmp_path)
    ((_, segment),), ((_, checkpoints),) = log.segments(), log.checkpoint_files()
    note = sign_checkpoint(Checkpoint(ORIGIN, 7, EMPTY_ROOT), NoteSigner(ORIGIN, KEY.private))
    append(segment, b'{"complete":"line"}\n')
    append(checkpoints, note[:-1])
    named = opened(tmp_path)
    torn = named["torn"]
    assert isinstance(torn, list)
    assert [one["file"] for one in torn] == ["torn-6", "torn-6.checkpoint"]
    assert (log.path / "torn-6.checkpoint").read_bytes() == note[:-1]
    assert sound(tmp_path) == []


def test_a_segment_behind_the_end_is_moved_aside(tmp_path: Path) -> None:
    """A segment that was begun and never signed is moved aside with what was in it."""
    log = crashed(tmp_path)
    append(log.segment(6), b'{"complete":"line"}\n')
    append(log.checkpoints(6), b"")
    opened(tmp_path)
    assert log.segment(6).read_bytes() == b""
    assert (log.path / "torn-6").read_bytes() == b'{"complete":"line"}\n'
    assert sound(tmp_path) == []


def test_what_was_moved_aside_is_never_overwritten(tmp_path: Path) -> None:
    """A second find gets another name, and both are named."""
    log = crashed(tmp_path)
    for content in (b"one", b"two"):
        append(log.segments()[0][1], content)
        named = opened(tmp_path)
    assert [(log.path / name).read_bytes() for name in ("torn-6", "torn-6-2")] == [b"one", b"two"]
    torn = named["torn"]
    assert isinstance(torn, list)
    assert [one["file"] for one in torn] == ["torn-6", "torn-6-2"]


@pytest.mark.parametrize(("forged", "key"), [(ORIGIN, OTHER_KEY), ("acs/host/0/other", KEY)])
def test_a_forged_checkpoint_signs_nothing(tmp_path: Path, forged: str, key: AuditKey) -> None:
    """Records with a checkpoint by another key, or of another log, are moved aside like any others."""
    log = crashed(tmp_path)
    ((_, segment),), ((_, checkpoints),) = log.segments(), log.checkpoint_files()
    line = b'{"forged":true}\n'
    append(segment, line)
    append(checkpoints, sign_checkpoint(Checkpoint(forged, 7, EMPTY_ROOT), NoteSigner(ORIGIN, key.private)))
    named = opened(tmp_path)
    assert (named["state"], named["size"]) == ("crashed", 6)
    assert (log.path / "torn-6").read_bytes() == line
    assert sound(tmp_path) == []


def test_a_log_that_died_at_birth_is_empty(tmp_path: Path) -> None:
    """A log without a checkpoint promised nothing."""
    root = tmp_path
    OpenLog(LogDirectory(root, ORIGIN), KEY.private, Durability.WRITE, LogLimits()).close()
    append(LogDirectory(root, ORIGIN).segment(0), b"half")
    named = opened(root)
    assert (named["state"], named["size"]) == ("crashed", 0)
    assert (root / ORIGIN / "torn-0").read_bytes() == b"half"
    assert sound(root) == []


HOLE = 200 * 1024**3


def test_a_hole_behind_the_signed_end_is_not_copied(tmp_path: Path) -> None:
    """A start reads nothing of a file that is longer than a crash leaves it, and reports the log as damaged."""
    log = crashed(tmp_path)
    ((_, segment),) = log.segments()
    signed = segment.stat().st_size
    os.truncate(segment, signed + HOLE)
    (damage,) = look(tmp_path).damage
    assert damage.detail == f"{HOLE} bytes follow its signed end, more than a crash leaves"
    assert (segment.stat().st_size, log.torn()) == (signed + HOLE, [])


def test_a_hole_in_what_was_moved_aside_is_not_hashed(tmp_path: Path) -> None:
    """A start hashes no more of a torn file than can have been moved there."""
    log = crashed(tmp_path)
    ((_, segment),) = log.segments()
    append(segment, b"half")
    assert look(tmp_path).damage == ()
    os.truncate(log.path / "torn-6", HOLE)
    (damage,) = look(tmp_path).damage
    assert damage.detail == f"`torn-6` has {HOLE} bytes, more than was moved aside"


def test_verification_reads_nothing_of_a_hole_behind_the_signed_end(tmp_path: Path) -> None:
    """What no checkpoint covers is counted by the length of the file, for holes, segments and growing files."""
    log = crashed(tmp_path)
    ((_, segment),) = log.segments()
    os.truncate(segment, segment.stat().st_size + HOLE)
    log.segment(6).touch()
    os.truncate(log.segment(6), HOLE)
    (report,) = audited(tmp_path).logs.values()
    assert (report.status, report.size, report.pending_bytes) == (Status.SOUND, 6, 2 * HOLE)


def test_streams_of_a_log_that_was_rotated_before_the_crash_are_settled(tmp_path: Path) -> None:
    """A stream may have opened in the log before the one that the process died in."""
    span = StreamSpan("open", TrackName.RESPONSE, 0, 3)

    async def rotated_and_killed(running: FileAuditLog) -> None:
        first = running.origin
        for stream in ("open", "ended"):
            await running.append(opened_event(stream, {"response": 0}))
        await running.append(replace(entry(), stream_span=span))
        await running.append(settled_event("ended", SettlementKind.COMPLETE, {"response": 0}))
        for number in range(500):
            if running.origin != first:
                break
            await running.append(entry(number))
            await asyncio.sleep(0.01)
        assert running.origin != first
        shutil.copytree(tmp_path / "alive", tmp_path / "dead")

    async def until_settled(running: FileAuditLog) -> None:
        before = running.records
        for _ in range(500):
            if running.records > before:
                break
            await asyncio.sleep(0.01)

    with_log(rotated_and_killed, settings(tmp_path / "alive", limits=LogLimits(records=9)))
    with_log(until_settled, settings(tmp_path / "dead"))
    found = [
        record["details"]
        for record in records(newest(tmp_path / "dead"))
        if record["event"] == "stream_settled"
    ]
    assert [(one["stream"], one["cause"], one["watermarks"], one["spans"]) for one in found] == [
        ("open", "crashed", {"response": 3}, 1)
    ]


def test_streams_of_a_crashed_log_are_settled_once(tmp_path: Path) -> None:
    """The log that follows has the end of each stream that the crash cut; after that nothing is left to settle."""
    span = StreamSpan("s", TrackName.RESPONSE, 0, 3)
    log = crashed(tmp_path, last=[replace(entry(), stream_span=span)])

    async def until_settled(running: FileAuditLog) -> None:
        before = running.records
        for _ in range(500):
            if running.records > before:
                break
            await asyncio.sleep(0.01)

    with_log(until_settled, settings(tmp_path))
    (settled,) = [
        record["details"] for record in records(newest(tmp_path)) if record["event"] == "stream_settled"
    ]
    assert (settled["stream"], settled["cause"], settled["watermarks"]) == ("s", "crashed", {"response": 3})
    assert settled["log"] == log.origin
    assert look(tmp_path).crashed == ()
    assert sound(tmp_path) == []
