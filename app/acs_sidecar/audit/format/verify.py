"""The auditor of one log: recomputes everything from the raw bytes (section 4.5).

It shares no state with the writer, takes nothing from a cache on trust, and reads a log of any length
in bounded memory. The first property that fails ends the audit of the log, for whatever comes after
it rests on it.
"""

import re
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

from acs_sidecar.audit.format.checkpoint import Checkpoint, split_notes, stated_size
from acs_sidecar.audit.format.claims import (
    Deletion,
    LogClaim,
    OlderLogs,
    claims_of,
    deletion_of,
    number_of,
    older_of,
)
from acs_sidecar.audit.format.findings import AuditFinding, BrokenLogError, LogReport, Property
from acs_sidecar.audit.format.log_source import LogSource
from acs_sidecar.audit.format.merkle import EMPTY_ROOT, HASH_BYTES, Frontier, leaf_hash
from acs_sidecar.audit.format.note import NoteError, SignedNote, verified_by
from acs_sidecar.audit.format.record import MAX_RECORD_BYTES, parse_record
from acs_sidecar.audit.format.trust import Trust, TrustedKey
from acs_sidecar.spec.values import Json

__all__ = ["LogAudit", "LogAuditor", "audit_log"]

Part = TypeVar("Part")

_UNFINISHED = re.compile(rb"[0-9]*(?:\n[A-Za-z0-9+/=]*(?:\n(?:\n[^\n]*)?)?)?")
_TIME_LENGTH = len("2026-01-02T03:04:05.678901Z")
_MOST_LOCATED = 1_000_000 * HASH_BYTES
"""Leaves after an agreed checkpoint up to which a changed record is located: what bounds the memory."""


@dataclass(frozen=True, slots=True)
class LogAudit:
    """A log's report, what its records say of other logs, and its root at each size that was asked for.

    `number` is its own, `older` what it says of logs that it does not name one by one. `deletions` are the
    logs whose deletion it states, as far as its keys are trusted for them.
    """

    report: LogReport
    claims: tuple[LogClaim, ...]
    deletions: tuple[Deletion, ...]
    roots: dict[int, bytes]
    number: int
    older: OlderLogs | None


def audit_log(
    source: LogSource,
    trust: Trust,
    sizes: Iterable[int] = (),
    progress: Callable[[int], None] = lambda _: None,
    observe: Callable[[dict[str, Json]], None] | None = None,
) -> LogAudit:
    """Audit one log. Gives its root at each of `sizes` that it reaches; `progress` counts records.

    `observe` sees each record in order, before anything is known of the root over it: what it learns counts
    only when the log is sound. Raises `OSError` when the source does.
    """
    return _RecordAuditor(source, trust, sizes, observe).audit(progress)


@dataclass(frozen=True, slots=True)
class _Signed:
    """A checkpoint with the trusted keys whose signatures on it verify."""

    checkpoint: Checkpoint
    keys: tuple[TrustedKey, ...]


class LogAuditor(ABC, Generic[Part]):
    """The state of one pass over one log, which comes in parts that end where there is a root to compare."""

    def __init__(self, source: LogSource, trust: Trust, sizes: Iterable[int]) -> None:
        self._source = source
        self._origin = source.origin
        self._trust = trust
        self._keys = trust.for_log(source.origin)
        self._signers: set[bytes] = set()
        self._sizes = {size for size in sizes if size > 0}
        self._frontier = Frontier()
        self._agreed = Frontier()
        self._since_agreed = bytearray()
        self._last_time = ""
        self._closed = False
        self.report = LogReport(source.origin)
        self.captured: dict[int, bytes] = {0: EMPTY_ROOT}
        self.claims: list[LogClaim] = []
        self.number = 0
        self.older: OlderLogs | None = None
        self._deletions: list[Deletion] = []

    @abstractmethod
    def _parts(self, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Part]:
        """Yield the records before the last of `stops` in order: a part ends at each of them.

        Counts the bytes that follow, and raises `BrokenLogError` where a record is missing.
        """

    @abstractmethod
    def _take(self, part: Part) -> None:
        """Check records and add them to the tree. Raises `BrokenLogError`."""

    def audit(self, progress: Callable[[int], None]) -> LogAudit:
        """Audit the log to its end, or to the first property that fails. Raises `OSError`."""
        try:
            self._run(progress)
        except BrokenLogError as broken:
            finding = AuditFinding(self._origin, broken.property, broken.index, broken.detail)
            self.report.findings.append(finding)
        return LogAudit(
            self.report,
            tuple(self.claims),
            self._trusted_deletions(),
            dict(self.captured),
            self.number,
            self.older,
        )

    def _trusted_deletions(self) -> tuple[Deletion, ...]:
        """Return the logs whose deletion is stated. Stops: excuses by a key that is not trusted for them."""
        speakers = [key for key in self._trust.keys if key.public in self._signers]
        return tuple(one for one in self._deletions if any(key.covers(one.log) for key in speakers))

    def _run(self, progress: Callable[[int], None]) -> None:
        # 1. The signed end comes first; what follows it was never promised and is only counted.
        #    Stops: passing off unsigned records as signed ones.
        published = self._published()
        kept = self._kept_sizes()
        end = max(kept, default=0)
        if published:
            if published.checkpoint.size > end:
                ahead = "the published checkpoint is ahead of every stored checkpoint"
                raise BrokenLogError(Property.CHECKPOINT_ORDER, end, ahead)
            self._sizes |= {published.checkpoint.size} - {0}
        notes = self._kept()
        expected = next(notes, None)

        # 2. That many records, each in its place; at every checkpoint the tree has the signed root.
        #    Stops: changed, removed, added, swapped and duplicated records, and edited checkpoints.
        stops = sorted(size for size in {0, *kept, *self._sizes} if size <= end)
        for part in self._parts(stops, progress):
            self._take(part)
            if expected and self._frontier.size == expected.checkpoint.size:
                self._agree(expected)
                expected = next(notes, None)
            if self._frontier.size in self._sizes:
                self.captured[self._frontier.size] = self._frontier.root()
        if self._frontier.size < end:
            raise BrokenLogError(
                Property.RECORD_PRESENT,
                self._frontier.size,
                f"the log ends here and a signed checkpoint covers {end} records",
            )
        if expected:
            raise BrokenLogError(Property.CHECKPOINT_ORDER, end, "checkpoints changed while they were read")

        # 3. The published checkpoint is one of this tree. Stops: a forked view beside the kept one.
        if published and self.captured[published.checkpoint.size] != published.checkpoint.root:
            raise BrokenLogError(
                Property.CHECKPOINT_ROOT,
                None,
                f"the published checkpoint of size {published.checkpoint.size} has another root",
            )
        if end == 0 and self.report.pending_bytes:
            self.report.unknown = "there are records but no checkpoint covers any"

    def _published(self) -> _Signed | None:
        note = self._source.published()
        return self._open(note, "checkpoint", None) if note else None

    def _kept_sizes(self) -> set[int]:
        """Return the sizes of the checkpoints in the files, signed or not: `_kept` judges them."""
        files = self._source.checkpoint_files()
        return {stated_size(note) for _, content in files for _, note in split_notes(content)}

    def _kept(self) -> Iterator[_Signed]:
        """Yield every kept checkpoint: well-formed, of this log, signed by a trusted key, growing."""
        size = 0
        unfinished = ""
        for name, content in self._source.checkpoint_files():
            if unfinished:
                raise BrokenLogError(Property.CHECKPOINT_FORM, size, f"{unfinished} ends within a checkpoint")
            covered = 0
            for offset, note in split_notes(content):
                place = f"{name} at byte {offset}"
                signed = self._open(note, place, size)
                if signed.checkpoint.size <= size:
                    late = f"{place}: the checkpoint of size {signed.checkpoint.size} is out of order"
                    raise BrokenLogError(Property.CHECKPOINT_ORDER, size, late)
                size = signed.checkpoint.size
                covered = offset + len(note)
                self.report.checkpoints += 1
                yield signed
            if covered < len(content):
                if not self._unfinished(content[covered:]):
                    place = f"{name} at byte {covered}"
                    raise BrokenLogError(Property.CHECKPOINT_FORM, size, f"{place}: not a checkpoint")
                unfinished = name

    def _unfinished(self, rest: bytes) -> bool:
        """True if `rest` is the beginning of a checkpoint, as a process that dies leaves it."""
        head = self._origin.encode() + b"\n"
        return head.startswith(rest) or (
            rest.startswith(head) and _UNFINISHED.fullmatch(rest, len(head)) is not None
        )

    def _open(self, content: bytes, place: str, index: int | None) -> _Signed:
        try:
            note = SignedNote.parse(content)
            checkpoint = Checkpoint.parse(note.text)
        except NoteError as error:
            raise BrokenLogError(Property.CHECKPOINT_FORM, index, f"{place}: {error}") from None
        if checkpoint.origin != self._origin:
            raise BrokenLogError(
                Property.CHECKPOINT_ORIGIN, index, f"{place}: the checkpoint belongs to `{checkpoint.origin}`"
            )
        try:
            signers = verified_by(note, self._keys)
        except NoteError as error:
            raise BrokenLogError(Property.CHECKPOINT_SIGNATURE, index, f"{place}: {error}") from None
        if not signers:
            raise BrokenLogError(Property.CHECKPOINT_SIGNATURE, index, f"{place}: no trusted key signed it")
        return _Signed(checkpoint, tuple(self._keys[signer] for signer in signers))

    def _append(self, leaves: list[bytes]) -> None:
        """Add leaves to the tree, and remember them as far as they are needed to locate a change."""
        self._frontier.extend(leaves)
        self._since_agreed += b"".join(leaves)
        if len(self._since_agreed) > _MOST_LOCATED:
            self._since_agreed.clear()

    def _take_event(self, event: Json, record: dict[str, Json], index: int) -> None:
        if not isinstance(event, str):
            raise BrokenLogError(Property.RECORD_FORM, index, "`event` is not a string")
        if index == 0:
            self.report.first_time = str(record.get("time"))
            self.number, self.older = number_of(record), older_of(record)
        self._closed = event == "log_closed"
        self.claims.extend(claims_of(record, self._origin, index))
        if deletion := deletion_of(record, self._origin, index):
            self._deletions.append(deletion)

    def _agree(self, signed: _Signed) -> None:
        """Compare the tree with a signed root, and the last record with the end of the signing key."""
        checkpoint = signed.checkpoint
        if self._frontier.root() != checkpoint.root:
            raise self._disagreement(checkpoint)
        if not any(key.until is None or self._last_time <= key.until for key in signed.keys):
            raise BrokenLogError(
                Property.CHECKPOINT_SIGNATURE, checkpoint.size - 1, "signed by a key after it expired"
            )
        self._signers.update(key.public for key in signed.keys)
        self._agreed = self._frontier.copy()
        self._since_agreed.clear()
        self.report.size = checkpoint.size
        self.report.closed = self._closed
        self.report.root = checkpoint.root
        self.report.last_time = self._last_time

    def _disagreement(self, checkpoint: Checkpoint) -> BrokenLogError:
        """Find the record that is not what was signed: the tiles know, if they lead to the signed root."""
        start, end = self._agreed.size, checkpoint.size
        known = len(self._since_agreed) == (end - start) * HASH_BYTES
        hashes = self._source.leaf_hashes(start, end) if known else None
        if hashes is not None and len(hashes) == len(self._since_agreed):
            signed = self._agreed.copy()
            leaves = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
            for leaf in leaves:
                signed.append(leaf)
            if signed.root() == checkpoint.root:
                start += next(
                    number
                    for number, leaf in enumerate(leaves)
                    if leaf != self._since_agreed[number * HASH_BYTES : (number + 1) * HASH_BYTES]
                )
                return BrokenLogError(
                    Property.CHECKPOINT_ROOT, start, "the record is not the one that was signed"
                )
        return BrokenLogError(
            Property.CHECKPOINT_ROOT,
            start,
            f"the records from here to {end - 1} do not hash to the root that was signed for {end}",
        )


class _RecordAuditor(LogAuditor[list[bytes]]):
    """One pass that parses every record."""

    def __init__(
        self,
        source: LogSource,
        trust: Trust,
        sizes: Iterable[int],
        observe: Callable[[dict[str, Json]], None] | None,
    ) -> None:
        super().__init__(source, trust, sizes)
        self._observe = observe

    def _parts(self, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[list[bytes]]:
        at = 0
        for lines in self._records(stops[-1], progress):
            cuts = stops[bisect_right(stops, at) : bisect_left(stops, at + len(lines))]
            bounds = [0, *(cut - at for cut in cuts), len(lines)]
            yield from (lines[start:end] for start, end in pairwise(bounds))
            at += len(lines)

    def _records(self, end: int, progress: Callable[[int], None]) -> Iterator[list[bytes]]:
        """Yield the lines of the records before `end`, in order, and count the bytes after it."""
        at = 0
        for first, chunks in self._source.segments():
            if first != at and (first < end or at < end):
                raise BrokenLogError(Property.RECORD_PRESENT, at, f"the next segment begins at index {first}")
            if at == end:
                continue
            rest = b""
            for chunk in chunks:
                *lines, rest = (rest + chunk).split(b"\n")
                covered = min(len(lines), end - at)
                yield lines[:covered]
                at += covered
                progress(covered)
                if at == end:
                    self.report.pending_bytes += sum(len(line) + 1 for line in lines[covered:]) + len(rest)
                    rest = b""
                    break
                if len(rest) > MAX_RECORD_BYTES:
                    raise _too_long(at)
            if rest:
                raise BrokenLogError(Property.RECORD_PRESENT, at, "the segment ends within this record")
        # Never read: who can write the files can make what follows the signed end as long as a disk.
        self.report.pending_bytes += self._source.unread()

    def _take(self, part: list[bytes]) -> None:
        origin = self._origin
        leaves: list[bytes] = []
        for index, line in enumerate(part, start=self._frontier.size):
            record = _parse(line, index)
            get = record.get
            # Stops: files of another log under this log's name.
            if get("log") != origin:
                raise BrokenLogError(Property.RECORD_LOG, index, "the record belongs to another log")
            # Stops: removed, added, swapped and duplicated records, each at its exact place.
            stated = get("index")
            if stated != index or type(stated) is not int:
                raise _misplaced(index, stated)
            # Stops: a head cut off, and records put behind a clean end.
            event = get("event")
            if self._closed or (index == 0 and event != "log_opened"):
                raise _out_of_order(index)
            if event != "decision":
                self._take_event(event, record, index)
            time = get("time")
            if not isinstance(time, str) or len(time) != _TIME_LENGTH:
                raise BrokenLogError(Property.RECORD_FORM, index, "`time` is not an RFC 3339 time")
            if time < self._last_time and self.report.time_backward is None:
                self.report.time_backward = index
            self._last_time = time
            leaves.append(leaf_hash(line))
            if self._observe is not None:
                self._observe(record)
        self._append(leaves)


def _out_of_order(index: int) -> BrokenLogError:
    if index == 0:
        return BrokenLogError(Property.LOG_OPENED, 0, "the first record is not `log_opened`")
    return BrokenLogError(Property.LOG_CLOSED, index, "there is a record after `log_closed`")


def _misplaced(index: int, stated: Json) -> BrokenLogError:
    claim = f"the record states index {stated}" if type(stated) is int else "`index` is not an integer"
    return BrokenLogError(Property.RECORD_INDEX, index, claim)


def _too_long(index: int) -> BrokenLogError:
    return BrokenLogError(Property.RECORD_FORM, index, f"the record exceeds {MAX_RECORD_BYTES} bytes")


def _parse(line: bytes, index: int) -> dict[str, Json]:
    if len(line) > MAX_RECORD_BYTES:
        raise _too_long(index)
    record = parse_record(line)
    if record is None:
        raise BrokenLogError(
            Property.RECORD_FORM, index, "the record is not one JSON object in canonical form"
        )
    return record
