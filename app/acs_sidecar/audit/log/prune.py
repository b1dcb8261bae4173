"""Deletes whole logs past their retention; the deletion is recorded first, under the key (section 4.5)."""

import base64
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from acs_sidecar.audit.format.claims import LogState, Predecessor, opening_events
from acs_sidecar.audit.format.record import ServiceEvent
from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.audit.log.directory import LogDirectory
from acs_sidecar.audit.log.keys import AuditKey
from acs_sidecar.audit.log.locks import locked
from acs_sidecar.audit.log.opening import AuditLogSettings, prepare_log
from acs_sidecar.audit.log.records import LogDamagedError, record_lines
from acs_sidecar.audit.log.recovery import inspect
from acs_sidecar.spec.values import Json

__all__ = ["PRUNING_WORKER", "Pruned", "prunable", "prune"]

PRUNING_WORKER = "prune"
_ENDED = frozenset({LogState.CLOSED, LogState.CRASHED})


@dataclass(frozen=True, slots=True)
class Pruned:
    """A log to delete: its size and root, and the time of its last record."""

    log: str
    size: int
    root: bytes
    number: int
    last_time: str

    def as_json(self) -> dict[str, Json]:
        """Return the details of the record that states the deletion."""
        return {
            "log": self.log,
            "size": self.size,
            "root": base64.b64encode(self.root).decode(),
            "number": self.number,
            "last_time": self.last_time,
        }


def prunable(
    settings: AuditLogSettings, trust: Trust, predecessors: tuple[Predecessor, ...], before: str
) -> Iterator[Pruned]:
    """Yield the logs that have ended, in order, with a last record before `before`.

    Those that state deletions stay, for without them a deleted log would be a missing one; so does a
    log that is damaged, being evidence. Each is hashed anew: whoever can write the files could date one
    back and have its removal excused under the key.
    """
    for found in predecessors:
        worker = found.log.split("/")[2]
        if found.state not in _ENDED or not found.size or worker == PRUNING_WORKER:
            continue
        directory = LogDirectory(settings.directory, found.log)
        last_time = _last_time(directory, found.size)
        if last_time is not None and last_time < before and _is_whole(directory, trust):
            yield Pruned(found.log, found.size, found.root, found.number, last_time)


def prune(settings: AuditLogSettings, key: AuditKey, before: str, dry_run: bool) -> list[Pruned]:
    """Delete the logs of `settings.directory` that ended before `before`, and return them.

    Raises `OSError`, `AuditDamagedError`.
    """
    log, found = prepare_log(settings, key, {})
    try:
        selected = list(prunable(settings, key.trust, found.predecessors, before))
        if dry_run or not selected:
            return selected
        vkey = str(key.verifier_key(log.origin))
        log.commit(opening_events(vkey, {**settings.facts, "retention": before}, found.predecessors))
        # Whoever opens a log meanwhile waits, and finds either all of them or none.
        with locked(settings.directory):
            log.commit([ServiceEvent("log_pruned", one.as_json()) for one in selected])
            log.commit([ServiceEvent("log_closed", {"reason": "pruned"})])
            log.publish(log.checkpoint)
            for one in selected:
                _delete(LogDirectory(settings.directory, one.log))
        return selected
    finally:
        log.discard()


def _last_time(directory: LogDirectory, size: int) -> str | None:
    try:
        (line,) = record_lines(directory, size - 1, size)
        record = orjson.loads(line)
    except (LogDamagedError, orjson.JSONDecodeError):
        return None
    time = record.get("time") if isinstance(record, dict) else None
    return time if isinstance(time, str) else None


def _is_whole(directory: LogDirectory, trust: Trust) -> bool:
    try:
        inspect(directory, trust, sys.maxsize)
    except LogDamagedError:
        return False
    return True


def _delete(directory: LogDirectory) -> None:
    """Move a log out of the audit directory atomically, then delete it."""
    removed = directory.path.with_name(f"{directory.path.name}~pruned")
    directory.path.rename(removed)
    shutil.rmtree(removed)
