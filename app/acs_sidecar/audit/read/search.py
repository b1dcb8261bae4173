"""Searches logs backwards, newest records first, a bounded part at a time (section 15.2)."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol

import orjson

from acs_sidecar.audit.format.record import has_header, parse_record
from acs_sidecar.audit.log.records import LogDamagedError
from acs_sidecar.audit.read.matching import (
    FindText,
    at_least_pattern,
    matching_lines,
    pattern_finder,
    text_finder,
)
from acs_sidecar.spec.values import Json

__all__ = [
    "FoundPart",
    "RecordPlace",
    "RecordSource",
    "Wanted",
    "first_from",
    "parsed_record",
    "place_at",
    "search",
]

ParseRecord = Callable[[bytes, str, int], Mapping[str, Json] | None]
"""Parses the line at a place of a log to the members of a record, or to `None` where it is none of there."""

PlaceAt = Callable[["RecordSource", int], "RecordPlace"]
"""Returns where the record at a place of a log stands among those of all logs."""

_FIRST_BLOCK = 64
_MOST_BLOCK = 4_096


class RecordSource(Protocol):
    """The records of one log, up to what it has published."""

    @property
    def origin(self) -> str:
        """The log's name."""
        ...

    @property
    def size(self) -> int:
        """How many records may be shown."""
        ...

    def pieces(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield the exact lines of the records `[start, end)`, each with its newline, many at once.

        Each piece comes with the index of its first record; every record is in one of them.
        Raises `LogDamagedError`, `OSError`.
        """
        ...


class RecordPlace(NamedTuple):
    """Where a record stands among those of all logs: its time, then its log and its position there.

    `ends` has the logs in which a search goes on elsewhere than their times tell, each with how many of its
    records are left: its clock was set back.
    """

    time: str
    log: str
    position: int
    ends: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records to find: each member as it is here, a text within the reason, a time from and before.

    `duration_us` is how long a decision took at least.
    """

    members: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    since: str | None = None
    until: str | None = None
    duration_us: float | None = None

    @property
    def end(self) -> RecordPlace | None:
        """What `until` is as a place."""
        return None if self.until is None else RecordPlace(self.until, "", -1)

    def finders(self) -> list[FindText]:
        """Return what finds each text of such a line: canonical JSON writes a member in one way."""
        texts = [orjson.dumps(name) + b":" + orjson.dumps(value) for name, value in self.members.items()]
        patterns = []
        if self.reason is not None:
            patterns.append(re.escape(orjson.dumps(self.reason)[1:-1]))
        if self.duration_us is not None:
            patterns.append(at_least_pattern(math.ceil(self.duration_us)))
        return [*map(text_finder, texts), *map(pattern_finder, patterns)]

    def admits(self, record: Mapping[str, Json]) -> bool:
        """True if a record is to be shown."""
        if any(record.get(name) != value for name, value in self.members.items()):
            return False
        time = str(record.get("time"))
        if time < (self.since or "") or (self.until is not None and time >= self.until):
            return False
        if self.duration_us is not None and not _at_least(record.get("duration_us"), self.duration_us):
            return False
        return self.reason is None or self.reason in str(record.get("reason") or "")


def _at_least(value: Json, least: float) -> bool:
    return isinstance(value, int | float) and value >= least


@dataclass(frozen=True, slots=True)
class FoundPart:
    """The records that were found, newest first, and how far the search has come.

    `rest` is where to go on, `None` at the end. `looked_at` counts records, `total` all that could be.
    `damage` says of each log that is not what its checkpoint states why nothing before that is found in it.
    """

    records: tuple[Mapping[str, Json], ...]
    rest: RecordPlace | None
    looked_at: int
    total: int
    damage: tuple[str, ...] = ()


def search(
    sources: Sequence[RecordSource],
    wanted: Wanted,
    before: RecordPlace | None = None,
    *,
    behind: Mapping[str, int] = MappingProxyType({}),
    most: int = 50,
    most_looked_at: int = 100_000,
    enough: Callable[[], bool] | None = None,
    parse: ParseRecord | None = None,
) -> FoundPart:
    """Find the newest records before a place: at most `most`, looking at about `most_looked_at`.

    It ends before that once `enough` is true, which is asked after each look at 4,096 records at most.
    The records of a log keep their order where its clock was set back, so that one may come with those of
    other logs that are older. `until` is found by bisection, and `since` ends a search, both with looks at
    further records, each a fifth farther from both ends: what a wrong clock wrote in between may be missing.
    `behind` is how many records of a log are left out, by its name: those at its beginning.
    `parse` may leave out members that nothing here and no filter reads. Raises `OSError`.
    """
    start = before or wanted.end or _NEWEST
    first_block = max(2, _FIRST_BLOCK // max(1, len(sources)))
    cursors = [
        _Cursor(
            source,
            wanted,
            start,
            behind.get(source.origin, 0),
            parse=parse or parsed_record,
            block=first_block,
        )
        for source in sources
        if source.size > behind.get(source.origin, 0)
    ]
    for cursor in cursors:
        cursor.look()
    found: list[_Found] = []
    while True:
        open_cursors = [cursor for cursor in cursors if not cursor.done]
        horizon = max((cursor.horizon for cursor in open_cursors), default=None)
        for cursor in cursors:
            found += cursor.taken(horizon)
        looked_at = sum(cursor.looked_at for cursor in cursors)
        if horizon is None or len(found) >= most or looked_at >= most_looked_at or (enough and enough()):
            break
        max(open_cursors, key=lambda cursor: cursor.horizon).look()
    found.sort(key=lambda one: one[0], reverse=True)
    rest = found[most - 1][0] if len(found) > most else horizon
    if rest is not None:
        shown, left = dict(map(_spot, found[:most])), dict(map(_spot, reversed(found[most:])))
        ends = (
            (one.origin, one.end_behind(rest, shown.get(one.origin), left.get(one.origin))) for one in cursors
        )
        rest = rest._replace(ends=tuple((origin, end) for origin, end in ends if end is not None))
    records = tuple(record for _, record in found[:most])
    damage = tuple(cursor.damage for cursor in cursors if cursor.damage)
    return FoundPart(records, rest, looked_at, sum(source.size for source in sources), damage)


def place_at(source: RecordSource, index: int) -> RecordPlace:
    """Return where a record stands. Raises `LogDamagedError` where it is missing or none, `OSError`."""
    return _first_place(source, *next(iter(source.pieces(index, index + 1))))


def _place_or_oldest(source: RecordSource, index: int) -> RecordPlace:
    """Return where a record stands, before all others where it is missing or none. Raises `OSError`."""
    try:
        return place_at(source, index)
    except LogDamagedError:
        return RecordPlace("", source.origin, index)


def first_from(source: RecordSource, place: RecordPlace, placed: PlaceAt = place_at) -> int:
    """Return the index of a log's first record at or behind a place; its size where none is.

    A place of this log says where it is itself, and others are found by bisection.

    `placed` says where a record stands. Raises `LogDamagedError` where it does, `OSError`.
    """
    named = place.position if place.log == source.origin else -1
    if 0 <= named < source.size and placed(source, named) == place:
        return named
    low = 0
    for bit in reversed(range(source.size.bit_length())):  # asks for the same records when a log has grown
        behind = low + (1 << bit)
        if behind <= source.size and placed(source, behind - 1) < place:
            low = behind
    return low


_Found = tuple[RecordPlace, Mapping[str, Json]]


def _spot(found: _Found) -> tuple[str, int]:
    """Return the log of a record and its position there."""
    return str(found[1]["log"]), int(str(found[1]["index"]))


_NEWEST = RecordPlace("~", "", 0)
"""Behind every record: times begin with a digit."""


class _Cursor:
    """How far one log was looked at, from its end to its start."""

    def __init__(
        self,
        source: RecordSource,
        wanted: Wanted,
        before: RecordPlace,
        start: int,
        *,
        parse: ParseRecord,
        block: int,
    ) -> None:
        self._parse = parse
        self._source = source
        self._wanted = wanted
        self._finders = wanted.finders()
        self._before = before._replace(ends=())
        end = source.size if before == _NEWEST else dict(before.ends).get(source.origin)
        self._end = end if end is None else min(end, source.size)
        self._first = self._end or 0
        self._start = start
        self._block = block
        self._found: list[_Found] = []
        self.horizon = self._before
        self.looked_at = 0
        self.damage: str | None = None
        self.done = False

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._source.origin

    def end_behind(self, place: RecordPlace, shown: int | None, left: int | None) -> int | None:
        """Return how many are left by the last shown and the first left; `None` where a place tells it."""
        if left is None:
            left = _spot(self._found[0])[1] if self._found else (self._end or 0) - 1
        told = first_from(self._source, place, _place_or_oldest)
        if place == self._before:  # a page that tells no place of its own comes further all the same
            return left + 1
        return None if left < told <= (self._first if shown is None else shown) else left + 1

    def look(self) -> None:
        """Look at the next block; nothing before `horizon` has been looked at then.

        A block that is damaged is halved, so that what is newer than the damage is found, and a log whose
        next record is damaged has come to its end.
        """
        looked = False
        while not (looked or self.done):
            try:
                self._look()
                looked = True
            except LogDamagedError as error:
                self._block = min(self._block, (self._end or 0) - self._start) // 2
                if not self._block:
                    self.done, self.damage = True, f"`{self.origin}` is damaged: {error}"

    def _look(self) -> None:
        if self._end is None:
            self._end = self._first = self._first_end()
        if self._end <= self._start:
            self.done = True
            return
        start, oldest, found = max(self._start, self._end - self._block), self.horizon, list[_Found]()
        for first, lines in self._source.pieces(start, self._end):
            if first == start:
                oldest = _first_place(self._source, first, lines)
            for number, line in matching_lines(lines, self._finders):
                place, record = _parsed(self._source, line, first + number, self._parse)
                if self._wanted.admits(record):
                    found.append((place, record))
        for place, record in reversed(found):
            self.horizon = min(self.horizon, place)
            self._found.append((self.horizon, record))
        self.horizon = min(self.horizon, oldest)
        self.looked_at += self._end - start
        self._end, self._block = start, min(2 * self._block, _MOST_BLOCK)
        self.done = start == self._start or self._is_older(oldest.time)

    def _first_end(self) -> int:
        end = first_from(self._source, self._before, _place_or_oldest)
        if self._before == self._wanted.end:
            looks = _spread(end, self._source.size)
            times = ((index, _place_or_oldest(self._source, index).time) for index in looks)
            older = (index for index, time in times if "" < time < self._before.time)
            return max(older, default=end - 1) + 1
        return end

    def _is_older(self, time: str) -> bool:
        """True if what was not looked at is older than what is wanted, as far as some of it tells."""
        since = self._wanted.since
        if since is None or time >= since:
            return False
        looks = _spread(0, self._end or 0)
        return all(_place_or_oldest(self._source, index).time < since for index in looks)

    def taken(self, horizon: RecordPlace | None) -> list[_Found]:
        """Return what was found from a place on, or all of it, once."""
        taken = [one for one in self._found if horizon is None or one[0] >= horizon]
        self._found = [one for one in self._found if horizon is not None and one[0] < horizon]
        return taken


def _spread(low: int, high: int) -> Iterator[int]:
    """Yield some indexes of `[low, high)`, from both ends on, each a fifth farther than the last."""
    offset = 0
    while low + offset < high:
        yield low + offset
        yield high - 1 - offset
        offset += 1 + offset // 5


def parsed_record(line: bytes, log: str, index: int) -> dict[str, Json] | None:
    """Parse a line with all members; `None` where it is no record of that place."""
    record = parse_record(line)
    return record if record is not None and has_header(record, log, index) else None


def _parsed(source: RecordSource, line: bytes, index: int, parse: ParseRecord = parsed_record) -> _Found:
    record = parse(line, source.origin, index)
    if record is None:
        raise LogDamagedError(f"record {index} is not a record")
    return RecordPlace(str(record["time"]), source.origin, index), record


def _first_place(source: RecordSource, index: int, lines: bytes) -> RecordPlace:
    place, _ = _parsed(source, lines[: lines.index(b"\n")], index)
    return place
