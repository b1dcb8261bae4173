"""The thin ASGI layer under the decision path: headers read once, bodies read within a bound."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeAlias

from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.transports.http.problems import PROBLEM_TYPE, problem_headers, refusal_body, status_of

__all__ = [
    "ASGIApp",
    "AsgiScope",
    "Headers",
    "Message",
    "Receive",
    "Send",
    "read_body",
    "read_headers",
    "send_refusal",
    "send_reply",
    "send_verdict",
]

AsgiScope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[AsgiScope, Receive, Send], Awaitable[None]]

_JSON = (b"content-type", b"application/json")
_PLAIN = (b"identity", b"")


@dataclass(slots=True)
class Headers:
    """The request headers that decide what happens to a request.

    `state` is what the connection tells of it: `peer`, `late` once the body took too long, and `answer`,
    which gives a whole answer in one step where the server has such a way.
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

    Raises `RefusalError`: for a coding that is not decoded here, as soon as the bound is passed, at the
    latest while reading, and when the body did not come in time.
    """
    _check_codings(headers)
    announced = headers.content_length
    # Zeros in front may be so many that `int` refuses the text; a length has few digits behind them.
    if announced is not None and (not announced.isdigit() or int(announced.lstrip(b"0") or b"0") > limit):
        raise _too_long(limit)
    message = await receive()
    if message["type"] != "http.request":
        return None
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        chunks = [body]
        size = len(body)
        while message.get("more_body", False):
            if size > limit:
                raise _too_long(limit)
            message = await receive()
            if message["type"] != "http.request":
                return None
            chunk = message.get("body", b"")
            size += len(chunk)
            chunks.append(chunk)
        body = b"".join(chunks)
    if "late" in headers.state:
        raise RefusalError(Cause.LATE, "the request did not arrive in time")
    if len(body) > limit:
        raise _too_long(limit)
    return body


async def send_reply(
    send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = (_JSON,)
) -> None:
    """Send a whole response."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def send_verdict(send: Send, headers: Headers, body: bytes) -> None:
    """Send an answer of 200."""
    at_once = headers.state.get("answer")
    if at_once is None or not at_once(send, body):
        await send_reply(send, HTTPStatus.OK, body)


async def send_refusal(send: Send, error: RefusalError, *, verdict: bool) -> None:
    """Send problem details, with the deny that every answer under `/v1/evaluate` carries."""
    content_type = (b"content-type", PROBLEM_TYPE.encode())
    body = refusal_body(error, verdict=verdict)
    await send_reply(send, status_of(error.cause), body, (content_type, *problem_headers(error)))


def _both(first: bytes | None, second: bytes) -> bytes:
    """Return two values of one header as the one list that they are."""
    return second if first is None else first + b"," + second


def _check_codings(headers: Headers) -> None:
    """Raise `RefusalError` for a body that would have to be decoded first."""
    coding = headers.content_encoding
    if coding is not None and coding.strip().lower() not in _PLAIN:
        raise RefusalError(Cause.MEDIA_TYPE, "the Content-Encoding must be `identity`, or absent")
    transfer = headers.transfer_encoding
    if transfer is not None and transfer.strip().lower() != b"chunked":
        raise RefusalError(Cause.TRANSFER_CODING, "the Transfer-Encoding must be `chunked`, or absent")


def _too_long(limit: int) -> RefusalError:
    return RefusalError(Cause.TOO_LONG, f"the body exceeds {limit} bytes")
