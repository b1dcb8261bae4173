"""A client of streams over a bare socket, which can stop at any byte."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.conftest import Service
from tests.decision.streams.streaming import STREAMS, text
from tests.described import check_response

__all__ = [
    "HEAD",
    "STREAM",
    "Exchange",
    "chunk",
    "connected",
    "exchanging",
    "first_of",
    "posted",
    "settled_of",
    "stream_records",
    "text",
    "write_manifest",
]

MOST_CHECKED = 100  # writes of an answer that are compared with the OpenAPI document: others are alike
STREAM = "/v1/evaluate:stream"
HEAD = (
    "POST /v1/evaluate:stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
    "Transfer-Encoding: chunked\r\n{headers}\r\n"
)


class Exchange:
    """One stream over one connection: lines are sent as chunks, and read as they come."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.head: dict[str, str] = {}
        self.file = connection.makefile("rb")
        self._buffered: list[dict[str, Any]] = []
        self._checked = 0

    def send(self, *lines: bytes) -> None:
        """Send lines, each as a chunk of its own."""
        self.connection.sendall(b"".join(chunk(line + b"\n") for line in lines))

    def end_body(self) -> None:
        """End the body."""
        self.connection.sendall(b"0\r\n\r\n")

    def read_head(self) -> int:
        """Read status and headers."""
        status = int(self.file.readline().split()[1])
        while (line := self.file.readline().strip()) and b":" in line:
            name, _, value = line.decode().partition(":")
            self.head[name.lower()] = value.strip()
        return status

    def line(self) -> dict[str, Any] | None:
        """Read the next line of the answer; `None` at its end. A write may hold several lines."""
        if not self.head:
            assert self.read_head() == 200
        while True:
            if self._buffered:
                return self._buffered.pop(0)
            size = self.file.readline().strip()
            if not size or size == b"0":
                return None
            content = self.file.read(int(size, 16) + 2)[:-2]
            if self._checked < MOST_CHECKED:
                self._checked += 1
                check_response("POST", STREAM, 200, {"content-type": self.head["content-type"]}, content)
            self._buffered = [json.loads(line) for line in content.splitlines()]

    def rest(self) -> list[dict[str, Any]]:
        """Read to the end."""
        return list(iter(self.line, None))


def chunk(content: bytes) -> bytes:
    """One chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(content), content)


@contextmanager
def connected(service: Service, headers: str = "") -> Iterator[Exchange]:
    """Open a connection and send the head of a stream."""
    parts = urlsplit(service.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(HEAD.format(headers=headers).encode())
        exchange = Exchange(connection)
        with closing(exchange.file):
            yield exchange


@contextmanager
def exchanging(service: Service, first: bytes, headers: str = "") -> Iterator[Exchange]:
    """Open a connection and send head and first line."""
    with connected(service, headers) as exchange:
        exchange.send(first)
        yield exchange


def posted(
    service: Service, lines: list[bytes], headers: dict[str, str] | None = None
) -> tuple[int, list[dict[str, Any]]]:
    """Send everything, then read: status and lines, or the one problem."""
    given = {"content-type": "application/x-ndjson"} | (headers or {})
    status, replied, body = service.request("POST", STREAM, b"".join(line + b"\n" for line in lines), given)
    if replied["content-type"] == "text/event-stream":
        events = body.decode().split("\n\n")
        assert events.pop() == ""
        return status, [json.loads(event.removeprefix("data: ")) for event in events]
    return status, [json.loads(line) for line in body.splitlines()]


def first_of(**members: Any) -> bytes:
    """The first line of a stream against the operator's manifest."""
    return json.dumps({"open": STREAMS["open"] | members}).encode()


def write_manifest(path: Any) -> None:
    """Write the manifest that the cases of streams share."""
    path.write_text(json.dumps(STREAMS["manifest"]))


def stream_records(service: Service) -> list[dict[str, Any]]:
    """Every record of a stream in the current log of the worker that answers."""
    found: list[dict[str, Any]] = []
    start = 0
    while True:
        _, page = service.get(f"/v1/audit/records?start={start}&limit=500")
        if not page["records"]:
            return [record for record in found if "stream" in record or record["event"] == "stream_settled"]
        found += map(json.loads, page["records"])
        start += len(page["records"])


def settled_of(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """How each stream ended, by its name; more than one end is an error."""
    ends: dict[str, dict[str, Any]] = {}
    for record in records:
        if record["event"] == "stream_settled":
            details = record["details"]
            assert details["stream"] not in ends
            ends[details["stream"]] = details
    return ends
