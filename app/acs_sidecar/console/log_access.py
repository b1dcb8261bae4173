"""The audit logs that the console shows, straight from the disk (section 15.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acs_sidecar.audit.log.directory import LogDirectory, find_logs
from acs_sidecar.audit.log.records import record_lines
from acs_sidecar.audit.read.reader import AuditReader, LogSummary
from acs_sidecar.audit.read.search import RecordSource

__all__ = ["LogAccess"]


@dataclass(frozen=True, slots=True)
class _LogOnDisk:
    """One log, as far as it was published when it was asked for."""

    directory: LogDirectory
    size: int

    @property
    def origin(self) -> str:
        return self.directory.origin

    def lines(self, start: int, end: int) -> Sequence[bytes]:
        return list(record_lines(self.directory, start, end))


class LogAccess:
    """Reads the logs below an audit directory; nothing here verifies them, which is the browser's part."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reader = AuditReader(root)

    def sources(self) -> list[RecordSource]:
        """Return the logs that have records, as they are now. Raises `OSError`."""
        if not self.root.is_dir():
            return []
        logs = (_LogOnDisk(log, log.published_size()) for log in find_logs(self.root))
        return [log for log in logs if log.size]

    def summaries(self) -> list[LogSummary]:
        """Describe every log. Raises `OSError`."""
        return self.reader.logs() if self.root.is_dir() else []

    def bytes(self) -> int:
        """Return how much of the disk the logs take."""
        paths = self.root.rglob("*") if self.root.is_dir() else ()
        return sum(path.lstat().st_size for path in paths if not path.is_symlink())
