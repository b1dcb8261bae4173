"""Fetches what manifests name on other servers, and nothing that they should not reach (contract 3.3).

aiohttp speaks HTTP and TLS; here is the guard around it. Every hop of a fetch passes the same checks,
and the address is checked where the socket is made, so that neither a name nor a second answer of its
name server leads past the check.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from app.core.limits import Limits
from app.core.remote import RemoteReference, shown_url
from app.stores.fetch_addresses import AddressPolicy

__all__ = ["Answer", "FetchError", "FetchFault", "Fetcher", "OfflineFetcher"]

MAX_URL_LENGTH = 8_192
_CHUNK = 65_536
_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e]{0,256}"')
_AUTHORITY_END = re.compile("[/?#]")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ODD = frozenset('\\"<>^`{|}')
_HEADERS: Mapping[str, str] = {"User-Agent": "acs-sidecar", "Accept-Encoding": "identity"}

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]


class FetchFault(StrEnum):
    """What kind of fault ended a fetch; each is a diagnostic's code too."""

    URL_REFUSED = "fetch-url-refused"
    ADDRESS_REFUSED = "fetch-address-refused"
    UNTRUSTED = "fetch-untrusted"
    UNREACHABLE = "fetch-unreachable"
    STATUS = "fetch-status"
    REDIRECTS = "fetch-redirects"
    TOO_LARGE = "fetch-too-large"
    TOO_SLOW = "fetch-too-slow"
    PIN_MISMATCH = "fetch-pin-mismatch"

    @property
    def is_limit(self) -> bool:
        """Whether a bound of contract 1.11 was the cause."""
        return self in (FetchFault.REDIRECTS, FetchFault.TOO_LARGE, FetchFault.TOO_SLOW)


class FetchError(Exception):
    """A fetch that failed. The text names the URL without its query, and nothing that was answered."""

    def __init__(self, fault: FetchFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server has at a URL; no content where that is what it had before (304)."""

    content: bytes | None
    etag: str | None = None


class _AddressRefusedError(Exception):
    """The socket for an address was refused. Not an `OSError`: another address would be tried then."""


class Fetcher:
    """Fetches for one load of manifests: each URL once, failures too.

    No cookies, no proxy, no credentials from anywhere. Belongs to the event loop of its first fetch;
    must be closed, or used as a context. `ca_file` is trusted besides the system's authorities.
    `resolver` is how names become addresses; what it answers is checked all the same.
    """

    def __init__(
        self,
        limits: Limits,
        addresses: AddressPolicy,
        ca_file: Path | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._limits = limits
        self._addresses = addresses
        self._ca_file = ca_file
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self._sockets: list[socket.socket] = []
        self._fetched: dict[tuple[str, int], bytes | FetchError] = {}

    async def __aenter__(self) -> "Fetcher":
        """Use it as a context."""
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """Close what is open; safe to call when nothing was fetched."""
        if self._session is None:
            return
        await self._session.close()
        # A connection that was left in the middle waits for its server's farewell: do not.
        while self._sockets:
            with suppress(OSError):
                self._sockets.pop().shutdown(socket.SHUT_RDWR)
                await asyncio.sleep(0)

    async def fetch(self, reference: RemoteReference, max_bytes: int) -> bytes:
        """Give at most `max_bytes` of content, which is what its pin says. Raises `FetchError`."""
        key = reference.url, max_bytes
        if key not in self._fetched:
            try:
                answer = await self._within_time(reference.url, max_bytes, {}, None)
                self._fetched[key] = answer.content or b""
            except FetchError as error:
                self._fetched[key] = error
        content = self._fetched[key]
        if isinstance(content, FetchError):
            raise FetchError(content.fault, str(content))
        _check_pin(reference, content)
        return content

    async def fetch_changed(
        self, reference: RemoteReference, max_bytes: int, etag: str | None, token: str | None
    ) -> Answer:
        """Ask whether there is other content than that with `etag`, and give it. Raises `FetchError`.

        `token` is shown as bearer to the server of the URL alone, wherever that redirects.
        """
        headers = {"If-None-Match": etag} if etag else {}
        answer = await self._within_time(reference.url, max_bytes, headers, token)
        if answer.content is not None:
            _check_pin(reference, answer.content)
        return answer

    async def _within_time(
        self, url: str, max_bytes: int, headers: Mapping[str, str], token: str | None
    ) -> Answer:
        timeout_ms = self._limits.manifest_url_timeout_ms
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return await self._follow(url, max_bytes, headers, token)
        except TimeoutError:
            message = f"{_quoted(url)} did not answer in full within {timeout_ms} ms"
            raise FetchError(FetchFault.TOO_SLOW, message) from None

    async def _follow(
        self, text: str, max_bytes: int, headers: Mapping[str, str], token: str | None
    ) -> Answer:
        name = first = _quoted(text)
        origin: URL | None = None
        most = self._limits.max_manifest_url_redirects
        for _ in range(most + 1):
            url = _checked(text, name)
            origin = origin or url.origin()
            shown = {"Authorization": f"Bearer {token}"} if token and url.origin() == origin else {}
            answer = await self._one_hop(url, name, max_bytes, {**headers, **shown})
            if isinstance(answer, Answer):
                return answer
            text = answer
            name = f"{first} redirects to {_quoted(text, with_path=False)}, which"
        raise FetchError(FetchFault.REDIRECTS, f"{first} redirects more than {most} times")

    async def _one_hop(self, url: URL, name: str, max_bytes: int, headers: Mapping[str, str]) -> Answer | str:
        """Give the answer, or the URL that it redirects to; `name` is how messages call `url`."""
        try:
            async with self._open().get(
                url, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=None), headers=headers
            ) as response:
                if response.status == 304 and "If-None-Match" in headers:
                    return Answer(None)
                if response.status in _REDIRECTS:
                    return _redirected(url, name, response.headers.get("Location"))
                if response.status != 200:
                    raise FetchError(FetchFault.STATUS, f"{name} answered with status {response.status}")
                etag = response.headers.get("ETag")
                known = etag if etag and _ETAG.fullmatch(etag) else None
                return Answer(await _body(name, response, max_bytes), known)
        except _AddressRefusedError as refusal:
            message = f"{name} leads to {refusal}, from where nothing is fetched"
            raise FetchError(FetchFault.ADDRESS_REFUSED, message) from None
        except aiohttp.InvalidURL:
            raise FetchError(FetchFault.URL_REFUSED, f"{name} is not a valid URL") from None
        except (aiohttp.ClientSSLError, ssl.SSLError):
            message = f"{name} has no certificate that is trusted; ACS_FETCH_CA_FILE adds authorities"
            raise FetchError(FetchFault.UNTRUSTED, message) from None
        except aiohttp.ClientConnectorDNSError:
            raise FetchError(FetchFault.UNREACHABLE, f"{name} has a name without an address") from None
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
                context.load_verify_locations(self._ca_file)
            except OSError:  # an `ssl.SSLError` is one
                message = "ACS_FETCH_CA_FILE names no file of PEM certificates that can be read"
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


class OfflineFetcher(Fetcher):
    """Fetches nothing, for whoever must not ask other servers."""

    async def fetch(self, reference: RemoteReference, max_bytes: int) -> bytes:  # noqa: ARG002  # as the base class has it
        """Raise `FetchError`."""
        raise FetchError(FetchFault.UNREACHABLE, f"{_quoted(reference.url)} is not asked now")


def _check_pin(reference: RemoteReference, content: bytes) -> None:
    if reference.pin and not reference.pin.matches(content):
        message = f"{_quoted(reference.url)} does not have the content that it is pinned to"
        raise FetchError(FetchFault.PIN_MISMATCH, message)


async def _body(name: str, response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        content += chunk
        if len(content) > max_bytes:
            raise FetchError(FetchFault.TOO_LARGE, f"{name} answered with more than {max_bytes} bytes")
    return bytes(content)


def _checked(text: str, name: str) -> URL:
    """Read a URL as the client will; refuse all but plain HTTPS. Raises `FetchError`."""

    def refused(why: str) -> FetchError:
        return FetchError(FetchFault.URL_REFUSED, f"{name} {why}")

    if len(text) > MAX_URL_LENGTH:
        raise refused(f"is longer than {MAX_URL_LENGTH} characters")
    if any(character <= " " or character in _ODD for character in text):
        raise refused("holds a character that is not allowed in a URL")
    try:
        url = URL(text)
        host, port = url.host, url.port
    except ValueError:
        raise refused("is not a valid URL") from None
    if url.scheme != "https":
        raise refused("is not an HTTPS URL")
    if not host or not port:
        raise refused("has no host, or the port 0")
    if "@" in _AUTHORITY_END.split(text.partition("//")[2])[0]:
        raise refused("carries a user or a password")
    if "#" in text:
        raise refused("carries a fragment")
    return url


def _redirected(url: URL, name: str, location: str | None) -> str:
    """Give the URL that `location` means; its fragment stays, to be refused."""
    if not location:
        raise FetchError(FetchFault.STATUS, f"{name} redirects without saying where to")
    try:
        return urljoin(str(url), location, allow_fragments=True)
    except ValueError:
        raise FetchError(FetchFault.URL_REFUSED, f"{name} redirects to what is not a URL") from None


def _quoted(text: str, *, with_path: bool = True) -> str:
    shown = shown_url(text, with_path=with_path)
    return f"`{shown}`" if "://" in shown else shown
