"""The raw bytes of a log on disk, for the auditor (section 4.5)."""

import os
from collections.abc import Iterator
from pathlib import Path

from acs_sidecar.audit.format.merkle import HASH_BYTES
from acs_sidecar.audit.format.tiles import TILE_WIDTH, Tile
from acs_sidecar.audit.log.directory import LogDirectory, kept_checkpoints, open_file
from acs_sidecar.audit.log.hashes import stored_tile

__all__ = ["FileLogSource", "file_chunks"]

_CHUNK = 1 << 17  # the lines of a chunk stay in the cache of a core while they are hashed


class FileLogSource:
    """Reads a log as it was at one moment: the checkpoints, then the names of the files, then records.

    Raises `OSError`.
    """

    def __init__(self, directory: LogDirectory) -> None:
        self._directory = directory
        self._published = directory.published()
        self._checkpoints = [(path.name, path) for _, path in directory.checkpoint_files()]
        self._growing: bytes | None = None
        if self._checkpoints and _may_grow(directory):
            self._growing = kept_checkpoints(self._checkpoints[-1][1])
        self._segments = directory.segments()
        self._bytes_read = 0

    @property
    def origin(self) -> str:
        """The log's name, from where its directory is."""
        return self._directory.origin

    def published(self) -> bytes | None:
        """Return the content of `checkpoint`."""
        return self._published

    def checkpoint_files(self) -> Iterator[tuple[str, bytes]]:
        """Read the files of checkpoints; the last of a log that is being written was read before."""
        for name, path in self._checkpoints[:-1]:
            yield name, kept_checkpoints(path)
        for name, path in self._checkpoints[-1:]:
            yield name, kept_checkpoints(path) if self._growing is None else self._growing

    def segments(self) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Read the segments in chunks."""
        self._bytes_read = 0
        for first, path in self._segments:
            yield first, self._counted(file_chunks(path))

    def unread(self) -> int:
        """Return by how much the segments are longer than what was read of them."""
        return sum(path.stat().st_size for _, path in self._segments) - self._bytes_read

    def leaf_hashes(self, start: int, end: int) -> bytes | None:
        """Read the leaves from the tiles of level 0, when all of them are there."""
        hashes = bytearray()
        for index in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
            wanted = min(TILE_WIDTH, end - index * TILE_WIDTH) * HASH_BYTES
            content = stored_tile(self._directory, Tile(0, index))[:wanted]
            if len(content) < wanted:
                return None
            hashes += content
        return bytes(hashes[start % TILE_WIDTH * HASH_BYTES :])

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._bytes_read += len(chunk)
            yield chunk


def file_chunks(path: Path) -> Iterator[bytes]:
    """Read a file of a log in chunks. Raises `OSError`."""
    with os.fdopen(open_file(path), "rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _may_grow(directory: LogDirectory) -> bool:
    try:
        return directory.held()
    except OSError:  # a file system without locks does not tell
        return True
