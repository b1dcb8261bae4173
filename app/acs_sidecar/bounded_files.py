"""Reads files that somebody names: bounded, and without waiting for what never comes."""

import errno
import os
import stat
from pathlib import Path

__all__ = ["check_regular", "read_at_most", "read_bounded"]


_FOLDER = "is a directory: name a file"
_OTHER = "is a device or a socket: name a file"
_PIPE = "is a pipe: name a file"


def read_bounded(path: Path, most: int) -> bytes:
    """Read a whole file. Raises `OSError` as `read_at_most` does, and for more than `most` bytes."""
    content = read_at_most(path, most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"exceeds {most} bytes", str(path))
    return content


def read_at_most(path: Path, most: int) -> bytes:
    """Read the first `most` bytes of a regular file, or of a pipe into which something was written.

    Raises `OSError`, whose `strerror` says why. Stops: a folder, a device, which has no end, and a pipe
    that nobody writes to, in front of which an ordinary `open` waits forever.
    """
    with open(path, "rb", opener=_opened) as stream:
        content = stream.read(most)
        if not content and stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is a pipe without content: name a file", str(path))
    return content


def check_regular(path: Path) -> None:
    """Raise `OSError`, whose `strerror` says why, unless a path is that of a regular file that can be opened.

    For files that a library opens by their names: in front of a pipe it waits for a writer.
    """
    with open(path, "rb", opener=_opened) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, _PIPE, str(path))


def _opened(path: str, flags: int) -> int:
    """Open a file or a pipe without waiting for a writer; what reads it afterwards waits for the bytes."""
    try:
        handle = os.open(path, flags | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.EINVAL, _OTHER, path) from None
        raise
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        os.close(handle)
        raise OSError(errno.EINVAL, _FOLDER if stat.S_ISDIR(mode) else _OTHER, path)
    os.set_blocking(handle, True)
    return handle
