"""Files that the arguments of a command name."""

import sys
from pathlib import Path

from acs_sidecar.bounded_files import read_bounded
from acs_sidecar.cli.output import fail

__all__ = ["MAX_BYTES", "read_input", "read_user_file"]

MAX_BYTES = 16 * 1024 * 1024


def read_user_file(path: Path, most: int = MAX_BYTES, name: str = "") -> bytes:
    """Read a file of at most `most` bytes, or end the command, calling the file by `name` or its path."""
    try:
        return read_bounded(path, most)
    except OSError as error:
        fail(f"{name or path}: {error.strerror}")


def read_input(place: str, most: int = MAX_BYTES, name: str = "") -> bytes:
    """Read a file, or standard input where `place` is `-`, as `read_user_file` does."""
    if place != "-":
        return read_user_file(Path(place), most, name)
    content = sys.stdin.buffer.read(most + 1)
    if len(content) > most:
        fail(f"{name or 'standard input'}: exceeds {most} bytes")
    return content
