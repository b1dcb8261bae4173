"""Finds the logs at a place and goes through their records, for the commands (section 4.5)."""

import heapq
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from acs_sidecar.audit.format.origin import ORIGIN_PARTS
from acs_sidecar.audit.format.record import has_header, parse_record
from acs_sidecar.audit.log.directory import LogDirectory, find_logs
from acs_sidecar.audit.log.records import LogDamagedError, record_lines
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["LogSelection", "RecordFilter", "follow_records", "logs_at", "read_records"]

_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class LogSelection:
    """The logs at a path; `whole` when the path is an audit directory with all of its logs."""

    logs: tuple[LogDirectory, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records to show: every criterion that is given must hold. `since` is a record's `time`."""

    agent: str | None = None
    decision: str | None = None
    event: str | None = None
    since: str | None = None
    session: str | None = None

    def admits(self, record: JsonObject) -> bool:
        """True if a record is to be shown."""
        wanted = {
            "agent_id": self.agent,
            "decision": self.decision,
            "event": self.event,
            "session_id": self.session,
        }
        if any(value is not None and record.get(name) != value for name, value in wanted.items()):
            return False
        return self.since is None or str(record.get("time")) >= self.since


def logs_at(path: Path) -> LogSelection:
    """Find the logs at an audit directory, or at any directory within it down to that of one log.

    A directory in which no log has any file yet, or any more, is none.
    """
    path = path.resolve()
    for depth, root in enumerate([path, *path.parents][: ORIGIN_PARTS + 1]):
        logs = find_logs(root, path.relative_to(root).parts)
        below = tuple(log for log in logs if log.exists() and log.has_files())
        if below:
            return LogSelection(below, whole=depth == 0)
    return LogSelection((), whole=False)


def read_records(logs: Sequence[LogDirectory], chosen: RecordFilter) -> Iterator[dict[str, Json]]:
    """Return the records of logs, merged by time, up to what each has published.

    Raises `LogDamagedError` when a record is missing or none, `OSError`.
    """
    streams = [_records(log, 0, log.published_size(), chosen) for log in logs]
    return heapq.merge(*streams, key=lambda record: str(record.get("time")))


def follow_records(place: Path, chosen: RecordFilter) -> Iterator[dict[str, Json]]:
    """Yield records as they are published, in the logs at a place and in those that appear there."""
    shown = {log.origin: log.published_size() for log in logs_at(place).logs}
    while True:
        time.sleep(_POLL_SECONDS)
        for log in logs_at(place).logs:
            start, size = shown.get(log.origin, 0), log.published_size()
            shown[log.origin] = size
            yield from _records(log, start, size, chosen)


def _records(log: LogDirectory, start: int, end: int, chosen: RecordFilter) -> Iterator[dict[str, Json]]:
    for index, line in enumerate(record_lines(log, start, end), start):
        record = parse_record(line)
        if record is None or not has_header(record, log.origin, index):
            raise LogDamagedError(f"record {index} of `{log.origin}` is not a record")
        if chosen.admits(record):
            yield record
