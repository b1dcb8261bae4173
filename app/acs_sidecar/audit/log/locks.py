"""Locks within an audit directory, on files that only the service's user can open (section 4.2).

Who may read a directory can lock it, and every file in it that is readable: a lock on either would be
anybody's to take.
"""

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["PATIENCE_SECONDS", "acquire", "lock_file", "locked"]

PATIENCE_SECONDS = 5.0
_LOCK = ".lock"
_MODE = 0o600
_POLL_SECONDS = 0.01
_MOST_HOLDER_BYTES = 300


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Acquire the lock of an audit directory. Raises `OSError`, which names the holder, as `acquire` does."""
    with lock_file(directory / _LOCK) as handle:
        acquire(handle, directory)
        with suppress(OSError):  # a full disk keeps nobody from the lock: the holder is then unknown
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield


@contextmanager
def lock_file(path: Path) -> Iterator[int]:
    """Open a file to lock, which nobody but its owner can open; closing it releases the lock."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, _MODE)
    try:
        os.fchmod(handle, _MODE)
        yield handle
    finally:
        os.close(handle)


def acquire(handle: int, path: Path) -> None:
    """Lock an open file or directory, waiting `PATIENCE_SECONDS` for who has it.

    Raises `OSError`: after the wait, one that says who holds the lock.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise OSError(errno.EAGAIN, f"locked by {_holder(handle)}", str(path)) from None
            time.sleep(_POLL_SECONDS)
        else:
            return


def _holder(handle: int) -> str:
    holder = b""
    with suppress(OSError):  # a directory cannot be read
        holder = os.pread(handle, _MOST_HOLDER_BYTES, 0)
    return holder.decode(errors="replace") or "another process"
