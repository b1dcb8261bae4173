"""The front door: who may speak to the service at all, and which half of it answers (sections 2.2, 2.4)."""

import ipaddress
import re
from collections.abc import Awaitable, Callable

from acs_sidecar.access.peer import Peer
from acs_sidecar.decision.caller import Caller
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.telemetry.http_metrics import HttpMetrics
from acs_sidecar.transports.http.access import Guard
from acs_sidecar.transports.http.decisions import DecisionRoutes, decision_refusal, is_decision
from acs_sidecar.transports.http.exchange import (
    ASGIApp,
    AsgiScope,
    Headers,
    Message,
    Receive,
    Reply,
    Send,
    read_body,
    read_headers,
    refusal_reply,
    send_reply,
)
from acs_sidecar.transports.http.streams.route import STREAM, StreamRoute

__all__ = ["Gate", "HostRule"]

_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_REMEMBERED_HOSTS = 256


class HostRule:
    """Which `Host` headers are accepted: loopback and configured names (against DNS rebinding)."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self._allowed = frozenset(name.lower() for name in allowed)
        self._accepted: set[bytes] = set()

    def accepts(self, headers: Headers) -> bool:
        """True if the request names this service, exactly once."""
        host = headers.host
        if host is None or headers.hosts != 1:
            return False
        if host in self._accepted:
            return True
        if not self._names_us(host):
            return False
        if len(self._accepted) < _REMEMBERED_HOSTS:
            self._accepted.add(host)
        return True

    def _names_us(self, host: bytes) -> bool:
        match = _HOST.fullmatch(host.decode("latin-1"))
        if match is None:
            return False
        name = match["name"].lower()
        if name == "localhost" or name in self._allowed or name.strip("[]") in self._allowed:
            return True
        try:
            return ipaddress.ip_address(name.strip("[]")).is_loopback
        except ValueError:
            return False


class Gate:
    """The outermost ASGI application: decisions take the short way, everything else FastAPI's."""

    def __init__(
        self,
        decisions: DecisionRoutes,
        streams: StreamRoute,
        others: ASGIApp,
        host_rule: HostRule,
        guard: Guard | None,
        users: frozenset[int],
        max_body_bytes: int,
        metrics: HttpMetrics,
        fault: Callable[[Exception], None],
    ) -> None:
        self._decisions = decisions
        self._streams = streams
        self._others = others
        self._host_rule = host_rule
        self._guard = guard
        self._users = frozenset(f"uid:{user}" for user in users)
        self._max_body_bytes = max_body_bytes
        self._metrics = metrics
        self._fault = fault

    def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            return self._others(scope, receive, send)
        method: str = scope["method"]
        path: str = scope["path"]
        decides = is_decision(path)
        if method == "HEAD":
            send = _without_body(send)
            if not decides:
                method, scope = "GET", {**scope, "method": "GET"}
        headers = read_headers(scope["headers"])
        headers.state = scope["state"]
        if not decides:
            return self._pass_on(scope, method, headers, receive, send)
        headers.query = scope["query_string"]
        if path == STREAM:
            return self._stream(scope, method, headers, receive, send)
        return self._decision(path, method, headers, receive, send)

    async def _decision(self, path: str, method: str, headers: Headers, receive: Receive, send: Send) -> None:
        if reply := await self.decide(method, path, headers, receive):
            await send_reply(send, reply)

    async def _pass_on(
        self, scope: AsgiScope, method: str, headers: Headers, receive: Receive, send: Send
    ) -> None:
        """Answer by the other application, where the caller may ask it."""
        try:
            peer = self._checked_peer(headers)
            caller = self._guard.admit(method, scope["path"], headers, peer) if self._guard else None
            body = await read_body(receive, headers, self._max_body_bytes)
        except RefusalError as error:
            await send_reply(send, self._refused(error, verdict=False))
            return
        scope["state"]["caller"] = caller
        if body is None:
            return
        try:
            await self._others(scope, _replay(body, receive), self._counted(scope, send))
        except Exception as error:  # noqa: BLE001  # answered with 500 by then; its text may hold content
            self._fault(error)

    async def decide(self, method: str, path: str, headers: Headers, body: bytes | Receive) -> Reply | None:
        """Answer a request to a decision route; `None` when the client went away.

        A server that has the whole `body` may call this without ASGI around it.
        """
        try:
            caller = self._identified(headers)
        except RefusalError as error:
            return self._refused(error, verdict=True, path=path)
        return await self._decisions.answer(method, path, headers, caller, body)

    def _stream(
        self, scope: AsgiScope, method: str, headers: Headers, receive: Receive, send: Send
    ) -> Awaitable[None]:
        """Answer a stream, which is no reply as a value."""
        try:
            caller = self._identified(headers)
            if scope["http_version"] == "1.0":
                raise RefusalError(Cause.MALFORMED, "a stream requires HTTP/1.1")
        except RefusalError as error:
            return send_reply(send, self._refused(error, verdict=True))
        # A stream keeps nothing of its head while it is open.
        return self._streams.answer(method, scope.pop("headers"), headers, caller, receive, send)

    def _identified(self, headers: Headers) -> Caller | None:
        """Return who asks for a decision, `None` where nobody needs to say. Raises `RefusalError`."""
        peer = self._checked_peer(headers)
        return self._guard.identify(headers, peer) if self._guard else None

    def _refused(self, error: RefusalError, *, verdict: bool, path: str = "") -> Reply:
        reply = decision_refusal(path, error) if verdict else refusal_reply(error, verdict=False)
        self._metrics.rejected(error.cause)
        self._metrics.answered(None, reply.status)
        return reply

    def _counted(self, scope: AsgiScope, send: Send) -> Send:
        """Count the answer by the route that the router has found by then."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = scope.get("route")
                self._metrics.answered(route.path if route else None, message["status"])
            await send(message)

        return counted

    def _checked_peer(self, headers: Headers) -> Peer | None:
        """Return what the connection proves of its peer.

        Raises `RefusalError` unless the request names this service, comes from no web page, and from one of
        the users of its socket.
        """
        if not self._host_rule.accepts(headers):
            raise RefusalError(Cause.HOST, "the Host header is neither loopback nor in ACS_ALLOWED_HOSTS")
        if headers.origin:
            raise RefusalError(
                Cause.ORIGIN, "requests from web pages (with an Origin header) are not accepted"
            )
        peer: Peer | None = headers.state.get("peer")
        if self._users and (peer is None or self._users.isdisjoint(peer.names)):
            raise RefusalError(Cause.USER, "this user is not in ACS_UDS_ALLOWED_UIDS")
        return peer


def _without_body(send: Send) -> Send:
    """Send what `GET` answers without its body; a `Content-Length` stays that of `GET` (RFC 9110)."""

    async def bodiless(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return bodiless


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a body that was read already to an application that reads it again."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
