"""The thin ASGI layer under the decision path: headers read once, bodies read within a bound."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeAlias

from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.transports.http.problems import (
    PROBLEM_TYPE,
    HeaderPairs,
    problem_headers,
    refusal_body,
    status_of,
)

__all__ = [
    "JSON_HEADERS",
    "ASGIApp",
    "AsgiScope",
    "Headers",
    "Message",
    "Receive",
    "Reply",
    "Send",
    "check_arrival",
    "check_codings",
    "check_query",
    "checked_body",
    "read_body",
    "read_headers",
    "refusal_reply",
    "send_reply",
]

AsgiScope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[AsgiScope, Receive, Send], Awaitable[None]]

JSON_HEADERS: HeaderPairs = ((b"content-type", b"application/json"),)
_PROBLEM = (b"content-type", PROBLEM_TYPE.encode())
_PLAIN = (b"identity", b"")
_QUERY_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_-]{0,63}(?=[=&]|\Z)")


@dataclass(slots=True)
class Headers:
    """The request headers that decide what happens to a request.

    `query` is that of the target of a decision; `state` is what the server tells of it: its
    `connection`, its `peer`, `late` once the body took too long, and `broken` once it is no HTTP any more.
    """

    host: bytes | None = None
    hosts: int = 0
    origin: bool = False
    content_type: bytes = b""
    content_length: bytes | None = None
    content_encoding: bytes | None = None
    transfer_encoding: bytes | None = None
    authorization: bytes | None = None
    state: Mapping[str, Any] = field(default_factory=dict)
    traceparent: bytes | None = None
    query: bytes = b""


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles its cost
class Reply:
    """A whole response. `headers` has no `content-length`: that is the length of `body`."""

    status: HTTPStatus
    body: bytes
    headers: HeaderPairs = JSON_HEADERS


def read_headers(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Read the headers in one pass; names are lower case by ASGI."""
    headers = Headers()
    for name, value in pairs:
        if name == b"host":
            headers.host = value
            headers.hosts += 1
        elif name == b"content-length":
            headers.content_length = value
        elif name == b"content-type":
            headers.content_type = value
        elif name == b"authorization":
            # Of two, none is the caller's credential.
            headers.authorization = value if headers.authorization is None else b""
        elif name == b"traceparent":
            # Of two, none is the caller's span.
            headers.traceparent = value if headers.traceparent is None else b""
        elif name == b"origin":
            headers.origin = True
        elif name == b"content-encoding":
            headers.content_encoding = _both(headers.content_encoding, value)
        elif name == b"transfer-encoding":
            headers.transfer_encoding = _both(headers.transfer_encoding, value)
    return headers


async def read_body(receive: Receive, headers: Headers, limit: int) -> bytes | None:
    """Read the body, at most `limit` bytes of it; `None` when the client went away.

    Raises `RefusalError` as `checked_body` does: as soon as the bound is passed, at the latest while reading.
    """
    _check_announced(headers, limit)
    body = await _received(receive, limit)
    return None if body is None else _arrived(body, headers, limit)


def checked_body(body: bytes, headers: Headers, limit: int) -> bytes:
    """Return a body that is there already.

    Raises `RefusalError`: for a coding that is not decoded here, for more than `limit` bytes, and when the
    body did not come in time.
    """
    check_codings(headers)
    return _arrived(body, headers, limit)


def _check_announced(headers: Headers, limit: int) -> None:
    """Raise `RefusalError` for what the headers say of a body already."""
    check_codings(headers)
    announced = headers.content_length and headers.content_length.strip(b" \t")
    # Zeros in front may be so many that `int` refuses the text; a length has few digits behind them.
    if announced is not None and (not announced.isdigit() or int(announced.lstrip(b"0") or b"0") > limit):
        raise _too_long(limit)


def _arrived(body: bytes, headers: Headers, limit: int) -> bytes:
    check_arrival(headers)
    if len(body) > limit:
        raise _too_long(limit)
    return body


def check_arrival(headers: Headers) -> None:
    """Raise `RefusalError` for a body of which the end did not come in time, or not as HTTP."""
    if "late" in headers.state:
        raise RefusalError(Cause.LATE, "the request did not arrive in time")
    if "broken" in headers.state:
        raise RefusalError(
            Cause.MALFORMED, "the body is not valid HTTP: check the sizes of its chunks and its trailers"
        )


def check_query(headers: Headers) -> None:
    """Raise `RefusalError` for a query, which a route that reads none would ignore."""
    if headers.query:
        named = _QUERY_NAME.match(headers.query)
        name = f"`{named[0].decode()}` in the query" if named else "the query"
        advice = "is not read by this route: set it in the body"
        raise RefusalError(Cause.MALFORMED, f"the query {advice}", answer=f"{name} {advice}")


async def send_reply(send: Send, reply: Reply) -> None:
    """Send a whole response."""
    headers = [*reply.headers, (b"content-length", b"%d" % len(reply.body))]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def refusal_reply(error: RefusalError, *, verdict: bool) -> Reply:
    """Return problem details, with the deny that every answer under `/v1/evaluate` carries."""
    body = refusal_body(error, verdict=verdict)
    return Reply(status_of(error.cause), body, (_PROBLEM, *problem_headers(error)))


async def _received(receive: Receive, limit: int) -> bytes | None:
    """Receive a body; `None` when the client went away. Raises `RefusalError` past the limit."""
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        if size > limit:
            raise _too_long(limit)
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
    return b"".join(chunks)


def _both(first: bytes | None, second: bytes) -> bytes:
    """Return two values of one header as the one list that they are."""
    return second if first is None else first + b"," + second


def check_codings(headers: Headers) -> None:
    """Raise `RefusalError` for a body that would have to be decoded first."""
    coding = headers.content_encoding
    if coding is not None and coding.strip().lower() not in _PLAIN:
        raise RefusalError(Cause.MEDIA_TYPE, "the Content-Encoding must be `identity`, or absent")
    transfer = headers.transfer_encoding
    if transfer is not None and transfer.strip().lower() != b"chunked":
        raise RefusalError(Cause.TRANSFER_CODING, "the Transfer-Encoding must be `chunked`, or absent")


def _too_long(limit: int) -> RefusalError:
    return RefusalError(Cause.TOO_LONG, f"the body exceeds {limit} bytes")
