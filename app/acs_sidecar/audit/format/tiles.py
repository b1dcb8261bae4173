"""The C2SP tlog-tiles layout: subtrees of height 8, and the entries, as small files (sections 4.2, 4.5)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from acs_sidecar.audit.format.merkle import HASH_BYTES, node_hash

__all__ = [
    "TILE_HEIGHT",
    "TILE_WIDTH",
    "EntryBundle",
    "Tile",
    "TileHashes",
    "entry_bundle",
    "fold",
    "parse_tile_path",
]

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
_MAX_LEVEL = 7
_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class Tile:
    """`width` hashes of complete subtrees of height `8 * level`, from the one numbered `index * 256` on."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """The path below the log's prefix."""
        return f"tile/{self.level}/{_place(self.index, self.width)}"


@dataclass(frozen=True, slots=True)
class EntryBundle:
    """`width` entries from `index * 256` on."""

    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """The path below the log's prefix."""
        return f"tile/entries/{_place(self.index, self.width)}"


def parse_tile_path(path: str) -> Tile | EntryBundle | None:
    """Parse a path such as `tile/0/x001/234.p/17`; `None` where it is not one."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    level, place, partial = match[1], match[2], match[3]
    parts = place.split("/")
    if len(parts) > 1 and parts[0] == "x000":
        return None
    index = int("".join(part[-3:] for part in parts))
    width = int(partial) if partial else TILE_WIDTH
    if partial and width >= TILE_WIDTH:
        return None
    if level == "entries":
        return EntryBundle(index, width)
    return Tile(int(level), index, width) if int(level) <= _MAX_LEVEL else None


def entry_bundle(entries: Iterable[bytes]) -> bytes:
    """Join entries, each behind its length in two bytes, big-endian."""
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def fold(hashes: bytes) -> bytes:
    """Return the root over a power of two of hashes, put together."""
    row = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


TileReader: TypeAlias = Callable[[Tile], bytes]


class TileHashes:
    """Reads subtree hashes out of the tiles of a tree of `size` leaves; each tile is fetched once."""

    __slots__ = ("_fetch", "_fetched", "_size")

    def __init__(self, size: int, fetch: TileReader) -> None:
        self._size = size
        self._fetch = fetch
        self._fetched: dict[Tile, bytes] = {}

    def __call__(self, height: int, index: int) -> bytes:
        """Return the hash of a complete subtree."""
        level, above = divmod(height, TILE_HEIGHT)
        first = index << above
        tile_index, position = divmod(first, TILE_WIDTH)
        available = (self._size >> TILE_HEIGHT * level) - tile_index * TILE_WIDTH
        tile = Tile(level, tile_index, min(TILE_WIDTH, available))
        hashes = self._fetched.get(tile)
        if hashes is None:
            hashes = self._fetched[tile] = self._fetch(tile)
        return fold(hashes[position * HASH_BYTES : (position + (1 << above)) * HASH_BYTES])


def _place(index: int, width: int) -> str:
    digits = f"{index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
    return path if width == TILE_WIDTH else f"{path}.p/{width}"
