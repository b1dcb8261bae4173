"""The audit logs below a directory, straight from the disk (section 15.2)."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from acs_sidecar.audit.log.directory import find_logs
from acs_sidecar.audit.log.records import record_pieces
from acs_sidecar.audit.read.reader import AuditReader, LogSummary
from acs_sidecar.console.log_access import DiskUse

__all__ = ["DiskLogs"]


@dataclass(frozen=True, slots=True)
class _LogOnDisk:
    """One log, as far as it was published when it was asked for."""

    origin: str
    size: int
    segments: Sequence[tuple[int, Path]]

    def pieces(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        return record_pieces(self.segments, start, end)


class DiskLogs:
    """Reads the logs below an audit directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.reader = AuditReader(root)

    @property
    def place(self) -> str:
        """The directory."""
        return str(self._root)

    def sources(self) -> list[_LogOnDisk]:
        """Return the logs that have records, as they are now. Raises `OSError`."""
        if not self._root.is_dir():
            return []
        sizes = ((log, log.published_size()) for log in find_logs(self._root))
        return [_LogOnDisk(log.origin, size, log.segments()) for log, size in sizes if size]

    def summaries(self) -> list[LogSummary]:
        """Describe every log. Raises `OSError`."""
        return self.reader.logs() if self._root.is_dir() else []

    def disk(self) -> DiskUse | None:
        """Return what the logs take, without following links. Raises `OSError`."""
        if not self._root.is_dir():
            return None
        return DiskUse(_bytes_below(self._root), shutil.disk_usage(self._root).free)


def _bytes_below(folder: Path) -> int:
    total, folders = 0, [str(folder)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif not entry.is_symlink():
                    total += entry.stat(follow_symlinks=False).st_size
    return total
