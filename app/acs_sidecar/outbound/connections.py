"""Pooled HTTP connections, implemented with aiohttp.

To be imported only where a server will be called: it loads for longer than most commands run.
"""

import asyncio
import socket
from collections.abc import Container, Mapping
from concurrent.futures import ThreadPoolExecutor

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from acs_sidecar.outbound.failures import TooLargeError, UnreachableError, UntrustedCertificateError

__all__ = ["Connections"]

_LOOKUP_THREADS = 2
_HEADERS = {"Accept-Encoding": "identity", "Content-Type": "application/json"}


class Connections:
    """At most `most` connections, bound to the event loop that creates them.

    Follows no redirects, uses no proxy, keeps no cookies and reads no credentials from anywhere. Names are
    looked up in threads of its own: a server whose name does not resolve holds up nobody else.
    """

    def __init__(self, most: int) -> None:
        self._session = aiohttp.ClientSession(
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=most, resolver=_Lookup()),
            headers={"User-Agent": "acs-sidecar"},
            auto_decompress=False,
        )

    @property
    def closed(self) -> bool:
        """True if they were closed."""
        return self._session.closed

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, expected: Container[int], max_bytes: int
    ) -> tuple[int, bytes]:
        """POST, as `HttpPool.post` does."""
        exchange = self._session.post(
            URL(url, encoded=True),
            data=body,
            headers={**headers, **_HEADERS},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        reply = bytearray()
        try:
            async with exchange as response:
                if response.status in expected:
                    async for chunk in response.content.iter_any():
                        reply += chunk
                        if len(reply) > max_bytes:
                            raise TooLargeError
                return response.status, bytes(reply)
        except TimeoutError:
            raise
        except aiohttp.ClientSSLError:
            raise UntrustedCertificateError from None
        except (aiohttp.ClientError, OSError, UnicodeError):  # the last for what can be nobody's name
            raise UnreachableError from None


class _Lookup(AbstractResolver):
    """Looks names up as the system does, in its own threads and not in those that a process shares."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name. Raises `OSError`."""
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
        """Release the threads; a look-up in progress ends on its own."""
        self._threads.shutdown(wait=False)
