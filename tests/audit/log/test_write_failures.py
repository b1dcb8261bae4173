"""The writer of the audit log where the disk fails: what is denied, taken back and tried again (section 4.2)."""

import asyncio
import errno
import os
import resource
import time
from pathlib import Path
from typing import Any, cast

import pytest

from acs_sidecar.audit.format.ports import AuditUnavailableError
from acs_sidecar.audit.format.record import ServiceEvent
from acs_sidecar.audit.log.directory import find_logs
from acs_sidecar.audit.log.open_log import Durability, LogLimits
from acs_sidecar.audit.log.writer import FileAuditLog
from tests.audit.log.durabilities import BOTH
from tests.audit.log.logs import (
    decisions,
    entry,
    newest,
    records,
    refused,
    settings,
    sound,
    until_available,
    with_log,
)


@BOTH
def test_what_cannot_be_recorded_stops_nothing(tmp_path: Path, durability: Durability) -> None:
    """An entry that no record can hold is refused, with its group, and the log goes on."""

    async def work(log: FileAuditLog) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        with pytest.raises(AuditUnavailableError, match="the record could not be written"):
            await log.append(ServiceEvent("odd", {"object": cast(Any, object())}))
        position = await log.append(entry(1))
        assert (position.index, log.failure) == (1, None)

    with_log(work, settings(tmp_path, durability=durability))
    assert len(find_logs(tmp_path)) == 1
    assert sound(tmp_path) == []


# Failures


class FullDisk:
    """Lets a process write no byte past a size, as a full disk does: any write past it fails."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def __enter__(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._size, self._limits[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)


@BOTH
def test_a_write_that_fails_denies_and_is_taken_back(tmp_path: Path, durability: Durability) -> None:
    """A commit that does not fit is refused as a whole, then every other; later the count is recorded."""
    too_large = f"the audit log cannot be written: {os.strerror(errno.EFBIG)}"

    async def work(log: FileAuditLog) -> None:
        await decisions(5)(log)
        (directory,) = find_logs(tmp_path)
        ((_, segment),), ((_, checkpoints),) = directory.segments(), directory.checkpoint_files()
        before = segment.read_bytes(), checkpoints.read_bytes()
        with FullDisk(len(before[0]) + 100):
            outcomes = await asyncio.gather(*(refused(log, number) for number in range(5, 8)))
            assert outcomes == [too_large] * 3
            assert await refused(log, 8) == too_large
            assert (segment.read_bytes(), checkpoints.read_bytes()) == before
            assert (log.failure, log.unrecorded) == (too_large, 4)
            await asyncio.sleep(0.2)
            assert log.failure == too_large
        await until_available(log)
        assert log.unrecorded == 0
        await log.append(entry(9))

    with_log(work, settings(tmp_path, durability=durability))
    (log,) = find_logs(tmp_path)
    resumed, decided = records(log)[6:8]
    assert (resumed["event"], resumed["details"]) == ("audit_resumed", {"denials": 4})
    assert decided["agent_id"] == "agent-9"
    assert sound(tmp_path) == []


@BOTH
def test_a_checkpoint_that_cannot_be_written_takes_its_records_back(
    tmp_path: Path, durability: Durability, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the records fit and their checkpoint does not, both files are as they were."""
    real = os.write
    full: list[bool] = []

    def write(handle: int, content: bytes) -> int:
        if full and b"\n\n\xe2\x80\x94" in bytes(content):
            real(handle, bytes(content)[:20])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, content)

    monkeypatch.setattr(os, "write", write)

    async def work(log: FileAuditLog) -> None:
        await decisions(2)(log)
        (directory,) = find_logs(tmp_path)
        before = [path.read_bytes() for _, path in (*directory.segments(), *directory.checkpoint_files())]
        full.append(True)
        assert await refused(log, 3) == f"the audit log cannot be written: {os.strerror(errno.ENOSPC)}"
        after = [path.read_bytes() for _, path in (*directory.segments(), *directory.checkpoint_files())]
        assert after == before
        full.clear()
        await until_available(log)
        await log.append(entry(4))

    with_log(work, settings(tmp_path, durability=durability))
    assert len(find_logs(tmp_path)) == 1
    assert sound(tmp_path) == []


@pytest.mark.slow
def test_a_rotation_that_fails_leaves_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the end of a log cannot be written, records that came meanwhile go on in it, and it is tried again."""
    real = os.write
    full = [True, True]

    def write(handle: int, content: bytes) -> int:
        if full and b'"event":"log_closed"' in bytes(content):
            time.sleep(0.05)
            full.pop()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, content)

    monkeypatch.setattr(os, "write", write)

    async def work(log: FileAuditLog) -> None:
        for number in range(120):
            await asyncio.wait_for(log.append(entry(number)), 5)
            await asyncio.sleep(0.005)
        assert full == []

    with_log(work, settings(tmp_path, limits=LogLimits(records=10)))
    logs = find_logs(tmp_path)
    assert len(logs) > 1
    assert sum(record["event"] == "decision" for log in logs for record in records(log)) == 120
    assert sound(tmp_path) == []


def failing(name: str, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Make a call of the system fail as long as the list that is given has something in it."""
    real: Any = getattr(os, name)
    broken: list[bool] = []

    def call(*arguments: object) -> object:
        if broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(*arguments)

    monkeypatch.setattr(os, name, call)
    return broken


def test_a_log_whose_sync_failed_is_abandoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failed sync nothing is known of the disk: the log ends, the next one names it as damaged."""
    broken = failing("fdatasync", monkeypatch)

    async def work(log: FileAuditLog) -> None:
        await decisions(2)(log)
        first = log.origin
        broken.append(True)
        assert await refused(log, 3) == f"the audit log cannot be written: {os.strerror(errno.EIO)}"
        broken.clear()
        await until_available(log)
        assert log.origin != first
        assert [one.log for one in log.damage] == [first]
        await log.append(entry(4))

    with_log(work, settings(tmp_path, durability=Durability.FSYNC))
    opened, resumed, decided, _ = records(newest(tmp_path))
    (named,) = opened["details"]["predecessors"]
    assert (named["state"], named["size"]) == ("damaged", 3)
    assert resumed["details"] == {"denials": 1}
    assert decided["agent_id"] == "agent-4"
    assert sound(tmp_path) == []


def test_a_log_that_cannot_be_cut_back_is_abandoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When what failed cannot be taken back either, the log ends and the next names it as damaged."""
    broken = failing("ftruncate", monkeypatch)

    async def work(log: FileAuditLog) -> None:
        await decisions(2)(log)
        first = log.origin
        broken.append(True)
        size = find_logs(tmp_path)[0].segments()[0][1].stat().st_size
        with FullDisk(size + 100):
            assert await refused(log, 3) is not None
        await until_available(log)
        assert log.origin != first

    with_log(work, settings(tmp_path))
    (named,) = records(newest(tmp_path))[0]["details"]["predecessors"]
    assert (named["state"], named["size"]) == ("damaged", 3)
    assert sound(tmp_path) == []


def test_a_log_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    """A directory that cannot be made at the start makes the log unavailable, not the start fail."""
    blocked = tmp_path / "audit"
    blocked.write_text("a file where the directory should be")

    async def work(log: FileAuditLog) -> None:
        assert log.failure == f"the audit log cannot be written: {os.strerror(errno.EEXIST)}"
        assert await refused(log, 1) is not None
        blocked.unlink()
        await until_available(log)
        await log.append(entry(2))

    with_log(work, settings(blocked))
    (log,) = find_logs(blocked)
    assert records(log)[1]["details"] == {"denials": 1}
    assert sound(blocked) == []


PLACES = [
    pytest.param("tile/0/000", marks=pytest.mark.slow),
    ".checkpoint.{pid}",
    "records-0000000040.jsonl",
]
"""Files that the log writes; the tile is due after 256 records."""


@pytest.mark.parametrize("name", PLACES)
def test_a_link_in_a_log_is_not_written_through(tmp_path: Path, name: str) -> None:
    """Whoever may write in the directory cannot let the service overwrite what it may write elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")

    async def work(log: FileAuditLog) -> None:
        path = newest(tmp_path / "audit").path / name.format(pid=os.getpid())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(elsewhere)
        for number in range(1200):
            await refused(log, number)

    with_log(work, settings(tmp_path / "audit", limits=LogLimits(segment_bytes=1)))
    assert elsewhere.read_bytes() == b"precious"
    assert sound(tmp_path / "audit") == []


@pytest.mark.parametrize("name", PLACES)
def test_a_pipe_in_a_log_is_not_waited_for(tmp_path: Path, name: str) -> None:
    """A pipe that nobody reads, in the place of a file, holds nothing up: at most, records are refused."""

    async def work(log: FileAuditLog) -> None:
        path = newest(tmp_path / "audit").path / name.format(pid=os.getpid())
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(path)
        for number in range(1200):
            await refused(log, number)
        path.unlink(missing_ok=True)
        await until_available(log)

    with_log(work, settings(tmp_path / "audit", limits=LogLimits(segment_bytes=1)))
    assert sound(tmp_path / "audit") == []


def test_a_checkpoint_that_cannot_be_published_makes_the_log_unavailable(tmp_path: Path) -> None:
    """A log that nobody else can see is one that is not kept: it is refused until it is published."""

    async def work(log: FileAuditLog) -> None:
        (directory,) = find_logs(tmp_path)
        directory.checkpoint.unlink()
        directory.checkpoint.mkdir()
        await log.append(entry(1))
        await until_available(log, available=False)
        directory.checkpoint.rmdir()
        await until_available(log)
        await log.append(entry(2))

    with_log(work, settings(tmp_path))
    assert sound(tmp_path) == []
