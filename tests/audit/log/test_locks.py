"""The locks of an audit directory: who can take them, and what a start says that waits (section 4.2)."""

import fcntl
import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acs_sidecar.audit.log import locks
from acs_sidecar.audit.log.directory import find_logs
from acs_sidecar.audit.log.locks import locked
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.audit.ship.shipper import alone
from tests.audit.log.logs import decisions, entry, refused, settings, sound, until_available, with_log


@contextmanager
def flocked(directory: Path) -> Iterator[None]:
    """Lock a directory, as everybody can who may read it."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def test_a_reader_of_the_directory_delays_no_start(tmp_path: Path) -> None:
    """A lock on the audit directory, which any reader can take, is none that a start waits for."""
    start = threading.Thread(target=with_log, args=(decisions(1), settings(tmp_path)))
    with flocked(tmp_path):
        start.start()
        start.join(4)
        waits = start.is_alive()
    start.join()
    assert not waits
    assert sound(tmp_path) == []


@pytest.mark.parametrize(("lock", "name"), [(locked, ".lock"), (alone, ".shipping")])
@pytest.mark.parametrize("before", [None, 0o644])
def test_only_the_owner_can_open_a_lock(tmp_path: Path, lock: object, name: str, before: int | None) -> None:
    """The files that are locked have mode 0600, also where an earlier version made them readable."""
    if before is not None:
        (tmp_path / name).touch(before)
    assert callable(lock)
    with lock(tmp_path):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_start_that_waits_says_who_has_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the wait the log is unavailable and says who holds the lock, until that one lets go."""
    assert locks.PATIENCE_SECONDS == 5
    monkeypatch.setattr(locks, "PATIENCE_SECONDS", 0.2)
    holder = locked(tmp_path)
    holder.__enter__()

    async def work(log: FileAuditLog) -> None:
        reason = f"locked by process {os.getpid()} on {socket.gethostname()}"
        assert log.failure == f"the audit log cannot be written: {reason}"
        assert await refused(log, 1) == log.failure
        holder.__exit__(None, None, None)
        await until_available(log)
        await log.append(entry(2))

    with_log(work, settings(tmp_path))
    assert sound(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"\xff" * 1_000])
def test_a_holder_that_left_no_name_is_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """What the file says is read within a bound; one that says nothing leaves the holder unnamed."""
    monkeypatch.setattr(locks, "PATIENCE_SECONDS", 0.0)
    with locked(tmp_path):
        (tmp_path / ".lock").write_bytes(content)
        with pytest.raises(BlockingIOError) as refusal, locked(tmp_path):
            pass
    assert refusal.value.strerror == f"locked by {'�' * 300 if content else 'another process'}"
    assert refusal.value.filename == str(tmp_path)


def test_a_log_that_a_reader_locked_first_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that locks the directory of a new log holds up one attempt: the next has another directory."""
    monkeypatch.setattr(locks, "PATIENCE_SECONDS", 0.1)
    flock = fcntl.flock
    taken: list[int] = []

    def first_by_another(handle: int, operation: int) -> None:
        if not taken and Path(f"/proc/self/fd/{handle}").readlink().parent.name == "0":
            taken.append(os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_DIRECTORY))
            flock(taken[0], fcntl.LOCK_EX)
        flock(handle, operation)

    async def work(log: FileAuditLog) -> None:
        assert log.failure == "the audit log cannot be written: locked by another process"
        await until_available(log)
        await log.append(entry(1))

    monkeypatch.setattr(fcntl, "flock", first_by_another)
    try:
        with_log(work, settings(tmp_path))
        assert len(find_logs(tmp_path)) == 2
    finally:
        os.close(taken[0])
    assert sound(tmp_path) == []
