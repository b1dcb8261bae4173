"""Examines the logs that no process holds: where each ends, and whether it is whole (section 4.3)."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType

import orjson

from acs_sidecar.audit.format.checkpoint import Checkpoint, split_notes
from acs_sidecar.audit.format.claims import LogState, Predecessor, Torn
from acs_sidecar.audit.format.merkle import Frontier, leaf_hash, range_hash
from acs_sidecar.audit.format.note import MAX_NOTE_BYTES, NoteError, SignedNote
from acs_sidecar.audit.format.record import ServiceEvent
from acs_sidecar.audit.format.stream_record import unsettled_streams
from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.audit.log.directory import (
    LogDirectory,
    find_logs,
    kept_checkpoints,
    open_file,
    read_file,
    remove_if_there,
    replace_file,
    sync_directory,
)
from acs_sidecar.audit.log.hashes import LogTiles
from acs_sidecar.audit.log.log_end import EXAMINED, NO_RECORDS, FoundLog, LogEnd, validly_signed
from acs_sidecar.audit.log.records import LogDamagedError, offset_behind, record_lines
from acs_sidecar.audit.log.settled import opening_number, settled
from acs_sidecar.audit.log.tile_writer import TILE_BYTES, TileWriter

__all__ = ["BACKGROUND_BYTES", "Damage", "Survey", "examine_fully", "inspect", "survey", "unsettled"]

BACKGROUND_BYTES = 64 * 1024 * 1024
MAX_TORN_BYTES = 64 * 1024 * 1024
"""What a crash leaves behind the signed end is never longer: a group of records that was not signed yet."""

_REACH_SECONDS = 20 * 60  # longer than a stream may take
_COPY = 1 << 20
_MOST_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Damage:
    """A log that does not match its checkpoints, and what is wrong with it."""

    log: str
    detail: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found in an audit directory.

    `unexamined` are logs whose end was found and whose records remain to be hashed, by `examine_fully`;
    `crashed` are those that are found for the first time and did not close, each with its size.
    """

    predecessors: tuple[Predecessor, ...]
    damage: tuple[Damage, ...]
    unexamined: tuple[LogDirectory, ...]
    crashed: tuple[tuple[LogDirectory, int], ...] = ()


def survey(
    root: Path, trust: Trust, known: Mapping[str, Predecessor] = MappingProxyType({}), thorough: bool = False
) -> Survey:
    """Look at every log but `known` ones: find its end, move aside what follows it, hash its records once.

    Records of more than `BACKGROUND_BYTES` are left to `examine_fully`, unless `thorough`. The caller
    MUST hold the lock of `root`. Raises `OSError` when torn bytes cannot be moved aside.
    """
    predecessors: list[Predecessor] = []
    damage: list[Damage] = []
    unexamined: list[LogDirectory] = []
    crashed: list[tuple[LogDirectory, int]] = []
    for directory in find_logs(root):
        if directory.origin in known:
            predecessors.append(replace(known[directory.origin], number=opening_number(directory)))
            continue
        try:
            found = settled(directory, trust)
            if found is None:
                found = _examine(directory, trust, thorough)
                if found is None:
                    predecessors.append(_as_published(directory, LogState.OPEN, trust))
                    continue
                _move_torn(directory, found.end)
            torn = tuple(_describe(path) for path in directory.torn())
        except LogDamagedError as error:
            damage.append(Damage(directory.origin, str(error)))
            predecessors.append(_as_published(directory, LogState.DAMAGED, trust))
            continue
        if not found.examined:
            unexamined.append(directory)
        if not (found.closed or found.before):
            crashed.append((directory, found.end.size))
        state = LogState.CLOSED if found.closed else LogState.CRASHED
        end, number = found.end, opening_number(directory)
        predecessors.append(Predecessor(directory.origin, state, end.size, end.root, torn, number))
    return Survey(tuple(predecessors), tuple(damage), tuple(unexamined), tuple(crashed))


def examine_fully(directory: LogDirectory, trust: Trust) -> None:
    """Hash every record of a log that has ended, and make its tiles again.

    Raises `LogDamagedError` when the records cannot be read or do not lead to the signed root.
    """
    try:
        _hash_all(directory, _signed_end(directory, trust))
    except OSError as error:
        raise LogDamagedError(f"it cannot be read: {error.strerror}") from error


def unsettled(directory: LogDirectory, size: int, trust: Trust) -> list[ServiceEvent]:
    """Return the records of streams that ended with the process of a log (section 6.9.4).

    They may have opened in the log before, which was closed to go on in this one. Raises `LogDamagedError`
    when the records cannot be read.
    """
    try:
        lines = chain(_rotated_lines(directory, trust), record_lines(directory, 0, size))
        return [*unsettled_streams(lines, directory.origin)]
    except OSError as error:
        raise LogDamagedError(f"it cannot be read: {error.strerror}") from error


def _rotated_lines(directory: LogDirectory, trust: Trust) -> Iterator[bytes]:
    """Yield the newest records of the log that a process closed before it went on in this one."""
    number, within = opening_number(directory), tuple(directory.origin.split("/")[:-1])
    older = {opening_number(log): log for log in find_logs(directory.root, within)}
    before = older.get(max((one for one in older if 0 < one < number), default=0))
    if before is None:
        return
    with suppress(LogDamagedError, OSError):  # damage there is found by itself
        end = _signed_end(before, trust)
        if _ends_closed(before, end):
            written = [(first, path.stat().st_mtime) for first, path in before.segments()]
            reach = max(time for _, time in written) - _REACH_SECONDS
            yield from record_lines(before, min(first for first, time in written if time >= reach), end.size)


def inspect(directory: LogDirectory, trust: Trust, most_bytes: int) -> int:
    """Look at a log up to its newest checkpoint and change nothing; return how many bytes were hashed.

    A log that is longer than `most_bytes` is looked at by its tiles and its last record. Raises
    `LogDamagedError`, `OSError`.
    """
    end = _signed_end(directory, trust)
    _ends_closed(directory, end)
    size = sum(path.stat().st_size for _, path in directory.segments())
    if size > most_bytes:
        root = range_hash(0, end.size, LogTiles(directory, end.size).hashes())
    else:
        frontier = Frontier()
        for line in record_lines(directory, 0, end.size):
            frontier.append(leaf_hash(line))
        root = frontier.root()
    if root != end.root:
        raise LogDamagedError(f"its {end.size} records do not hash to the root that was signed")
    return size if size <= most_bytes else 0


def _examine(directory: LogDirectory, trust: Trust, thorough: bool) -> FoundLog | None:
    """Examine a log, without changing anything that it promised; `None` where somebody holds it.

    Raises `LogDamagedError`.
    """
    try:
        if directory.held():
            return None
        if directory.checkpoint.is_dir():
            raise LogDamagedError("`checkpoint` is a directory")
        end = _signed_end(directory, trust)
        closed = _ends_closed(directory, end)
        if _is_examined(directory, end):
            return FoundLog(end, closed, True)
        size = sum(path.stat().st_size for _, path in directory.segments())
        at_once = thorough or size <= BACKGROUND_BYTES
        if at_once or range_hash(0, end.size, LogTiles(directory, end.size).hashes()) != end.root:
            _hash_all(directory, end)
            at_once = True
    except OSError as error:
        raise LogDamagedError(f"it cannot be read: {error.strerror}") from error
    return FoundLog(end, closed, at_once, before=False)


def _hash_all(directory: LogDirectory, end: LogEnd) -> None:
    """Hash the records, compare with the signed root, and leave tiles and a note that it was done."""
    frontier = Frontier()
    tiles = TileWriter(directory)
    leaves = bytearray()
    for line in record_lines(directory, 0, end.size):
        leaf = leaf_hash(line)
        frontier.append(leaf)
        leaves += leaf
        if len(leaves) == TILE_BYTES:
            tiles.write(bytes(leaves))
            leaves.clear()
    if frontier.root() != end.root:
        raise LogDamagedError(f"its {end.size} records do not hash to the root that was signed")
    if end.note:
        tiles.finish(bytes(leaves))
        with suppress(OSError):  # a full disk is not a damaged log; it is hashed again next time
            replace_file(directory.path / EXAMINED, end.note, sync=False)


def _signed_end(directory: LogDirectory, trust: Trust) -> LogEnd:
    """Find the largest checkpoint that a trusted key signed.

    Raises `LogDamagedError` when there are checkpoints and none is signed by a trusted key, and when
    the published one, which was kept before, is ahead of all that are kept.
    """
    published = directory.published()
    best = NO_RECORDS
    seen = published is not None
    for _, path in directory.checkpoint_files():
        for note in sorted(_notes(path), key=_claimed_size, reverse=True):
            seen = True
            if _claimed_size(note) <= best.size:
                break
            if end := validly_signed(note, directory.origin, trust):
                best = end
                break
    ahead = validly_signed(published, directory.origin, trust) if published else None
    if ahead and ahead.size > best.size:
        raise LogDamagedError("the published checkpoint is ahead of every stored checkpoint")
    if seen and best is NO_RECORDS:
        raise LogDamagedError("no checkpoint is signed by a trusted key")
    return best


def _notes(path: Path) -> list[bytes]:
    return [note for _, note in split_notes(kept_checkpoints(path))]


def _claimed_size(note: bytes) -> int:
    """Read the size that a note states, at little cost: it only tells which to verify first."""
    line = note.partition(b"\n")[2].partition(b"\n")[0]
    return int(line) if line.isdigit() and len(line) < _MOST_DIGITS else -1


def _ends_closed(directory: LogDirectory, end: LogEnd) -> bool:
    """True if the last signed record is `log_closed`. Raises `LogDamagedError` when it is missing."""
    if end.size == 0:
        return False
    (line,) = record_lines(directory, end.size - 1, end.size)
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        record = None
    if not isinstance(record, dict) or record.get("index") != end.size - 1:
        raise LogDamagedError(f"the last signed record, {end.size - 1}, is not in its place")
    return record.get("event") == "log_closed"


def _is_examined(directory: LogDirectory, end: LogEnd) -> bool:
    """True if this process or one before it hashed the records up to the same checkpoint."""
    try:
        return bool(end.note) and read_file(directory.path / EXAMINED, MAX_NOTE_BYTES) == end.note
    except OSError:
        return False


def _move_torn(directory: LogDirectory, end: LogEnd) -> None:
    """Move aside every byte that follows the signed end: copied and synced first, then cut off.

    Raises `LogDamagedError`, and leaves everything as it is, when that is more than a crash leaves.
    """
    torn_records = _behind(directory.segments(), end.size, partial(offset_behind, index=end.size - 1))
    torn_notes = _behind(directory.checkpoint_files(), end.size, partial(_covered_by, size=end.size))
    excess = sum(path.stat().st_size - start for path, start in [*torn_records, *torn_notes])
    if excess > MAX_TORN_BYTES:
        raise LogDamagedError(f"{excess} bytes follow its signed end, more than a crash leaves")
    if torn_records:
        _keep_copy(torn_records, directory, f"torn-{end.size}", "")
    if torn_notes:
        _keep_copy(torn_notes, directory, f"torn-{end.size}", ".checkpoint")
    for path, start in [*torn_notes, *torn_records]:
        _cut(path, start)
    for leftover in directory.path.glob(".*"):
        if not leftover.is_dir():
            remove_if_there(leftover)
    if end.note and directory.published() != end.note:
        replace_file(directory.checkpoint, end.note, sync=True)


def _behind(
    files: Sequence[tuple[int, Path]], size: int, offset_of_end: Callable[[Path, int], int]
) -> list[tuple[Path, int]]:
    """Return the files that have bytes behind the end of the log, each with the offset of the first."""
    before = [file for file in files if file[0] < size]
    starts = [(path, 0) for first, path in files if first >= size]
    if before:
        first, path = before[-1]
        starts.insert(0, (path, offset_of_end(path, first)))
    return [(path, start) for path, start in starts if start < path.stat().st_size]


def _covered_by(path: Path, _: int, size: int) -> int:
    """Return the offset in a file of checkpoints behind the last one that does not pass the end.

    What is amiss before that is no crash's, and stays for the auditor to name.
    """
    for offset, note in reversed([*split_notes(kept_checkpoints(path))]):
        try:
            stated = Checkpoint.parse(SignedNote.parse(note).text).size
        except NoteError:
            continue
        if stated <= size:
            return offset + len(note)
    return 0


def _keep_copy(parts: Sequence[tuple[Path, int]], directory: LogDirectory, stem: str, suffix: str) -> None:
    """Copy bytes to a new file of their own, durably; an earlier one is never overwritten."""
    target = directory.path / f"{stem}{suffix}"
    number = 1
    while target.exists() or target.is_symlink():
        number += 1
        target = directory.path / f"{stem}-{number}{suffix}"
    with target.open("xb") as copy:
        for path, start in parts:
            with os.fdopen(open_file(path), "rb") as source:
                source.seek(start)
                while chunk := source.read(_COPY):
                    copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    sync_directory(directory.path)


def _cut(path: Path, length: int) -> None:
    with path.open("r+b") as file:
        file.truncate(length)
        os.fsync(file.fileno())


def _describe(path: Path) -> Torn:
    """Return the digest of what was moved aside. Raises `LogDamagedError` when that was made longer."""
    if (size := path.stat().st_size) > MAX_TORN_BYTES:
        raise LogDamagedError(f"`{path.name}` has {size} bytes, more than was moved aside")
    with os.fdopen(open_file(path), "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Torn(path.name, file.tell(), f"sha256:{digest}")


def _as_published(directory: LogDirectory, state: LogState, trust: Trust) -> Predecessor:
    """Describe a log by its published checkpoint, if that is validly signed: others may be writing it."""
    try:
        published = directory.published()
    except OSError:
        published = None
    end = (validly_signed(published, directory.origin, trust) if published else None) or NO_RECORDS
    return Predecessor(directory.origin, state, end.size, end.root, number=opening_number(directory))
