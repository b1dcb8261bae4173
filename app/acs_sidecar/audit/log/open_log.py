"""One log while its process writes it: records, then the checkpoint that signs them (section 4.2)."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.audit.format.checkpoint import Checkpoint, sign_checkpoint
from acs_sidecar.audit.format.merkle import HASH_BYTES, Frontier, leaf_hash
from acs_sidecar.audit.format.note import NoteSigner
from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent, record_line, rfc3339, uuid7
from acs_sidecar.audit.log.directory import (
    DIRECTORY_MODE,
    FILE_MODE,
    WRITE_FLAGS,
    LogDirectory,
    replace_file,
    sync_directory,
    write_all,
)
from acs_sidecar.audit.log.locks import acquire
from acs_sidecar.audit.log.tile_writer import TILE_BYTES

__all__ = ["Durability", "Group", "LogAbandonedError", "LogLimits", "OpenLog"]

_RANDOM_BYTES = 10
_RANDOM_POOL = 512 * _RANDOM_BYTES


class Durability(StrEnum):
    """When a record counts as durable: handed to the kernel, on the disk, or there is no log at all."""

    WRITE = "write"
    FSYNC = "fsync"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class LogLimits:
    """When a segment is followed by the next, in bytes, and a log, in records or seconds."""

    segment_bytes: int = 16 * 1024 * 1024
    records: int = 10_000_000
    seconds: float = 86_400.0


class LogAbandonedError(OSError):
    """A failed write could not be undone: this log accepts no more records."""


@dataclass(slots=True)  # not frozen: one is made for every commit
class Group:
    """The state of the log after a group of records that share one signature."""

    positions: list[AuditPosition]
    frontier: Frontier
    leaves: bytes
    note: bytes
    record_bytes: int
    minute: int


class OpenLog:
    """Appends to one log. Not thread-safe: one commit at a time.

    `size`, `root` and `checkpoint` (the signed note) are those of the last commit. `closed` is set by
    whoever commits the record that ends the log, `abandoned` by a failure that could not be undone.
    """

    def __init__(
        self,
        directory: LogDirectory,
        key: Ed25519PrivateKey,
        durability: Durability,
        limits: LogLimits,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Make the directory and take its lock. `clock` gives Unix nanoseconds. Raises `OSError`."""
        self.directory = directory
        self.origin = directory.origin
        self.signer = NoteSigner(directory.origin, key)
        self.opened_at = time.monotonic()
        self.abandoned = False
        self.closed = False
        self.checkpoint = b""
        self.synced = durability is Durability.FSYNC
        self._limits = limits
        self._clock = clock
        self._frontier = Frontier()
        self._random = b""
        self._random_used = _RANDOM_POOL
        self._tail = bytearray()
        self._tail_start = 0
        self._minute = -1
        self._kept: list[bytes] = []
        self._thinned: list[tuple[Path, bytes]] = []
        self._unsettled = False
        self._records = self._checkpoints = -1
        self._first = self._segment_bytes = self._checkpoint_bytes = 0
        self._lock = self._make_directory()
        try:
            self._begin_segment()
        except OSError:
            os.close(self._lock)
            raise

    @property
    def size(self) -> int:
        """The number of records."""
        return self._frontier.size

    @property
    def root(self) -> bytes:
        """The root over all records."""
        return self._frontier.root()

    @property
    def due(self) -> bool:
        """True if another log should follow this one."""
        age = time.monotonic() - self.opened_at
        return self.size >= self._limits.records or age >= self._limits.seconds

    def commit(
        self, entries: Sequence[AuditEntry | ServiceEvent], cosigner: NoteSigner | None = None
    ) -> list[AuditPosition]:
        """Write a group of records and accept it. Raises `OSError`."""
        group = self.write(entries, cosigner)
        self.accept(group)
        return group.positions

    def write(
        self, entries: Sequence[AuditEntry | ServiceEvent], cosigner: NoteSigner | None = None
    ) -> Group:
        """Write a group of records and the checkpoint that covers them; return when both are durable.

        May run in another thread; the log shows nothing of the group before `accept`. Raises `OSError`
        when the group is not durable: then the log is as it was before, or `abandoned`, as it also is
        when an earlier group was written and never accepted.
        """
        if self._unsettled:
            self.abandoned = True
        if self.abandoned:
            raise LogAbandonedError("the log was abandoned")
        if self._segment_bytes >= self._limits.segment_bytes:
            self._begin_segment()
        frontier = self._frontier.copy()
        records = bytearray()  # not the lines: the buffer of each is far larger than it
        leaves: list[bytes] = []
        positions: list[AuditPosition] = []
        now = 0
        for entry in entries:
            now = self._clock() // 1000
            record_id = uuid7(now // 1000, self._randomness())
            line = record_line(entry, self.origin, frontier.size, record_id, rfc3339(now))
            positions.append(AuditPosition(self.origin, frontier.size, record_id))
            leaf = leaf_hash(line)
            frontier.append(leaf)
            records += line
            records += b"\n"
            leaves.append(leaf)
        checkpoint = Checkpoint(self.origin, frontier.size, frontier.root())
        note = self._write(records, checkpoint, cosigner)
        return Group(positions, frontier, b"".join(leaves), note, len(records), now // 60_000_000)

    def accept(self, group: Group) -> None:
        """Advance the end of the log past a written group."""
        self._unsettled = False
        self._frontier = group.frontier
        self._tail += group.leaves
        self.checkpoint = group.note
        self._segment_bytes += group.record_bytes
        self._checkpoint_bytes += len(group.note)
        if group.minute != self._minute:
            self._minute = group.minute
            self._kept.append(group.note)

    def publish(self, note: bytes) -> None:
        """Replace the file `checkpoint`. May run in another thread. Raises `OSError`."""
        replace_file(self.directory.checkpoint, note, sync=False)

    @property
    def tail_bytes(self) -> int:
        """How long the tail is."""
        return len(self._tail)

    def tail(self) -> tuple[int, bytes]:
        """Return the leaf hashes that no tile has yet, and the index of the first."""
        return self._tail_start, bytes(self._tail)

    def whole_tiles(self) -> bytes:
        """Return the leaves of the tiles that are complete and not written."""
        return bytes(self._tail[: len(self._tail) // TILE_BYTES * TILE_BYTES])

    def tiles_written(self, leaves: bytes) -> None:
        """Drop the leaves that are now in tiles."""
        del self._tail[: len(leaves)]
        self._tail_start += len(leaves) // HASH_BYTES

    def thinned(self) -> list[tuple[Path, bytes]]:
        """Give, once, the files of checkpoints that were left behind, with what should stay of each."""
        thinned, self._thinned = self._thinned, []
        return thinned

    def close(self) -> None:
        """Release the files and the lock."""
        for handle in (self._records, self._checkpoints, self._lock):
            os.close(handle)

    def discard(self) -> None:
        """Abandon a log, and remove it if nothing was ever signed in it."""
        if self.size == 0:
            shutil.rmtree(self.directory.path, ignore_errors=True)
        self.close()

    def _write(self, records: bytearray, checkpoint: Checkpoint, cosigner: NoteSigner | None) -> bytes:
        """Write records, sync, sign, write the checkpoint, sync: in this order, and take back what fails."""
        signers = (self.signer, cosigner) if cosigner else (self.signer,)
        self._unsettled = True
        try:
            write_all(self._records, records)
            if self.synced:
                self._make_durable(self._records)
            note = sign_checkpoint(checkpoint, *signers)
            write_all(self._checkpoints, note)
            if self.synced:
                self._make_durable(self._checkpoints)
        except LogAbandonedError:
            raise
        except OSError:
            self._take_back()
            self._unsettled = False
            raise
        return note

    def _take_back(self) -> None:
        """Return both files to the last commit, the checkpoints first: none may outlive its records."""
        try:
            os.ftruncate(self._checkpoints, self._checkpoint_bytes)
            os.ftruncate(self._records, self._segment_bytes)
        except OSError as error:
            self.abandoned = True
            raise LogAbandonedError(error.errno, error.strerror) from error

    def _make_durable(self, handle: int) -> None:
        """Sync a file. After an error nothing is known of what the disk has, so the log ends there."""
        try:
            os.fdatasync(handle)
        except OSError as error:
            self.abandoned = True
            raise LogAbandonedError(error.errno, error.strerror) from error

    def _randomness(self) -> bytes:
        if self._random_used == _RANDOM_POOL:
            self._random = os.urandom(_RANDOM_POOL)
            self._random_used = 0
        start = self._random_used
        self._random_used = start + _RANDOM_BYTES
        return self._random[start : self._random_used]

    def _make_directory(self) -> int:
        """Make the log's directory, durably where asked, and return a handle that holds its lock."""
        root, path = self.directory.root, self.directory.path
        path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        path.mkdir(mode=DIRECTORY_MODE)
        if self.synced:
            above = path.parent
            while above != root:
                sync_directory(above)
                above = above.parent
            sync_directory(root)
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            acquire(lock, path)
        except OSError:
            os.close(lock)
            raise
        return lock

    def _begin_segment(self) -> None:
        """Open the files of the next segment; those of the one before stay as they are on an error."""
        first = self.size
        flags = WRITE_FLAGS | os.O_APPEND
        records = os.open(self.directory.segment(first), flags, FILE_MODE)
        try:
            checkpoints = os.open(self.directory.checkpoints(first), flags, FILE_MODE)
        except OSError:
            os.close(records)
            raise
        if self.synced:
            sync_directory(self.directory.path)
        if first:
            kept = self._kept if self._kept[-1] == self.checkpoint else [*self._kept, self.checkpoint]
            self._thinned.append((self.directory.checkpoints(self._first), b"".join(kept)))
            os.close(self._records)
            os.close(self._checkpoints)
        self._first = first
        self._records, self._checkpoints = records, checkpoints
        self._segment_bytes = self._checkpoint_bytes = 0
        self._kept = []
        self._minute = -1
