"""Fetches the content that manifests name on other servers, guarded against internal addresses (section 3.3).

Here is the guard, `fetch_connections` is what it guards. Every hop of a fetch passes the same checks, and
the address is checked where the socket is made, so that neither a name nor a second answer of its name
server leads past the check.
"""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from yarl import URL

from acs_sidecar.outbound.addresses import AddressPolicy
from acs_sidecar.outbound.fetch_outcome import FetchedContent, FetchError, FetchFault
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.pinned_url import RemoteReference, redacted_url

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from acs_sidecar.outbound.fetch_connections import FetchConnections

__all__ = ["Fetcher", "OfflineFetcher"]

MAX_URL_LENGTH = 8_192
_AUTHORITY_END = re.compile("[/?#]")
_ODD = frozenset('\\"<>^`{|}')


class Fetcher:
    """Fetches for one load of manifests: each URL once, failures too.

    Belongs to the event loop of its first fetch; must be closed, or used as a context. `ca_file` is
    trusted besides the system's authorities. `resolver` is how names become addresses; what it answers
    is checked all the same. Every hop has the `scheme`; with `stay`, redirects lead to no other host.
    """

    def __init__(
        self,
        limits: Limits,
        addresses: AddressPolicy,
        ca_file: Path | None = None,
        resolver: "AbstractResolver | None" = None,
        *,
        scheme: Literal["https", "http"] = "https",
        stay: bool = False,
    ) -> None:
        self._limits = limits
        self._addresses = addresses
        self._ca_file = ca_file
        self._resolver = resolver
        self._scheme = scheme
        self._stay = stay
        self._connections: FetchConnections | None = None
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
        """Close open connections; safe to call if nothing was fetched."""
        if self._connections:
            await self._connections.close()

    async def fetch(self, reference: RemoteReference, max_bytes: int) -> bytes:
        """Return the content of a URL, at most `max_bytes`, after checking its pin. Raises `FetchError`."""
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
    ) -> FetchedContent:
        """Return the content of a URL if it no longer has `etag`. Raises `FetchError`.

        `token` is shown as bearer to the server of the URL alone, wherever that redirects.
        """
        headers = {"If-None-Match": etag} if etag else {}
        answer = await self._within_time(reference.url, max_bytes, headers, token)
        if answer.content is not None:
            _check_pin(reference, answer.content)
        return answer

    async def _within_time(
        self, url: str, max_bytes: int, headers: Mapping[str, str], token: str | None
    ) -> FetchedContent:
        connections = self._open()
        timeout_ms = self._limits.manifest_url_timeout_ms
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return await self._follow(connections, url, max_bytes, headers, token)
        except TimeoutError:
            message = f"{_quoted(url)} did not answer in full within `manifest_url_timeout_ms` ({timeout_ms})"
            raise FetchError(FetchFault.TOO_SLOW, message) from None

    async def _follow(
        self,
        connections: "FetchConnections",
        text: str,
        max_bytes: int,
        headers: Mapping[str, str],
        token: str | None,
    ) -> FetchedContent:
        name = first = _quoted(text)
        origin: URL | None = None
        most = self._limits.max_manifest_url_redirects
        for _ in range(most + 1):
            url = _checked(text, name, self._scheme)
            origin = origin or url.origin()
            if self._stay and url.origin() != origin:
                raise FetchError(FetchFault.URL_REFUSED, f"{name} is on another host")
            shown = {"Authorization": f"Bearer {token}"} if token and url.origin() == origin else {}
            answer = await connections.get(url, name, max_bytes, {**headers, **shown})
            if isinstance(answer, FetchedContent):
                return answer
            text = answer
            name = f"{first} redirects to {_quoted(text, with_path=False)}, which"
        message = f"{first} redirects more often than `max_manifest_url_redirects` ({most})"
        raise FetchError(FetchFault.REDIRECTS, message)

    def _open(self) -> "FetchConnections":
        from acs_sidecar.outbound.fetch_connections import FetchConnections  # noqa: PLC0415  # only who fetches pays for it

        if self._connections is None:
            self._connections = FetchConnections(self._addresses, self._ca_file, self._resolver)
        return self._connections


class OfflineFetcher(Fetcher):
    """Refuses every fetch, for commands that must not call other servers."""

    async def fetch(self, reference: RemoteReference, max_bytes: int) -> bytes:  # noqa: ARG002  # as the base class has it
        """Raise `FetchError`."""
        raise FetchError(
            FetchFault.UNREACHABLE, f"{_quoted(reference.url)} is not tried now: it failed repeatedly"
        )


def _check_pin(reference: RemoteReference, content: bytes) -> None:
    if reference.pin and not reference.pin.matches(content):
        message = f"{_quoted(reference.url)} does not match its pinned hash"
        raise FetchError(FetchFault.PIN_MISMATCH, message)


def _checked(text: str, name: str, scheme: str) -> URL:
    """Read a URL as the client will; refuse all that is not plain. Raises `FetchError`."""

    def refused(why: str) -> FetchError:
        return FetchError(FetchFault.URL_REFUSED, f"{name} {why}")

    if len(text) > MAX_URL_LENGTH:
        raise refused(f"exceeds {MAX_URL_LENGTH} characters")
    if any(character <= " " or character in _ODD for character in text):
        raise refused("has a character that is not allowed in a URL")
    try:
        url = URL(text)
        host, port = url.host, url.port
    except ValueError:
        raise refused("is not a valid URL") from None
    if url.scheme != scheme:
        raise refused(f"is not an {scheme.upper()} URL")
    if not host or not port:
        raise refused("has no host, or the port 0")
    if "@" in _AUTHORITY_END.split(text.partition("//")[2])[0]:
        raise refused("has a user name or a password")
    if "#" in text:
        raise refused("has a fragment")
    return url


def _quoted(text: str, *, with_path: bool = True) -> str:
    shown = redacted_url(text, with_path=with_path)
    return f"`{shown}`" if "://" in shown else shown
