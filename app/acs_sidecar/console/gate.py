"""Who may see the console: the person who started it, in one browser (section 15.1).

Everything lies below a path that nobody can guess, and wants a cookie that a token was exchanged for once.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["COOKIE", "ConsoleGate", "Pass"]

COOKIE: Final = "acs_console"
HEADERS: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_READING = frozenset({"GET", "HEAD"})
_OWN = frozenset({"same-origin", "none", None})
"""What a browser says of a request that no other site made; other programs than browsers say nothing."""

_ENTERED = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=./">'
    '<link rel="icon" href="./static/icon.svg">'
    '<title>acs-sidecar</title><p><a href="./">Continue to the console</a></p>'
)
_NO_ENTRY = (
    "This page wants the address that `acs-sidecar console` printed when it started, in the browser\n"
    "in which it was opened first. The address works once: start the console again for another.\n"
)


@dataclass(frozen=True, slots=True)
class Pass:
    """The secrets of one run: the path, the token that works once, and the cookie's value."""

    path: str = field(default_factory=lambda: f"/{secrets.token_urlsafe(18)}")
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def entry(self) -> str:
        """The path with the token, to be opened once."""
        return f"{self.path}/enter?token={self.token}"


class ConsoleGate:
    """Passes on requests for the pages below its path; `hosts` are its own values of `Host`."""

    def __init__(self, app: ASGIApp, own: Pass, hosts: frozenset[str]) -> None:
        self._app = app
        self._own = own
        self._hosts = hosts
        self._entered = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return
        refused = self._refused(scope)
        await (refused or self._app)(scope, receive, _with_headers(send))

    def _refused(self, scope: Scope) -> Response | None:
        """Return the answer to a request that goes no further."""
        headers = Headers(scope=scope)
        # 1. The name that was asked for is loopback's. Stops: a site whose name leads here (DNS rebinding).
        if headers.getlist("host") not in [[host] for host in self._hosts]:
            return _refusal(HTTPStatus.FORBIDDEN, "the console answers on loopback alone\n")
        # 2. The path is this run's. Stops: everybody who was not told it.
        beginning, _, rest = scope["path"].removeprefix("/").partition("/")
        if not _same(f"/{beginning}", self._own.path):
            return _refusal(HTTPStatus.UNAUTHORIZED, _NO_ENTRY)
        # 3. The token is exchanged once. Stops: who reads it later, in a history or a list of processes.
        if rest == "enter" and scope["method"] == "GET":
            return self._entry(scope["query_string"].decode("latin-1"))
        # 4. The cookie is this run's. Stops: every other program that found the path.
        if not _same(_cookie(headers), self._own.cookie):
            return _refusal(HTTPStatus.UNAUTHORIZED, _NO_ENTRY)
        # 5. No other page made the browser send this. Stops: pages of other ports, to which cookies go too.
        if headers.get("sec-fetch-site") not in _OWN:
            return _refusal(HTTPStatus.FORBIDDEN, "another page sent this request\n")
        if scope["method"] not in _READING and headers.get("origin") != f"http://{headers['host']}":
            return _refusal(HTTPStatus.FORBIDDEN, "`Origin` is not that of the console\n")
        return None

    def _entry(self, query: str) -> Response:
        if self._entered or not _same(query, f"token={self._own.token}"):
            return _refusal(HTTPStatus.UNAUTHORIZED, _NO_ENTRY)
        self._entered = True
        # A page and no redirect: a browser sends a strict cookie to what a page of this origin leads to.
        response = HTMLResponse(_ENTERED)
        response.set_cookie(
            COOKIE, self._own.cookie, path=f"{self._own.path}/", httponly=True, samesite="strict"
        )
        return response


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return sent


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _refusal(status: HTTPStatus, text: str) -> Response:
    return PlainTextResponse(text, status)
