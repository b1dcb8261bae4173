"""What the auditor of a log reads (section 4.5)."""

from collections.abc import Iterator
from typing import Protocol

__all__ = ["LogSource"]


class LogSource(Protocol):
    """The raw bytes of one log.

    `published` and the names of the files MUST have been read before any record, so that a log that
    is being written is seen as it was at one moment.
    """

    @property
    def origin(self) -> str:
        """The log that was asked for."""
        ...

    def published(self) -> bytes | None:
        """Return the content of `checkpoint`, when there is one."""
        ...

    def checkpoint_files(self) -> Iterator[tuple[str, bytes]]:
        """Return the name and content of each file of checkpoints, by first index."""
        ...

    def segments(self) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Return the first index that a segment's name states and its content in chunks, by first index."""
        ...

    def leaf_hashes(self, start: int, end: int) -> bytes | None:
        """Return the leaves `[start, end)` as the tiles state them, if they do: only a hint."""
        ...

    def unread(self) -> int:
        """Return how many bytes of records follow those that were read since `segments` was called last."""
        ...
