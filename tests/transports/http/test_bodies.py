"""Bodies of requests: their bounds, codings and lengths (section 2.2)."""

import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.conftest import Service
from tests.described import check_replies
from tests.transports.http.plain_requests import REQUEST, denies, raw


def test_a_long_body_is_refused_before_it_is_read(inline_service: Service) -> None:
    """The announced length is enough to refuse, and the connection ends (413)."""
    request = (
        b"POST /v1/evaluate/input HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100000000\r\n\r\n"
    )
    reply = raw(inline_service, request)
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in head.lower()
    assert denies(json.loads(body))


def test_a_chunked_body_is_bounded_while_it_is_read(inline_service: Service) -> None:
    """A body that does not say its length is cut off at the limit."""
    parts = urlsplit(inline_service.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(
            b"POST /v1/evaluate/input HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        sent = 0
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        try:
            while sent < 100_000_000:
                connection.sendall(chunk)
                sent += 65_536
        except OSError:
            pass
        reply = connection.recv(65_536)
    assert check_replies("POST", "/v1/evaluate/input", reply) == [413]
    assert sent < 50_000_000


@pytest.mark.parametrize("path", ["/v1/evaluate/input", "/v1/manifests:validate"])
@pytest.mark.parametrize(
    ("header", "body", "status", "detail"),
    [
        (b"Content-Encoding: gzip", b"{}", 415, "the Content-Encoding must be `identity`, or absent"),
        (b"Content-Encoding: identity, br", b"{}", 415, "the Content-Encoding must be `identity`, or absent"),
        (b"Transfer-Encoding: gzip", b"2\r\n{}\r\n0\r\n\r\n", 501, "the Transfer-Encoding must be `chunked`, or absent"),
        (b"Transfer-Encoding: gzip, chunked", b"2\r\n{}\r\n0\r\n\r\n", 501, "the Transfer-Encoding must be `chunked`, or absent"),
    ],
)  # fmt: skip
def test_a_coded_body_is_refused(
    inline_service: Service, path: str, header: bytes, body: bytes, status: int, detail: str
) -> None:
    """A body that would have to be decoded first is refused by name, and is a deny where verdicts are."""
    if not header.startswith(b"Transfer"):
        header += b"\r\nContent-Length: %d" % len(body)
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" % path.encode()
    reply = raw(inline_service, head + b"Connection: close\r\n" + header + b"\r\n\r\n" + body)
    problem = json.loads(reply.partition(b"\r\n\r\n")[2])
    assert (problem["status"], problem["detail"]) == (status, detail)
    assert ("verdict" in problem and denies(problem)) == (path == "/v1/evaluate/input")


@pytest.mark.parametrize(
    "coding", [b"Content-Encoding: identity", b"Content-Encoding:", b"Transfer-Encoding: Chunked"]
)
def test_a_plain_body_is_read(inline_service: Service, coding: bytes) -> None:
    """The codings that change nothing are accepted."""
    body = json.dumps(REQUEST).encode()
    if coding.startswith(b"Transfer"):
        framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    else:
        coding += b"\r\nContent-Length: %d" % len(body)
        framed = body
    head = b"POST /v1/evaluate/input HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    reply = raw(inline_service, head + b"Connection: close\r\n" + coding + b"\r\n\r\n" + framed)
    assert reply.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", ["/v1/evaluate/input", "/v1/manifests:validate"])
def test_zeros_before_a_length_are_no_length(inline_service: Service, path: str) -> None:
    """However many digits a length is written with, it is what it says."""
    length = b"0" * 5000 + b"2"
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" % path.encode()
    reply = raw(inline_service, head + b"Connection: close\r\nContent-Length: " + length + b"\r\n\r\n{}")
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b'"status":400' in reply


def test_white_space_around_a_length_is_none_of_it(inline_service: Service) -> None:
    """A length is read without the optional white space of its header field."""
    body = json.dumps(REQUEST).encode()
    head = b"POST /v1/evaluate/input HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    length = b"Content-Length:\t %d \t\r\n" % len(body)
    reply = raw(inline_service, head + length + b"Connection: close\r\n\r\n" + body)
    assert check_replies("POST", "/v1/evaluate/input", reply) == [200]


@pytest.mark.parametrize("end", [b"no size\r\n", b"0\r\nno trailer\r\n\r\n"])
@pytest.mark.parametrize("path", ["/v1/evaluate/input", "/v1/manifests:validate"])
def test_a_body_that_is_no_http_is_refused_in_the_form_of_its_route(
    inline_service: Service, path: str, end: bytes
) -> None:
    """Bytes that are no chunk or no trailer are a problem, with a deny where verdicts are, and end the connection."""
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" % path.encode()
    reply = raw(inline_service, head + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n" + end)
    assert check_replies("POST", path, reply) == [400]
    problem = json.loads(reply.partition(b"\r\n\r\n")[2])
    assert problem["detail"] == "the body is not valid HTTP: check the sizes of its chunks and its trailers"
    assert ("verdict" in problem and denies(problem)) == (path == "/v1/evaluate/input")
