"""Connections to annotators' servers: each annotator has a pool of its own (contract 1.6)."""

import asyncio
import socket
import weakref
from concurrent.futures import ThreadPoolExecutor

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

__all__ = ["HttpClient", "HttpPool"]

_LOOKUP_THREADS = 2


class HttpClient:
    """Makes the pools of a process and closes them."""

    def __init__(self) -> None:
        self._open: set[aiohttp.ClientSession] = set()

    def pool(self, connections: int) -> "HttpPool":
        """Make a pool of at most so many connections; it closes with whoever holds it, or with the client."""
        return HttpPool(connections, self._open)

    async def close(self) -> None:
        """Close every pool; safe to call when none ever opened."""
        for session in list(self._open):
            await _close(self._open, session)


class HttpPool:
    """The connections of one annotator, opened at first use.

    Follows no redirects, uses no proxy, keeps no cookies and reads no credentials from anywhere. Names are
    looked up in threads of its own: a server whose name does not resolve holds up nobody else. `in_flight`
    counts the calls under way, those that wait for a connection too.
    """

    def __init__(self, connections: int, opened: set[aiohttp.ClientSession]) -> None:
        """Take the set to keep the session in while it is open."""
        self.in_flight = 0
        self._connections = connections
        self._opened = opened
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        """Give the connections. Must be called on the event loop that will use them."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=self._connections, resolver=_Lookup()),
                headers={"User-Agent": "acs-sidecar"},
                auto_decompress=False,
            )
            self._opened.add(self._session)
            loop = asyncio.get_running_loop()
            forgotten = weakref.finalize(self, _close_forgotten, self._opened, self._session, loop)
            forgotten.atexit = False
        return self._session


async def _close(opened: set[aiohttp.ClientSession], session: aiohttp.ClientSession) -> None:
    await session.close()
    opened.discard(session)


def _close_forgotten(
    opened: set[aiohttp.ClientSession], session: aiohttp.ClientSession, loop: asyncio.AbstractEventLoop
) -> None:
    """Close the connections of a manifest that is served no more."""
    if session in opened and not loop.is_closed():
        asyncio.run_coroutine_threadsafe(_close(opened, session), loop)


class _Lookup(AbstractResolver):
    """Looks names up as the system does, in its own threads and not in those that a process shares."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Give the addresses of a name. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, socket.getaddrinfo, host, port, family, socket.SOCK_STREAM
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Let the threads go; one that still waits for a name ends by itself."""
        self._threads.shutdown(wait=False)
