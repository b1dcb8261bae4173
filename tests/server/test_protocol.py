"""Section 2.6: the thin protocol under the service keeps HTTP as it is, in fewer writes."""

import asyncio
import re
import socket
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any
from unittest.mock import Mock

import pytest
import uvicorn

from acs_sidecar.server.direct import Decide
from acs_sidecar.server.held_writes import HeldWrites
from acs_sidecar.server.protocol import HttpProtocol
from acs_sidecar.server.stream_connection import StreamConnection
from acs_sidecar.spec.owner import Owner
from acs_sidecar.transports.http.exchange import Headers, Reply

REQUEST = b"%s /%s HTTP/1.1\r\nHost: x\r\n%s\r\n"


class Counting(HttpProtocol):
    """The protocol, with a count of what reaches its transport."""

    writes = 0

    def connection_made(self, transport: Any) -> None:
        """Count the writes of the transport below."""

        class Counted:
            def __getattr__(self, name: str) -> Any:
                return getattr(transport, name)

            def write(self, data: bytes) -> None:
                Counting.writes += 1
                transport.write(data)

        super().connection_made(Counted())  # type: ignore[arg-type]  # a transport by delegation


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer whole, in parts, or not at all, as the path says."""
    if scope["type"] != "http":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    message = await receive()
    body = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    path = scope["path"]
    if path.endswith("/waits"):
        await asyncio.sleep(0.05)
    if path == "/parts":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (b"a", b"b", b"c"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    if path == "/fails":
        raise RuntimeError("for the test")
    if path == "/names":
        body = b" ".join(name for name, _ in scope["headers"])
    status = 204 if path == "/empty" else 200
    answer = b"" if path == "/empty" else b"whole:" + body
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def _exchange(
    *requests: bytes, apart: bool = False, decide: Decide | None = None, stay_s: float = 0
) -> bytes:
    """Send requests over one connection to a real server, at once or apart, and read until it closes."""

    async def run() -> bytes:
        listener = socket.create_server(("127.0.0.1", 0))
        http: Any = partial(Counting, decide=decide)
        config = uvicorn.Config(application, http=http, log_config=None, access_log=False)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110  # uvicorn tells it by a flag alone
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        Counting.writes = 0
        for part in requests if apart else (b"".join(requests),):
            writer.write(part)
            await asyncio.sleep(0)
        reply = await asyncio.wait_for(reader.read(), 10)
        await asyncio.sleep(stay_s)
        writer.close()
        server.should_exit = True
        await serving
        return reply

    return asyncio.run(run())


def _close(method: bytes = b"GET", path: bytes = b"", headers: bytes = b"") -> bytes:
    return REQUEST % (method, path, headers + b"Connection: close\r\n")


def _holds(*parts: bytes) -> Callable[[bytes], bool]:
    return lambda reply: all(part in reply for part in parts)


@pytest.mark.parametrize(
    ("request_", "holds", "writes"),
    [
        (_close(), _holds(b"200 OK", b"\r\n\r\nwhole:"), 1),
        (_close(b"HEAD"), _holds(b"200 OK", b"content-length: 6\r\n"), 1),
        (_close(path=b"empty"), _holds(b"204 No Content"), 1),
        (_close(path=b"parts"), _holds(b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n"), 1),
        (_close(path=b"fails"), _holds(b"500 Internal Server Error"), 1),
        (b"NONSENSE\r\n\r\n", _holds(b"400 Bad Request", b"Invalid HTTP request received."), 1),
        (
            _close(b"POST", headers=b"Content-Length: 2\r\nExpect: 100-continue\r\n") + b"hi",
            _holds(b"HTTP/1.1 100 Continue", b"whole:hi"),
            2,
        ),
    ],
    ids=["whole", "head", "empty", "parts", "fails", "nonsense", "continue"],
)
def test_a_response_arrives_whole_in_few_writes(
    request_: bytes, holds: Callable[[bytes], bool], writes: int
) -> None:
    """What is written in one turn of the loop leaves in one write."""
    reply = _exchange(request_)
    assert holds(reply), reply
    assert Counting.writes == writes


def test_requests_on_one_connection_are_answered_in_order() -> None:
    """Pipelined requests get one response each, and none is held back."""
    first = REQUEST % (b"POST", b"", b"Content-Length: 3\r\n") + b"one"
    second = REQUEST % (b"HEAD", b"", b"")
    third = REQUEST % (b"POST", b"", b"Content-Length: 5\r\nConnection: close\r\n") + b"three"
    reply = _exchange(first, second, third)
    assert reply.count(b"HTTP/1.1 200 OK") == 3
    assert reply.index(b"whole:one") < reply.index(b"whole:three")
    assert Counting.writes == 3


_INNER = REQUEST % (b"GET", b"inner", b"")
_UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n"
_CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(_INNER), _INNER)


@pytest.mark.parametrize(
    "first",
    [
        REQUEST % (b"POST", b"", _UPGRADE + b"Content-Length: %d\r\n" % len(_INNER)) + _INNER,
        REQUEST % (b"POST", b"", _UPGRADE + b"Transfer-Encoding: chunked\r\n") + _CHUNKED,
        REQUEST % (b"CONNECT", b"", b"Content-Length: %d\r\n" % len(_INNER)) + _INNER,
    ],
    ids=["length", "chunked", "connect"],
)
@pytest.mark.parametrize("pieces", [False, True], ids=["at-once", "in-pieces"])
def test_a_body_is_no_request_whatever_protocol_is_asked_for(first: bytes, pieces: bool) -> None:
    """Another protocol is not spoken: the message keeps its body, and the connection goes on behind it."""
    second = REQUEST % (b"POST", b"", _UPGRADE + b"Content-Length: 3\r\n") + b"two"
    last = _close(b"POST", headers=b"Content-Length: 4\r\n") + b"last"
    sent = [first, second, last]
    if pieces:
        sent = [bytes([byte]) for byte in b"".join(sent)]
    reply = _exchange(*sent, apart=pieces)
    assert reply.count(b"HTTP/1.1 200 OK") == 3, reply
    assert reply.index(b"whole:GET /inner") < reply.index(b"whole:two") < reply.index(b"whole:last")


def test_another_protocol_is_not_spoken_without_a_body() -> None:
    """A request without a body that asks for another protocol is answered in this one."""
    first = REQUEST % (b"GET", b"", b"Connection: Upgrade\r\nUpgrade: websocket\r\n")
    assert _exchange(first, _close()).count(b"HTTP/1.1 200 OK\r\n") == 2


def test_what_stands_behind_a_body_is_no_header() -> None:
    """A trailer neither adds to the headers that a request is judged by, nor takes the place of one."""
    trailers = b"Authorization: Bearer x\r\nHost: y\r\n"
    body = b"2\r\nhi\r\n0\r\n%s\r\n" % trailers
    reply = _exchange(_close(b"POST", b"names", b"Transfer-Encoding: chunked\r\n") + body)
    assert reply.endswith(b"whole:host transfer-encoding connection"), reply


def test_what_stands_behind_a_body_is_bounded() -> None:
    """Trailers that do not end are kept no longer than a head: the request is answered without its end."""
    head = _close(b"POST", headers=b"Transfer-Encoding: chunked\r\n")
    reply = _exchange(head + b"2\r\nhi\r\n0\r\n", *[b"X: y\r\n" * 4_000] * 30, apart=True)
    assert reply.endswith(b"whole:hi")


def _decided(requests: list[bytes], apart: bool = False, stay_s: float = 0) -> bytes:
    """Send requests to a server that answers decisions directly; every answer names its path and body."""

    async def decide(method: str, path: str, headers: Headers, body: bytes) -> Reply:
        assert (method, headers.host) == ("POST", b"x")
        if path.endswith("/waits"):
            await asyncio.sleep(0.05)
        if path.endswith("/fails"):
            raise RuntimeError("for the test")
        if path.endswith("/refused"):
            return Reply(HTTPStatus.FORBIDDEN, b"no", ((b"connection", b"close"),))
        return Reply(HTTPStatus.OK, path.encode() + b" directly:" + body)

    return _exchange(*requests, apart=apart, decide=decide, stay_s=stay_s)


def _evaluate(point: bytes, body: bytes, headers: bytes = b"") -> bytes:
    return (
        REQUEST % (b"POST", b"v1/evaluate/" + point, headers + b"Content-Length: %d\r\n" % len(body)) + body
    )


_LAST = REQUEST % (b"GET", b"last", b"Connection: close\r\n")


@pytest.mark.parametrize("point", [b"input", b"waits"])
def test_a_decision_that_arrived_whole_is_answered_directly(point: bytes) -> None:
    """The answer has the head and order that it has from uvicorn, whether or not the decision waits."""
    reply = _decided([_evaluate(point, b"hi"), _LAST])
    directly = b"/v1/evaluate/%s directly:hi" % point
    head = rb"HTTP/1\.1 200 OK\r\ndate: [^\r]+\r\nserver: uvicorn\r\ncontent-type: application/json\r\n"
    assert re.match(head + rb"content-length: %d\r\n\r\n%s" % (len(directly), directly), reply), reply
    assert reply.endswith(b"connection: close\r\n\r\nwhole:")


@pytest.mark.parametrize(
    "request_",
    [
        REQUEST % (b"POST", b"v1/evaluate:batch", b"Content-Length: 2\r\n") + b"hi",
        REQUEST % (b"PUT", b"v1/evaluate/input", b"Content-Length: 2\r\n") + b"hi",
        _evaluate(b"input", b"hi", b"Expect: 100-continue\r\n"),
        _evaluate(b"input", b"hi", _UPGRADE),
        _evaluate(b"input", b"hi").replace(b"HTTP/1.1", b"HTTP/1.0"),
        _evaluate(b"input?a", b"hi"),
        _evaluate(b"in%70ut", b"hi"),
    ],
    ids=["batch", "put", "continue", "upgrade", "1.0", "query", "escaped"],
)
def test_any_other_request_is_left_to_the_application(request_: bytes) -> None:
    """What has more to it than a decision is answered through ASGI."""
    reply = _decided([request_, b"" if b"HTTP/1.0" in request_ else _LAST])
    assert b"whole:hi" in reply, reply
    assert b"directly" not in reply


def test_decisions_on_one_connection_are_answered_in_order() -> None:
    """A decision that waits holds back those behind it, which then wait for ASGI."""
    requests = [_evaluate(b"input", b"a"), _evaluate(b"waits", b"b"), _evaluate(b"input", b"c"), _LAST]
    reply = _decided(requests)
    bodies = [b"directly:a", b"waits directly:b", b"whole:c", b"whole:"]
    places = [reply.index(body) for body in bodies]
    assert places == sorted(places)
    assert reply.count(b"HTTP/1.1 200 OK") == 4


def test_a_body_in_pieces_is_left_to_the_application() -> None:
    """Nobody decides on a body of which the end is missing; the next decision is direct again."""
    pieces = [bytes([byte]) for byte in _evaluate(b"input", b"hello")]
    reply = _decided([*pieces, _evaluate(b"input", b"x"), _LAST], apart=True)
    assert reply.index(b"whole:hello") < reply.rindex(b"whole:")
    assert reply.count(b"HTTP/1.1 200 OK") == 3


def test_a_refusal_that_ends_the_connection_ends_it() -> None:
    """The header stands once, and nothing behind it is answered."""
    reply = _decided([_evaluate(b"refused", b""), _LAST])
    assert reply.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert reply.count(b"connection: close") == 1
    assert reply.endswith(b"no")


def test_a_caller_that_ends_the_connection_has_its_answer() -> None:
    """`Connection: close` is kept and said."""
    reply = _decided([_evaluate(b"input", b"bye", b"Connection: close\r\n")])
    assert b"connection: close\r\n\r\n/v1/evaluate/input directly:bye" in reply


def test_a_decision_that_fails_ends_its_connection(caplog: pytest.LogCaptureFixture) -> None:
    """No answer is better than one without a verdict; the log has the error."""
    assert _decided([_evaluate(b"fails", b"")]) == b""
    assert "the decision failed" in caplog.text


def test_a_connection_is_one_owner_until_it_is_closed() -> None:
    """What callers without names share is shared by connection, whichever way a request is answered."""
    owners: list[Owner] = []

    async def decide(_method: str, _path: str, headers: Headers, _body: bytes) -> Reply:
        owner = headers.state["connection"]
        assert not owner.gone
        owners.append(owner)
        return Reply(HTTPStatus.OK, b"")

    for _ in range(2):
        reply = _exchange(_evaluate(b"input", b""), _evaluate(b"input", b""), _LAST, decide=decide)
        assert reply.count(b"HTTP/1.1 200 OK") == 3
    assert len(set(owners)) == 2
    assert all(owner.gone for owner in owners)


@pytest.mark.parametrize(
    "first", [_evaluate(b"waits", b"a"), _evaluate(b"waits?x", b"a")], ids=["directly", "by ASGI"]
)
def test_a_long_head_behind_a_request_ends_the_connection_alone(
    first: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The request before is answered, without an error, and nothing else."""
    head = REQUEST % (b"GET", b"long", b"X-Long: " + b"x" * 900_000 + b"\r\n")
    reply = _decided([first, head[:-4]], stay_s=0.2)
    assert reply.endswith(b":a"), reply
    assert reply.count(b"HTTP/1.1 ") == reply.count(b"HTTP/1.1 200 OK") == 1
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("target", [b"waits", b"%77aits"], ids=["directly", "by ASGI"])
def test_what_is_no_request_ends_the_connection_behind_the_answers_before(target: bytes) -> None:
    """A status that is written at once would be read as the answer to a request before."""
    requests = [_evaluate(target, b"a"), _evaluate(b"input", b"b"), b"NONSENSE\r\n\r\n"]
    reply = _decided(requests)
    assert reply.count(b"HTTP/1.1 200 OK") == reply.count(b"HTTP/1.1 ") == 2
    assert reply.index(b":a") < reply.index(b":b")


def test_a_stream_that_begins_on_a_broken_connection_still_lingers() -> None:
    """Its last line would be lost in a reset: what is no request may go on arriving behind its whole body."""
    held = HeldWrites(Mock())
    connection = StreamConnection(held)
    connection.body_whole = held.lingers = True
    connection.begin(Mock())
    assert held.lingers


def test_too_many_requests_in_a_row_are_answered_as_far_as_they_were_taken() -> None:
    """What is beyond the bound is dropped, and the connection ends behind the answers."""
    reply = _decided([_evaluate(b"waits", b"a"), *[_evaluate(b"input", b"b")] * 400])
    assert 256 <= reply.count(b"HTTP/1.1 200 OK") == reply.count(b"HTTP/1.1 ") < 400


@pytest.mark.parametrize("pieces", [False, True], ids=["at-once", "in-pieces"])
@pytest.mark.parametrize("line", [b"GET /%s HTTP/1.1\r\nHost: x", b"GET / HTTP/1.1\r\nHost: x\r\nX: %s"])
def test_a_long_head_is_refused_however_it_arrives(line: bytes, pieces: bool) -> None:
    """A head over 64 KiB that comes whole, in one read or in several, is no request either."""
    head = line % (b"x" * 66_000) + b"\r\nConnection: close\r\n\r\n"
    sent = [head[at : at + 16_000] for at in range(0, len(head), 16_000)] if pieces else [head]
    assert _exchange(*sent, apart=pieces).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("cut", range(5))
def test_a_long_body_is_no_head(cut: int) -> None:
    """A head that ends in the read in which a long body comes is a short head, wherever the reads divide it."""
    message = _close(b"POST", headers=b"Content-Length: 200000\r\n") + b"y" * 200_000
    end = message.index(b"\r\n\r\n") + cut
    reply = _exchange(message[:end], message[end:], apart=True)
    assert reply.endswith(b"whole:" + b"y" * 200_000)
