"""Damaged logs, and what is none: what a start names and leaves alone (section 4.3)."""

import asyncio
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from acs_sidecar.audit.format.checkpoint import Checkpoint, sign_checkpoint, split_notes
from acs_sidecar.audit.format.merkle import EMPTY_ROOT
from acs_sidecar.audit.format.note import NoteSigner
from acs_sidecar.audit.log.directory import MAX_CHECKPOINTS_BYTES, LogDirectory, find_logs
from acs_sidecar.audit.log.opening import AuditDamagedError
from acs_sidecar.audit.log.writer import FileAuditLog
from tests.audit.log.crashed import ORIGIN, append, crashed, first_changed, look, opened
from tests.audit.log.logs import (
    KEY,
    OTHER_KEY,
    entry,
    newest,
    records,
    settings,
    sound,
    with_log,
)


def contents(log: LogDirectory) -> dict[Path, str]:
    """Return a digest of every file of a log."""
    files = [path for path in log.path.iterdir() if path.is_file()]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def last_removed(log: LogDirectory) -> None:
    """Remove the last record."""
    path = log.segments()[0][1]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def segment_removed(log: LogDirectory) -> None:
    """Remove the only segment."""
    log.segments()[0][1].unlink()


def signed_by_another(log: LogDirectory) -> None:
    """Sign the checkpoints with another key."""
    note = sign_checkpoint(Checkpoint(ORIGIN, 6, EMPTY_ROOT), NoteSigner(ORIGIN, OTHER_KEY.private))
    log.checkpoint_files()[0][1].write_bytes(note)
    log.checkpoint.write_bytes(note)


def checkpoint_a_directory(log: LogDirectory) -> None:
    """Put a directory in the place of the published checkpoint."""
    log.checkpoint.unlink()
    log.checkpoint.mkdir()


def kept_cut_off(log: LogDirectory) -> None:
    """Publish the end, and cut what is kept off before it."""
    ((_, path),) = log.checkpoint_files()
    notes = [note for _, note in split_notes(path.read_bytes())]
    log.checkpoint.write_bytes(notes[-1])
    path.write_bytes(b"".join(notes[:-1]))


def last_replaced(log: LogDirectory) -> None:
    """Put the first record in the place of the last, in a log that was examined before."""
    look(log.root)
    path = log.segments()[0][1]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-1], lines[0]]))


def last_too_long(log: LogDirectory) -> None:
    """Stretch the last record of a log that was examined before."""
    look(log.root)
    path = log.segments()[0][1]
    path.write_bytes(path.read_bytes()[:-2] + b" " * 20_000 + b"}\n")


def checkpoints_too_many(log: LogDirectory) -> None:
    """Stretch the file of checkpoints, at no cost in blocks."""
    os.truncate(log.checkpoint_files()[0][1], MAX_CHECKPOINTS_BYTES + 1)


DAMAGE = pytest.mark.parametrize(
    ("damage", "detail", "size"),
    [
        (first_changed, "its 6 records do not hash to the root that was signed", 1),
        (last_removed, "record 5 is missing", 1),
        (segment_removed, "record 5 is missing", 1),
        (signed_by_another, "no checkpoint is signed by a trusted key", 0),
        (checkpoint_a_directory, "`checkpoint` is a directory", 0),
        (last_too_long, "record 5 has no end", 6),
        (kept_cut_off, "the published checkpoint is ahead of every stored checkpoint", 6),
        (last_replaced, "the last signed record, 5, is not in its place", 6),
        (checkpoints_too_many, "it cannot be read: File too large", 1),
    ],
)


@DAMAGE
def test_a_damaged_log_is_left_alone_and_named(
    tmp_path: Path, damage: Callable[[LogDirectory], None], detail: str, size: int
) -> None:
    """A log that does not match its checkpoints is not touched; the new log starts and names it."""
    log = crashed(tmp_path)
    damage(log)
    append(log.checkpoint_files()[0][1], b"something torn")
    before = contents(log)
    seen: list[tuple[str, str]] = []

    async def work(running: FileAuditLog) -> None:
        seen.extend((one.log, one.detail) for one in running.damage)
        await running.append(entry())

    with_log(work, settings(tmp_path))
    assert seen == [(ORIGIN, detail)]
    assert contents(log) == before
    (named,) = records(newest(tmp_path))[0]["details"]["predecessors"]
    assert (named["state"], named["size"]) == ("damaged", size)


def pipe(path: Path) -> None:
    """Put a pipe that nobody writes to."""
    os.mkfifo(path)


def endless(path: Path) -> None:
    """Put a link to what never ends."""
    path.symlink_to("/dev/zero")


def dangling(path: Path) -> None:
    """Put a link to nothing."""
    path.symlink_to(path.parent / "nowhere")


def device(path: Path) -> None:
    """Put a device that never ends."""
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))


@pytest.mark.parametrize("put", [pipe, endless, dangling, device])
@pytest.mark.parametrize(
    "name", ["checkpoint", "examined", "torn-6", "tile/0/000.p/6", "checkpoints-0000000006", ".checkpoint.1"]
)
def test_what_is_no_file_is_none_of_the_logs(tmp_path: Path, name: str, put: Callable[[Path], None]) -> None:
    """Links, pipes and devices under the names of a log's files are neither followed nor waited for."""
    log = crashed(tmp_path)
    look(tmp_path)
    append(log.segments()[0][1], b"torn")
    path = log.path / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path)
    assert opened(tmp_path)["state"] == "crashed"
    assert [one.read_bytes() for one in log.torn()] == [b"torn"]
    assert sound(tmp_path) == []
    path.unlink(missing_ok=True)
    put(path)
    assert sound(tmp_path) == []


@pytest.mark.parametrize("name", [".checkpoint.1", "torn-6", "examined", "records-0000000000"])
def test_a_directory_in_a_log_keeps_no_service_from_starting(tmp_path: Path, name: str) -> None:
    """Directories under the names of files are passed over."""
    log = crashed(tmp_path)
    append(log.segments()[0][1], b"torn")
    (log.path / name).mkdir()
    assert opened(tmp_path)["state"] == "crashed"
    assert sound(tmp_path) == []


@pytest.mark.parametrize("published", [True, False])
def test_a_broken_checkpoint_before_the_end_cuts_nothing_off(tmp_path: Path, published: bool) -> None:
    """What was done to a checkpoint in the middle is the auditor's to name: those behind it stay."""
    log = crashed(tmp_path)
    if not published:
        log.checkpoint.unlink()
    ((_, path),) = log.checkpoint_files()
    broken = path.read_bytes().replace(b"\n4\n", b"\n04\n", 1)
    path.write_bytes(broken)
    assert opened(tmp_path)["size"] == 6
    assert (path.read_bytes(), log.torn()) == (broken, [])
    (found,) = sound(tmp_path)
    assert found.startswith(f"{ORIGIN}: checkpoint-form at index 3: ")


def test_a_second_order_of_checkpoints_cuts_nothing_off(tmp_path: Path) -> None:
    """The largest signed checkpoint is the end wherever in its file it is: no promised record is moved."""
    log = crashed(tmp_path)
    log.checkpoint.unlink()
    ((_, path),), ((_, segment),) = log.checkpoint_files(), log.segments()
    notes = [note for _, note in split_notes(path.read_bytes())]
    path.write_bytes(b"".join([*notes[:-2], notes[-1], notes[-2]]))
    before = segment.read_bytes()
    assert opened(tmp_path)["size"] == 6
    assert segment.read_bytes() == before
    assert log.torn() == []


@DAMAGE
def test_a_start_can_be_refused_over_damage(
    tmp_path: Path, damage: Callable[[LogDirectory], None], detail: str, size: int
) -> None:
    """Where it is asked for, no log is opened beside a damaged one."""
    damage(crashed(tmp_path))

    async def run() -> None:
        log = FileAuditLog(settings(tmp_path, refuse_on_damage=True), KEY)
        try:
            await log.start()
        finally:
            await log.close()

    with pytest.raises(AuditDamagedError) as refusal:
        asyncio.run(run())
    assert str(refusal.value) == f"the audit log `{ORIGIN}` is damaged: {detail}"
    assert len(find_logs(tmp_path)) == 1
