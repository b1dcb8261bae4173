"""Reads the audit log: summaries, records, proofs, receipts, tiles (section 4.5).

Everything here blocks on files and belongs off the event loop. A log is asked for by its origin, which
must be one that is there, and never becomes a path by itself. Nothing is shown past the newest
published checkpoint, or past the last durable one for the log of this process.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from acs_sidecar.audit.format.checkpoint import Checkpoint
from acs_sidecar.audit.format.claims import LogState
from acs_sidecar.audit.format.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    range_hash,
    verify_consistency,
    verify_inclusion,
)
from acs_sidecar.audit.format.note import NoteError, SignedNote
from acs_sidecar.audit.format.origin import is_origin
from acs_sidecar.audit.format.receipt import Receipt
from acs_sidecar.audit.format.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    EntryBundle,
    Tile,
    TileHashes,
    entry_bundle,
    parse_tile_path,
)
from acs_sidecar.audit.log.directory import LogDirectory, find_logs
from acs_sidecar.audit.log.hashes import LogTiles
from acs_sidecar.audit.log.ports import LiveView
from acs_sidecar.audit.log.records import LogDamagedError, record_lines
from acs_sidecar.spec.values import Json

__all__ = ["AuditReader", "LogSummary", "NotInLogError", "UnknownLogError"]

MAX_RECORDS = 1000


class UnknownLogError(Exception):
    """There is no such log."""


class NotInLogError(Exception):
    """The requested item is not, or not yet, in the log; the message says what the log has."""


@dataclass(frozen=True, slots=True)
class LogSummary:
    """A log of the audit directory, as far as it may be shown."""

    log: str
    vkey: str | None
    state: LogState
    size: int
    last_time: str | None

    def as_json(self) -> dict[str, Json]:
        """Return the summary as a JSON value."""
        return {
            "log": self.log,
            "vkey": self.vkey,
            "state": self.state.value,
            "size": self.size,
            "last_time": self.last_time,
        }


@dataclass(frozen=True, slots=True)
class _VisibleLog:
    """A log up to its published size."""

    directory: LogDirectory
    note: bytes
    size: int
    root: bytes
    tiles: LogTiles

    def require(self, size: int) -> None:
        """Refuse a size that is not there yet. Raises `NotInLogError`."""
        if not 0 < size <= self.size:
            raise NotInLogError(f"the log has {self.size} records")

    def root_at(self, size: int, hashes: TileHashes) -> bytes:
        """Return the root of the first `size` records, proven against the signed one.

        Raises `LogDamagedError` when the tiles do not lead there.
        """
        root = range_hash(0, size, hashes)
        proof = consistency_proof(size, self.size, hashes)
        if not verify_consistency(size, self.size, root, self.root, proof):
            raise LogDamagedError(f"the tiles of `{self.directory.origin}` do not lead to the signed root")
        return root


class AuditReader:
    """Reads the logs below `root`.

    `live` is the view that the process has of its own log, taken on its event loop just before.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def logs(self, damaged: frozenset[str] = frozenset()) -> list[LogSummary]:
        """List every log, other workers' and closed ones included; `damaged` were found to be so."""
        return [self._summary(directory, damaged) for directory in find_logs(self._root)]

    def checkpoint(self, log: str, live: LiveView | None = None) -> bytes:
        """Return the newest checkpoint that may be shown. Raises `UnknownLogError`, `NotInLogError`."""
        return self._visible_log(log, live).note

    def record(self, log: str, index: int, live: LiveView | None = None) -> bytes:
        """Return the exact line of a record. Raises `UnknownLogError`, `NotInLogError`, `LogDamagedError`."""
        visible = self._visible_log(log, live)
        visible.require(index + 1)
        return _one_record(visible, index)

    def records(self, log: str, start: int, limit: int, live: LiveView | None = None) -> list[bytes]:
        """Return up to `limit` lines, at most 1,000, from `start` on; none at the end of the log.

        Raises `UnknownLogError`, `NotInLogError`, `LogDamagedError`.
        """
        visible = self._visible_log(log, live)
        if start < 0 or limit < 1:
            raise NotInLogError("`start` must be 0 or more and `limit` 1 or more")
        end = min(visible.size, start + min(limit, MAX_RECORDS))
        return list(record_lines(visible.directory, start, end)) if start < end else []

    def inclusion(
        self, log: str, index: int, size: int | None = None, live: LiveView | None = None
    ) -> list[bytes]:
        """Prove that a record is in the tree of `size` records, or of all that may be shown.

        Raises `UnknownLogError`, `NotInLogError`, `LogDamagedError`.
        """
        visible = self._visible_log(log, live)
        size = visible.size if size is None else size
        visible.require(size)
        if not 0 <= index < size:
            raise NotInLogError(f"record {index} is not among the first {size}")
        hashes = visible.tiles.hashes()
        proof = inclusion_proof(index, size, hashes)
        if not verify_inclusion(hashes(0, index), index, size, proof, visible.root_at(size, hashes)):
            raise LogDamagedError(f"the tiles of `{log}` do not lead from record {index} to its root")
        return proof

    def consistency(self, log: str, first: int, second: int, live: LiveView | None = None) -> list[bytes]:
        """Prove that the tree of `first` records is the beginning of that of `second`.

        Raises `UnknownLogError`, `NotInLogError`, `LogDamagedError`.
        """
        visible = self._visible_log(log, live)
        visible.require(second)
        if not 0 <= first <= second:
            raise NotInLogError("`from` must not be greater than `to`")
        hashes = visible.tiles.hashes()
        proof = consistency_proof(first, second, hashes)
        roots = visible.root_at(first, hashes), visible.root_at(second, hashes)
        if not verify_consistency(first, second, *roots, proof):
            raise LogDamagedError(f"the tiles of `{log}` do not lead from {first} records to {second}")
        return proof

    def receipt(self, log: str, index: int, live: LiveView | None = None) -> Receipt:
        """Return the receipt of a record, checked against the checkpoint that it carries.

        Raises `UnknownLogError`, `NotInLogError`, `LogDamagedError`.
        """
        visible = self._visible_log(log, live)
        visible.require(index + 1)
        record = _one_record(visible, index)
        proof = inclusion_proof(index, visible.size, visible.tiles.hashes())
        if not verify_inclusion(leaf_hash(record), index, visible.size, proof, visible.root):
            raise LogDamagedError(f"record {index} of `{log}` does not lead to the root that was signed")
        return Receipt(record, index, tuple(proof), visible.note)

    def tile(self, log: str, path: str, live: LiveView | None = None) -> bytes:
        """Return a tile or a bundle of entries by its path, `tile/0/000.p/5` for instance.

        Raises `UnknownLogError`, `NotInLogError`, `LogDamagedError`.
        """
        visible = self._visible_log(log, live)
        resource = parse_tile_path(path)
        if resource is None:
            raise NotInLogError("not the path of a tile or entry bundle")
        level = resource.level if isinstance(resource, Tile) else 0
        if (resource.index * TILE_WIDTH + resource.width) << TILE_HEIGHT * level > visible.size:
            raise NotInLogError(f"the log has {visible.size} records, too few for that")
        if isinstance(resource, EntryBundle):
            start = resource.index * TILE_WIDTH
            return entry_bundle(record_lines(visible.directory, start, start + resource.width))
        return visible.tiles.fetch(resource)

    def _visible_log(self, log: str, live: LiveView | None) -> _VisibleLog:
        if live and live.origin == log:
            directory = LogDirectory(self._root, log)
            note = live.checkpoint
            tail_start, tail = live.tail_start, live.tail
        else:
            directory = self._known(log)
            note = directory.published() or b""
            tail_start, tail = 0, b""
        try:
            checkpoint = Checkpoint.parse(SignedNote.parse(note).text)
        except NoteError:
            raise NotInLogError("the log has no checkpoint yet") from None
        tiles = LogTiles(directory, checkpoint.size, tail_start, tail)
        return _VisibleLog(directory, note, checkpoint.size, checkpoint.root, tiles)

    def _known(self, log: str) -> LogDirectory:
        if is_origin(log) and (directory := LogDirectory(self._root, log)).exists():
            return directory
        raise UnknownLogError("no such log")

    def _summary(self, directory: LogDirectory, damaged: frozenset[str]) -> LogSummary:
        try:
            visible = self._visible_log(directory.origin, None)
            first, last = _parsed(_one_record(visible, 0)), _parsed(_one_record(visible, visible.size - 1))
        except (NotInLogError, LogDamagedError, OSError):
            first = last = {}
            size = 0
        else:
            size = visible.size
        details = first.get("details")
        vkey = details.get("vkey") if isinstance(details, Mapping) else None
        state = LogState.DAMAGED if directory.origin in damaged else _state(directory, last)
        return LogSummary(directory.origin, _text(vkey), state, size, _text(last.get("time")))


def _state(directory: LogDirectory, last: Mapping[str, Json]) -> LogState:
    try:
        held = directory.held()
    except OSError:  # what cannot be read is as good as damaged
        return LogState.DAMAGED
    ended = LogState.CLOSED if last.get("event") == "log_closed" else LogState.CRASHED
    return LogState.OPEN if held else ended


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _one_record(visible: _VisibleLog, index: int) -> bytes:
    (line,) = record_lines(visible.directory, index, index + 1)
    return line


def _parsed(line: bytes) -> Mapping[str, Json]:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return record if isinstance(record, dict) else {}
