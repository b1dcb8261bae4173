"""What the pages ask of audit logs, wherever those are read from (section 15.2)."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Protocol, TypeVar

from starlette.requests import ClientDisconnect, Request

from acs_sidecar.audit.read.reader import LogSummary
from acs_sidecar.audit.read.search import RecordSource

__all__ = ["DiskUse", "LogAccess", "LogReader", "read_for"]

Found = TypeVar("Found")


class LogReader(Protocol):
    """Raw parts of logs by their names.

    Every method raises `UnknownLogError`, `NotInLogError`, `LogDamagedError` and `OSError`.
    """

    def checkpoint(self, log: str) -> bytes:
        """Return the newest signed checkpoint."""
        ...

    def record(self, log: str, index: int) -> bytes:
        """Return the exact line of a record."""
        ...

    def records(self, log: str, start: int, limit: int) -> list[bytes]:
        """Return up to `limit` lines, at most 1,000, from `start` on; none at the end of the log."""
        ...

    def inclusion(self, log: str, index: int, size: int) -> list[bytes]:
        """Return the proof that a record is in the tree of `size` records."""
        ...

    def consistency(self, log: str, first: int, second: int) -> list[bytes]:
        """Return the proof that the tree of `first` records is the beginning of that of `second`."""
        ...

    def tile(self, log: str, path: str) -> bytes:
        """Return a tile or a bundle of entries by its path."""
        ...


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Bytes that the logs take, and bytes that are free where they are."""

    used: int
    free: int


class LogAccess(Protocol):
    """Some audit logs; nothing here verifies them, which is the browser's part."""

    @property
    def place(self) -> str:
        """Where the logs are, as the pages call it."""
        ...

    @property
    def reader(self) -> LogReader:
        """The raw parts of the logs."""
        ...

    def sources(self) -> Sequence[RecordSource]:
        """Return the logs that have records, as they are now. Raises `OSError`."""
        ...

    def summaries(self) -> Sequence[LogSummary]:
        """Describe every log. Raises `OSError`."""
        ...

    def disk(self) -> DiskUse | None:
        """Return what the logs take of a disk, where there is one to look at. Raises `OSError`."""
        ...


@dataclass(frozen=True, slots=True)
class _WhileAsked:
    """The records of a log, for as long as somebody waits for them."""

    source: RecordSource
    gone: Event

    @property
    def origin(self) -> str:
        return self.source.origin

    @property
    def size(self) -> int:
        return self.source.size

    def pieces(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        for piece in self.source.pieces(start, end):
            if self.gone.is_set():
                raise ClientDisconnect
            yield piece


async def read_for(
    request: Request, logs: LogAccess, read: Callable[[Sequence[RecordSource]], Found]
) -> Found:
    """Return what `read` makes of the logs, in a thread of its own.

    Raises `ClientDisconnect` at the next piece when who asked has left the page, and what `read` raises.
    """
    gone = Event()

    def reading() -> Found:
        return read([_WhileAsked(source, gone) for source in logs.sources()])

    leaving = asyncio.create_task(_leave(request, gone))
    try:
        return await asyncio.to_thread(reading)
    finally:
        leaving.cancel()


async def _leave(request: Request, gone: Event) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    gone.set()
