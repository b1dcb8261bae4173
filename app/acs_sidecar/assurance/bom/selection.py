"""Finds records in logs while their hashes are audited (section 8.2)."""

from dataclasses import dataclass, field

import orjson

from acs_sidecar.audit.format.record import bounded, parse_record
from acs_sidecar.spec.values import JsonObject

__all__ = ["MAX_SELECTED", "RecordSelection", "SelectedRecord", "TooManyRecordsError"]

MAX_SELECTED = 1000
"""How many decisions one command describes: each takes its proof and a look at what came before it."""

_DECIDED = ("decision", "approval")


class TooManyRecordsError(Exception):
    """More records are selected than one command describes."""


@dataclass(frozen=True, slots=True)
class SelectedRecord:
    """A record where it is: its log, its exact line, and that line parsed."""

    log: str
    line: bytes
    value: JsonObject

    @property
    def index(self) -> int:
        """The index that the record states; the auditor has held it against its place."""
        index = self.value["index"]
        return index if isinstance(index, int) else -1

    def text(self, member: str) -> str | None:
        """Return a member that is a text."""
        value = self.value.get(member)
        return value if isinstance(value, str) else None


@dataclass(slots=True)
class RecordSelection:
    """Decisions and approvals whose `member` is a value, since a time in the form of a record's."""

    member: str
    value: str
    since: str | None = None
    found: list[SelectedRecord] = field(default_factory=list)

    @property
    def needle(self) -> bytes:
        """What the line of each of them holds."""
        return orjson.dumps({self.member: bounded(self.value)})[1:-1]

    def observe(self, log: str, index: int, line: bytes) -> None:
        """Look at a line that holds the needle. Raises `TooManyRecordsError`."""
        record = parse_record(line) or {}
        stated = record.get("log"), record.get("index"), record.get(self.member)
        if stated != (log, index, bounded(self.value)) or "decision" not in record:
            return
        if record.get("event") not in _DECIDED:
            return
        if self.since is not None and str(record.get("time")) < self.since:
            return
        if len(self.found) == MAX_SELECTED:
            raise TooManyRecordsError
        self.found.append(SelectedRecord(log, line, record))
