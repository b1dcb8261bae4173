"""Section 6.9: wherever a stream is cut, and by whom, its end is in the log, and nothing was cleared that was not allowed."""

import json
import random
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import Service, start_service
from tests.transports.http.streams.streaming import (
    HEAD,
    chunk,
    first_of,
    settled_of,
    stream_records,
    text,
    write_manifest,
)
from tests.waiting import wait_for

SPOKEN = ["héllo", " wörld 😀", " and ", "more"]
BODY = b"".join(
    chunk(line + b"\n") for line in [first_of(), *map(text, SPOKEN), text("!", cut=False), b'{"end": true}']
)
LAST = b"0\r\n\r\n"
OPENED_AT = len(chunk(first_of() + b"\n")) - len(b"\r\n")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with one manifest."""
    folder: Path = tmp_path_factory.mktemp("cuts")
    write_manifest(folder / "m.json")
    service = start_service(folder, "--manifests", "m.json", ACS_STREAM_MAX="1000")
    yield service
    service.stop()


def _connect(service: Service) -> socket.socket:
    parts = urlsplit(service.url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=60)
    connection.sendall(HEAD.format(headers="").encode())
    return connection


def _ends(service: Service) -> dict[str, dict[str, Any]]:
    """How each stream of the log ended, once none is open; each span is of one of them."""
    wait_for(lambda: b"acs_streams_open 0\n" in service.request("GET", "/metrics")[2].replace(b".0", b""))
    records = stream_records(service)
    ends = settled_of(records)
    assert {record["stream"] for record in records if "stream" in record} <= ends.keys()
    return ends


def test_a_request_cut_at_any_byte_is_settled(service: Service) -> None:
    """A client that closes at a byte of its request leaves one end, as `complete` only behind the end of the text."""
    cuts = range(0, len(BODY) + 1, 3)
    before = _ends(service)
    for cut in cuts:
        with _connect(service) as connection:
            connection.sendall(BODY[:cut])
    opened = sum(1 for cut in cuts if cut >= OPENED_AT)
    wait_for(lambda: len(_ends(service)) == len(before) + opened)
    ends = _ends(service)
    kinds = [ends[stream]["kind"] for stream in ends if stream not in before]
    assert set(kinds) <= {"failed", "complete"}
    assert kinds.count("complete") <= sum(1 for cut in cuts if cut > len(BODY) - len(b"\r\n"))
    causes = {ends[stream].get("cause") for stream in ends if stream not in before}
    assert causes <= {"client_gone", "no_end", None}


def test_a_request_reset_at_any_byte_is_settled(service: Service) -> None:
    """A connection that is reset leaves no stream open and no span without an end."""
    for cut in range(OPENED_AT, len(BODY) + 1, 5):
        with _connect(service) as connection:
            connection.sendall(BODY[:cut])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert _ends(service)


def test_an_answer_cut_at_any_byte_is_settled(service: Service) -> None:
    """A client that stops reading at a byte of the answer has emitted a prefix of what was allowed."""
    with _connect(service) as connection:
        connection.sendall(BODY + LAST)
        connection.shutdown(socket.SHUT_WR)
        whole = b"".join(iter(lambda: connection.recv(65_536), b""))
    for cut in range(1, len(whole), 41):
        with _connect(service) as connection:
            connection.sendall(BODY)
            received = b""
            while len(received) < cut and (part := connection.recv(cut - len(received))):
                received += part
            assert "".join([*SPOKEN, "!"]).startswith(_emitted(received))
    assert _ends(service)


def _emitted(received: bytes) -> str:
    """What a client that obeys watermarks has shown after these bytes of an answer."""
    offset = 0
    for line in received.split(b"\n"):
        with suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict) and "watermark" in found:
                assert found["watermark"]["offset"] > offset
                offset = found["watermark"]["offset"]
    return "".join([*SPOKEN, "!"])[:offset]


def test_lines_in_any_pieces_at_any_pace_have_one_answer(service: Service) -> None:
    """However a request is divided into chunks and writes, its spans and watermarks are the same."""
    lines = b"\n".join([first_of(), *map(text, SPOKEN), text("!", cut=False), b'{"end": true}'])
    source = random.Random(7)  # noqa: S311  # pieces from a seed
    answers = set()
    for _ in range(40):
        with _connect(service) as connection:
            rest = lines
            while rest:
                size = source.choice([1, 2, 5, 17, 64, 500])
                connection.sendall(chunk(rest[:size]))
                rest = rest[size:]
            connection.sendall(LAST)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        answers.add(tuple(line.strip() for line in answer.split(b"\n") if line.startswith(b'{"watermark')))
        assert b'"settled":{"kind":"complete"' in answer
    assert len(answers) == 1
