"""Reads the hashes of a log's tree from its tiles, or from records where one is missing (section 4.2)."""

from pathlib import Path

from acs_sidecar.audit.format.merkle import HASH_BYTES, leaf_hash
from acs_sidecar.audit.format.tiles import TILE_WIDTH, Tile, TileHashes, fold
from acs_sidecar.audit.log.directory import LogDirectory, read_file
from acs_sidecar.audit.log.records import record_lines

__all__ = ["LogTiles", "stored_tile"]

_TILE_BYTES = TILE_WIDTH * HASH_BYTES


class LogTiles:
    """Reader of the tiles of a log at `size` records; the latest leaves may come from memory.

    `tail` holds the leaf hashes from index `tail_start` on, a multiple of 256. What is read is a cache:
    whoever uses it MUST compare what follows from it with a signed root.
    """

    def __init__(self, directory: LogDirectory, size: int, tail_start: int = 0, tail: bytes = b"") -> None:
        self._directory = directory
        self._size = size
        self._tail_start = tail_start
        self._tail = tail

    def hashes(self) -> TileHashes:
        """Return a reader of subtree hashes over these tiles."""
        return TileHashes(self._size, self.fetch)

    def fetch(self, tile: Tile) -> bytes:
        """Return a tile, of exactly its width. Raises `LogDamagedError` when a record is missing."""
        wanted = tile.width * HASH_BYTES
        if tile.level == 0 and (remembered := self._remembered(tile)):
            return remembered
        stored = stored_tile(self._directory, tile)[:wanted]
        if len(stored) == wanted:
            return stored
        first = tile.index * TILE_WIDTH
        return stored + self._made(tile.level, first + len(stored) // HASH_BYTES, first + tile.width)

    def _remembered(self, tile: Tile) -> bytes:
        start = tile.index * TILE_WIDTH - self._tail_start
        end = (start + tile.width) * HASH_BYTES
        return self._tail[start * HASH_BYTES : end] if start >= 0 and end <= len(self._tail) else b""

    def _made(self, level: int, start: int, end: int) -> bytes:
        """Make hashes of a level: leaves out of records, others out of the level below."""
        if level == 0:
            return b"".join(leaf_hash(line) for line in record_lines(self._directory, start, end))
        return b"".join(fold(self.fetch(Tile(level - 1, index))) for index in range(start, end))


def stored_tile(directory: LogDirectory, tile: Tile) -> bytes:
    """Read what there is on disk of a tile: the full one, else the widest partial one, else nothing."""
    path = directory.path / Tile(tile.level, tile.index).path
    try:
        return read_file(path, _TILE_BYTES)
    except OSError:
        pass
    try:
        return read_file(max(path.with_name(f"{path.name}.p").iterdir(), key=_width), _TILE_BYTES)
    except (OSError, ValueError):
        return b""


def _width(path: Path) -> int:
    return int(path.name)
