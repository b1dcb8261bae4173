"""One HTTPS hop of a fetch, implemented with aiohttp; checks the address of each socket (section 3.3).

To be imported only where something is fetched: it loads for longer than most commands run.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from acs_sidecar.bounded_files import check_regular
from acs_sidecar.outbound.addresses import AddressPolicy
from acs_sidecar.outbound.fetch_outcome import FetchedContent, FetchError, FetchFault

__all__ = ["FetchConnections"]

_CHUNK = 65_536
_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e]{0,256}"')
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS: Mapping[str, str] = {"User-Agent": "acs-sidecar", "Accept-Encoding": "identity"}

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]


class _AddressRefusedError(Exception):
    """The socket for an address was refused. Not an `OSError`: another address would be tried then."""


class FetchConnections:
    """The connections of one load of manifests; they belong to the event loop of the first hop.

    No cookies, no proxy, no credentials from anywhere. `ca_file` is trusted besides the system's
    authorities. `resolver` is how names become addresses; what it answers is checked all the same.
    """

    def __init__(
        self, addresses: AddressPolicy, ca_file: Path | None, resolver: AbstractResolver | None
    ) -> None:
        self._addresses = addresses
        self._ca_file = ca_file
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self._sockets: list[socket.socket] = []

    async def close(self) -> None:
        """Close open connections."""
        if self._session is None:
            return
        await self._session.close()
        # A connection that was left in the middle waits for its server's farewell: do not.
        while self._sockets:
            with suppress(OSError):
                self._sockets.pop().shutdown(socket.SHUT_RDWR)
                await asyncio.sleep(0)

    async def get(
        self, url: URL, name: str, max_bytes: int, headers: Mapping[str, str]
    ) -> FetchedContent | str:
        """Return the answer, or the URL that it redirects to; `name` is how messages call `url`.

        Raises `FetchError`.
        """
        try:
            async with self._open().get(
                url, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=None), headers=headers
            ) as response:
                if response.status == 304 and "If-None-Match" in headers:
                    return FetchedContent(None)
                if response.status in _REDIRECTS:
                    return _redirected(url, name, response.headers.get("Location"))
                if response.status != 200:
                    raise FetchError(FetchFault.STATUS, f"{name} returned status {response.status}")
                etag = response.headers.get("ETag")
                known = etag if etag and _ETAG.fullmatch(etag) else None
                return FetchedContent(await _body(name, response, max_bytes), known)
        except _AddressRefusedError as refusal:
            message = f"{name} resolves to {refusal}, which the fetch address blocklist refuses"
            raise FetchError(FetchFault.ADDRESS_REFUSED, message) from None
        except aiohttp.InvalidURL:
            raise FetchError(FetchFault.URL_REFUSED, f"{name} is not a valid URL") from None
        except (aiohttp.ClientSSLError, ssl.SSLError):
            message = f"{name} has no trusted certificate; set ACS_FETCH_CA_FILE to add CA certificates"
            raise FetchError(FetchFault.UNTRUSTED, message) from None
        except (aiohttp.ClientConnectorDNSError, UnicodeError):  # the latter for what can be nobody's name
            raise FetchError(
                FetchFault.UNREACHABLE, f"{name} has a host name that does not resolve"
            ) from None
        except (aiohttp.ClientError, OSError):
            raise FetchError(FetchFault.UNREACHABLE, f"{name} could not be reached") from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(
                    ssl=self._trust(),
                    resolver=self._resolver,
                    use_dns_cache=False,
                    # One address after the other, so that a refusal ends the attempt.
                    happy_eyeballs_delay=None,
                    socket_factory=self._socket,
                ),
                headers=_HEADERS,
                auto_decompress=False,
            )
        return self._session

    def _trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._ca_file is not None:
            try:
                check_regular(self._ca_file)
                context.load_verify_locations(self._ca_file)
            except ssl.SSLError:
                message = "ACS_FETCH_CA_FILE holds no PEM certificates"
                raise FetchError(FetchFault.UNTRUSTED, message) from None
            except OSError as error:
                message = f"ACS_FETCH_CA_FILE cannot be read: {error.strerror}"
                raise FetchError(FetchFault.UNTRUSTED, message) from None
        return context

    def _socket(self, info: AddressInfo) -> socket.socket:
        """Make the socket for a connection, when its address is not refused."""
        family, kind, protocol, _, place = info
        address = str(place[0])
        if refusal := self._addresses.refusal(address):
            raise _AddressRefusedError(f"the {refusal} address {address}")
        self._sockets.append(socket.socket(family, kind, protocol))
        return self._sockets[-1]


async def _body(name: str, response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    too_large = FetchError(FetchFault.TOO_LARGE, f"{name} returned more than {max_bytes} bytes")
    if (response.content_length or 0) > max_bytes:
        raise too_large
    content = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        content += chunk
        if len(content) > max_bytes:
            raise too_large
    return bytes(content)


def _redirected(url: URL, name: str, location: str | None) -> str:
    """Return the URL that `location` means; its fragment stays, to be refused."""
    if not location:
        raise FetchError(FetchFault.STATUS, f"{name} redirects without a `Location`")
    try:
        return urljoin(str(url), location, allow_fragments=True)
    except ValueError:
        raise FetchError(FetchFault.URL_REFUSED, f"{name} redirects to an invalid URL") from None
