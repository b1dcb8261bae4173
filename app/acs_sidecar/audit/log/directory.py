"""The files of the audit log: where they are, who holds them, how they are replaced (section 4.2)."""

import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from acs_sidecar.audit.format.checkpoint import stated_size
from acs_sidecar.audit.format.note import MAX_NOTE_BYTES
from acs_sidecar.audit.format.origin import ORIGIN_PARTS, is_origin, is_origin_part

__all__ = [
    "CHECKPOINT",
    "MAX_CHECKPOINTS_BYTES",
    "LogDirectory",
    "find_logs",
    "kept_checkpoints",
    "open_file",
    "read_file",
    "remove_if_there",
    "replace_file",
    "sync_directory",
    "write_all",
]

CHECKPOINT = "checkpoint"
FILE_MODE = 0o640
DIRECTORY_MODE = 0o750
WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""How a file of a log is opened to write: never through a link, nor waiting for who reads a pipe."""

MAX_CHECKPOINTS_BYTES = 64 * 1024 * 1024
"""A file of checkpoints is never longer: they are shorter than the 16 MiB of records that they sign."""

_SEGMENT = re.compile(r"records-([0-9]{1,18})\.jsonl")
_CHECKPOINTS = re.compile(r"checkpoints-([0-9]{1,18})")
_TORN = re.compile(r"torn-[0-9]{1,18}(?:-[0-9]+)?(?:\.checkpoint)?")


@dataclass(frozen=True, slots=True)
class LogDirectory:
    """The directory of one log below the audit directory `root`; made of a checked origin only."""

    root: Path
    origin: str

    def __post_init__(self) -> None:
        """Refuse to become a path for anything that is not an origin."""
        if not is_origin(self.origin):
            raise ValueError(f"`{self.origin}` is not the name of a log")

    @property
    def path(self) -> Path:
        """The directory itself."""
        return self.root / self.origin

    @property
    def checkpoint(self) -> Path:
        """The newest checkpoint that was published."""
        return self.path / CHECKPOINT

    def exists(self) -> bool:
        """True if the log is there, by directories alone: links are not followed."""
        levels = [self.path, *self.path.parents[: ORIGIN_PARTS - 1]]
        return all(level.is_dir() and not level.is_symlink() for level in levels)

    def segment(self, first: int) -> Path:
        """The records from index `first` on."""
        return self.path / f"records-{first:010d}.jsonl"

    def checkpoints(self, first: int) -> Path:
        """The checkpoints of the segment that begins at index `first`."""
        return self.path / f"checkpoints-{first:010d}"

    def segments(self) -> list[tuple[int, Path]]:
        """List first index and path of every segment, by first index."""
        return self._numbered(_SEGMENT)

    def checkpoint_files(self) -> list[tuple[int, Path]]:
        """List first index and path of every file of checkpoints, by first index."""
        return self._numbered(_CHECKPOINTS)

    def torn(self) -> list[Path]:
        """List what was moved aside after a crash."""
        return sorted(self.path / name for name in self._files() if _TORN.fullmatch(name))

    def has_files(self) -> bool:
        """True if there are records or checkpoints."""
        return bool(self.segments() or self.checkpoint_files() or self.checkpoint.exists())

    def published(self) -> bytes | None:
        """Read the newest published checkpoint; of one that is too long to be a note, the beginning."""
        try:
            return read_file(self.checkpoint, MAX_NOTE_BYTES + 1)
        except FileNotFoundError:
            return None

    def published_size(self) -> int:
        """Return the size that the newest published checkpoint states, unverified; 0 without one."""
        return stated_size(self.published() or b"")

    def held(self) -> bool:
        """True if a process is writing the log."""
        handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def _numbered(self, pattern: re.Pattern[str]) -> list[tuple[int, Path]]:
        matches = ((pattern.fullmatch(name), name) for name in self._files())
        return sorted((int(match[1]), self.path / name) for match, name in matches if match)

    def _files(self) -> Iterator[str]:
        return (entry.name for entry in os.scandir(self.path) if entry.is_file(follow_symlinks=False))


def find_logs(root: Path, within: tuple[str, ...] = ()) -> list[LogDirectory]:
    """List every log below the audit directory, or those whose origin begins with the parts `within`.

    They come by origin; links are not followed.
    """
    found = [within] if all(map(is_origin_part, within)) else []
    for _ in range(ORIGIN_PARTS - len(within)):
        found = [
            (*parts, entry.name)
            for parts in found
            for entry in _directories(root.joinpath(*parts))
            if is_origin_part(entry.name)
        ]
    return [LogDirectory(root, "/".join(parts)) for parts in sorted(found)]


def open_file(path: Path | str) -> int:
    """Open a regular file to read. Raises `OSError`; `FileNotFoundError` also for any other kind of file.

    Stops: a link, a pipe or a device in the place of a log's file, which leads elsewhere or never ends.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return handle


def read_file(path: Path, most: int) -> bytes:
    """Read a file, at most so many bytes of it. Raises as `open_file` does."""
    with os.fdopen(open_file(path), "rb") as file:
        return file.read(most)


def kept_checkpoints(path: Path) -> bytes:
    """Read a file of checkpoints. Raises `OSError`, also for one that is longer than any can be."""
    content = read_file(path, MAX_CHECKPOINTS_BYTES + 1)
    if len(content) > MAX_CHECKPOINTS_BYTES:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content


def write_all(handle: int, content: bytes | bytearray) -> None:
    """Write all of `content`, in one call unless the kernel takes less. Raises `OSError`."""
    written = os.write(handle, content)
    while written < len(content):
        written += os.write(handle, content[written:])


def replace_file(path: Path, content: bytes, sync: bool) -> None:
    """Replace the content of `path` atomically: a reader sees all of the old or all of the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temporary, WRITE_FLAGS | os.O_TRUNC, FILE_MODE)
    try:
        write_all(handle, content)
        if sync:
            os.fsync(handle)
    except OSError:
        remove_if_there(temporary)
        raise
    finally:
        os.close(handle)
    temporary.rename(path)
    if sync:
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the entries of a directory durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_if_there(path: Path) -> None:
    """Remove a file that may be gone already."""
    path.unlink(missing_ok=True)


def _directories(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
