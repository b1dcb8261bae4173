"""Writes a log's leaf hashes as tiles, off the hot path; missing tiles can be rebuilt (section 4.2)."""

import os
from contextlib import suppress

from acs_sidecar.audit.format.merkle import HASH_BYTES
from acs_sidecar.audit.format.tiles import TILE_WIDTH, Tile, fold
from acs_sidecar.audit.log.directory import (
    DIRECTORY_MODE,
    FILE_MODE,
    WRITE_FLAGS,
    LogDirectory,
    remove_if_there,
    write_all,
)

__all__ = ["TILE_BYTES", "TileWriter"]

TILE_BYTES = TILE_WIDTH * HASH_BYTES
_PARTIAL_EVERY = 16


class TileWriter:
    """Writes the tiles of one log as its leaves come. Not thread-safe.

    The incomplete last tile of a level above the leaves is written now and then, so that whoever reads
    the log has few tiles to hash for it.
    """

    def __init__(self, directory: LogDirectory) -> None:
        self._directory = directory
        self._index = 0
        self._levels: list[bytearray] = []
        self._partial: dict[int, Tile] = {}
        self._made: set[str] = set()

    def write(self, leaves: bytes) -> None:
        """Write whole tiles of leaves, and above them what they complete."""
        for at in range(0, len(leaves), TILE_BYTES):
            hashes = leaves[at : at + TILE_BYTES]
            self._put(Tile(0, self._index), hashes)
            self._index += 1
            self._rise(1, fold(hashes))
            if self._index % _PARTIAL_EVERY == 0:
                self._write_partial()

    def finish(self, leaves: bytes) -> None:
        """Write the last leaves, fewer than a tile's, and every incomplete tile: the log ends with them."""
        if leaves:
            self._put(Tile(0, self._index, len(leaves) // HASH_BYTES), leaves)
        self._write_partial()

    def _rise(self, level: int, node: bytes) -> None:
        """Add a node to a level; a row that is complete is written and rises as one node itself."""
        if len(self._levels) < level:
            self._levels.append(bytearray())
        row = self._levels[level - 1]
        row += node
        if len(row) % TILE_BYTES == 0:
            hashes = bytes(row[-TILE_BYTES:])
            self._put(Tile(level, len(row) // TILE_BYTES - 1), hashes)
            self._rise(level + 1, fold(hashes))

    def _write_partial(self) -> None:
        """Write the incomplete last tile of each level above the leaves, in place of the one before it."""
        for level, row in enumerate(self._levels, start=1):
            full, rest = divmod(len(row), TILE_BYTES)
            before = self._partial.pop(level, None)
            if rest:
                tile = self._partial[level] = Tile(level, full, rest // HASH_BYTES)
                self._put(tile, bytes(row[-rest:]))
            if before and before != self._partial.get(level):
                with suppress(OSError):
                    remove_if_there(self._directory.path / before.path)

    def _put(self, tile: Tile, hashes: bytes) -> None:
        """Write a tile, if the disk takes it: who misses one, or a part, makes it from records."""
        path = f"{self._directory.path}/{tile.path}"
        parent = path.rpartition("/")[0]
        with suppress(OSError):
            if parent not in self._made:
                os.makedirs(parent, DIRECTORY_MODE, exist_ok=True)  # noqa: PTH103  # a path object costs more
                self._made.add(parent)
            handle = os.open(path, WRITE_FLAGS | os.O_TRUNC, FILE_MODE)
            try:
                write_all(handle, hashes)
            finally:
                os.close(handle)
