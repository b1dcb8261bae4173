"""Calls to annotators' servers: each annotator has a pool of connections of its own (section 1.6)."""

import asyncio
import weakref
from collections.abc import Callable, Container, Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from acs_sidecar.outbound.connections import Connections

__all__ = ["BreakerCounters", "HttpClient", "HttpPool"]


BreakerCounters: TypeAlias = Callable[[str | None], Callable[[], None]]
"""Gives what counts the openings of a breaker, by its annotator's name; `None` for a caller's annotator."""


class HttpClient:
    """Owns this process's connection pools and the counters of their circuit breakers."""

    def __init__(self, breaker_counters: BreakerCounters = lambda _: lambda: None) -> None:
        self.breaker_counters = breaker_counters
        self._open: set[Connections] = set()

    def pool(self, connections: int) -> "HttpPool":
        """Return a pool of at most `connections`; it closes when it is collected, or with the client."""
        from acs_sidecar.outbound.connections import Connections  # noqa: PLC0415  # only who has a server to call pays for it

        return HttpPool(lambda: Connections(connections), self._open)

    async def close(self) -> None:
        """Close every pool; safe to call when none ever opened."""
        for connections in list(self._open):
            await _close(self._open, connections)


class HttpPool:
    """The connections of one annotator, opened at first use.

    `in_flight` counts the calls under way, those that wait for a connection too.
    """

    def __init__(self, connect: "Callable[[], Connections]", opened: "set[Connections]") -> None:
        """Create a connector that tracks its open connections in the given set."""
        self.in_flight = 0
        self._connect = connect
        self._opened = opened
        self._connections: Connections | None = None

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, expected: Container[int], max_bytes: int
    ) -> tuple[int, bytes]:
        """POST JSON and return the status, and the body if the status is `expected`.

        The URL goes out as it is written. Always call it on the same event loop.
        Raises `UntrustedCertificateError`, `UnreachableError`, and `TooLargeError` for a body of more bytes.
        """
        return await self._open().post(url, headers, body, expected, max_bytes)

    def _open(self) -> "Connections":
        if self._connections is None or self._connections.closed:
            self._connections = self._connect()
            self._opened.add(self._connections)
            loop = asyncio.get_running_loop()
            forgotten = weakref.finalize(self, _close_forgotten, self._opened, self._connections, loop)
            forgotten.atexit = False
        return self._connections


async def _close(opened: "set[Connections]", connections: "Connections") -> None:
    await connections.close()
    opened.discard(connections)


def _close_forgotten(
    opened: "set[Connections]", connections: "Connections", loop: asyncio.AbstractEventLoop
) -> None:
    """Close the connections of a manifest that is served no more."""
    if connections in opened and not loop.is_closed():
        asyncio.run_coroutine_threadsafe(_close(opened, connections), loop)
