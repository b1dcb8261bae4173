"""The audit of a log by its hashes alone: whether a record was changed, removed or moved (section 4.5)."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from operator import methodcaller
from typing import Protocol

from acs_sidecar.audit.format.findings import BrokenLogError, Property
from acs_sidecar.audit.format.log_source import LogSource
from acs_sidecar.audit.format.record import MAX_RECORD_BYTES, parse_record
from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.audit.format.verify import LogAudit, LogAuditor
from acs_sidecar.spec.values import Json

__all__ = ["HashedLines", "HashedSegment", "HashedSource", "Observed", "audit_hashes", "hash_lines"]

Observed = Callable[[str, int, bytes], None]
"""Sees the lines that were looked for: the log, the index and the line of each."""

_DECIDED = b'{"agent_id":'
"""How the canonical form of a decision or an approval begins, and of no other event."""

_is_decided = methodcaller("startswith", _DECIDED)


@dataclass(slots=True)
class HashedLines:
    """What an audit of hashes needs of lines that follow one another: not the lines.

    `events` and `found` are lines with their index: the first and all that are no decision; the needle.
    """

    leaves: list[bytes] = field(default_factory=list)
    events: list[tuple[int, bytes]] = field(default_factory=list)
    found: list[tuple[int, bytes]] = field(default_factory=list)
    last: bytes = b""
    length: int = 0

    def add(self, lines: list[bytes], index: int, needle: bytes | None) -> None:
        """Add lines from a known index on."""
        self.leaves += [sha256(b"\x00" + line).digest() for line in lines]
        if index == 0 or not all(map(_is_decided, lines)):
            self.events += [
                (at, line) for at, line in enumerate(lines, index) if not (at and _is_decided(line))
            ]
        if needle is not None:
            self.found += [(at, line) for at, line in enumerate(lines, index) if needle in line]
        self.last = lines[-1]
        self.length += sum(map(len, lines)) + len(lines)


@dataclass(frozen=True, slots=True)
class HashedSegment:
    """The lines of a segment that begins with record `first`, and how many bytes follow the last newline."""

    first: int
    parts: tuple[HashedLines, ...]
    unfinished: int


class HashedSource(LogSource, Protocol):
    """A log whose segments can be had hashed."""

    def hashed_segments(self, stops: Sequence[int], needle: bytes | None) -> Iterator[HashedSegment]:
        """Hash every segment by `hash_lines`, in order of their first index. Raises `OSError`."""
        ...


def hash_lines(
    chunks: Iterable[bytes], first: int, stops: Sequence[int], needle: bytes | None
) -> HashedSegment:
    """Hash the records of a segment before the last of `stops`, in parts that end at each of them."""
    parts, at, end, rest = [HashedLines()], first, stops[-1], b""
    for chunk in chunks:
        lines = chunk.split(b"\n")
        lines[0] = rest + lines[0]
        rest = lines.pop()
        sought = needle if needle and (needle in chunk or (lines and needle in lines[0])) else None
        while lines and at < end:
            stop = stops[bisect_right(stops, at)]
            part, lines = lines[: stop - at], lines[stop - at :]
            parts[-1].add(part, at, sought)
            at += len(part)
            if at == stop:
                parts.append(HashedLines())
        if at >= end:
            rest = b""
            break
        if len(rest) > MAX_RECORD_BYTES:
            break
    return HashedSegment(first, tuple(part for part in parts if part.leaves), len(rest))


def audit_hashes(
    source: HashedSource,
    trust: Trust,
    sizes: Iterable[int] = (),
    progress: Callable[[int], None] = lambda _: None,
    *,
    needle: bytes | None = None,
    observe: Observed = lambda _log, _index, _line: None,
) -> LogAudit:
    """Audit one log as `audit_log` does, in a third of the time: decisions are hashed and not parsed.

    So it is the writer's word that each is well-formed and names its index; that all of them are the ones
    that were signed, in their order, is proven as there. `observe` sees every line that holds `needle`
    before anything is known of the root over it. Raises `OSError` when the source does.
    """
    return _HashAuditor(source, trust, sizes, needle, observe).audit(progress)


class _HashAuditor(LogAuditor[HashedLines]):
    """One pass that parses events and the last record of each part only."""

    def __init__(
        self,
        source: HashedSource,
        trust: Trust,
        sizes: Iterable[int],
        needle: bytes | None,
        observe: Observed,
    ) -> None:
        super().__init__(source, trust, sizes)
        self._hashed = source
        self._needle = needle
        self._observe = observe

    def _parts(self, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[HashedLines]:
        at, end = 0, stops[-1]
        for segment in self._hashed.hashed_segments(stops, self._needle):
            if segment.first != at and (segment.first < end or at < end):
                detail = f"the next segment begins at index {segment.first}"
                raise BrokenLogError(Property.RECORD_PRESENT, at, detail)
            for part in segment.parts:
                yield part
                at += len(part.leaves)
                progress(len(part.leaves))
            if segment.unfinished > MAX_RECORD_BYTES:
                detail = f"the record exceeds {MAX_RECORD_BYTES} bytes"
                raise BrokenLogError(Property.RECORD_FORM, at, detail)
            if segment.unfinished:
                raise BrokenLogError(Property.RECORD_PRESENT, at, "the segment ends within this record")
        self.report.pending_bytes += self._source.unread()

    def _take(self, part: HashedLines) -> None:
        for index, line in part.events:
            self._take_event_line(line, index)
        last = self._frontier.size + len(part.leaves) - 1
        self._last_time = _time_of(_parsed(part.last, last), last)
        self._append(part.leaves)
        for index, line in part.found:
            self._observe(self._origin, index, line)

    def _take_event_line(self, line: bytes, index: int) -> None:
        record = _parsed(line, index)
        event = record.get("event")
        if index == 0 and event != "log_opened":
            raise BrokenLogError(Property.LOG_OPENED, 0, "the first record is not `log_opened`")
        self._take_event(event, record, index)


def _parsed(line: bytes, index: int) -> dict[str, Json]:
    record = parse_record(line)
    if record is None:
        raise BrokenLogError(
            Property.RECORD_FORM, index, "the record is not one JSON object in canonical form"
        )
    return record


def _time_of(record: dict[str, Json], index: int) -> str:
    time = record.get("time")
    if not isinstance(time, str):
        raise BrokenLogError(Property.RECORD_FORM, index, "`time` is not an RFC 3339 time")
    return time
