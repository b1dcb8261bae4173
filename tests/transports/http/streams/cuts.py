"""Cuts of streams at every byte, by either side: `python -m tests.transports.http.streams.cuts` (section 6.9).

Tests cut at a sample of the bytes. Run as a command this cuts the request, by closing and by resetting the
connection, the answer, and the service, killed and shut down, at each byte that `--step` and `--end-step` leave.
"""

import json
import os
import signal
import socket
import struct
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

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

__all__ = [
    "LAST",
    "SPOKEN",
    "check_answers",
    "check_ends",
    "check_requests",
    "check_resets",
    "connect",
    "ends_of",
    "started",
]

SPOKEN = ["héllo", " wörld 😀", " and ", "more"]
BODY = b"".join(
    chunk(line + b"\n") for line in [first_of(), *map(text, SPOKEN), text("!", cut=False), b'{"end": true}']
)
LAST = b"0\r\n\r\n"
_NEWEST_LOGS = 6
_AT_ONCE = 32
OPENED_AT = len(chunk(first_of() + b"\n")) - len(b"\r\n")


def started(folder: Path, **settings: str) -> Service:
    """A service with one manifest."""
    write_manifest(folder / "m.json")
    return start_service(folder, "--manifests", "m.json", ACS_STREAM_MAX="1000", **settings)


def connect(service: Service) -> socket.socket:
    """Open a connection and send the head of a stream."""
    parts = urlsplit(service.url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=60)
    connection.sendall(HEAD.format(headers="").encode())
    return connection


def ends_of(service: Service) -> dict[str, dict[str, Any]]:
    """How each stream of the log ended, once none is open; each span is of one of them."""
    wait_for(lambda: b"acs_streams_open 0\n" in service.request("GET", "/metrics")[2].replace(b".0", b""))
    records = stream_records(service)
    ends = settled_of(records)
    assert {record["stream"] for record in records if "stream" in record} <= ends.keys()
    return ends


def check_requests(service: Service, step: int) -> int:
    """Close at every so many bytes of a request: each leaves one end, `complete` only behind that of the text."""
    cuts = range(0, len(BODY) + 1, step)
    before = ends_of(service)
    for cut in cuts:
        with connect(service) as connection:
            connection.sendall(BODY[:cut])
    opened = sum(1 for cut in cuts if cut >= OPENED_AT)
    wait_for(lambda: len(ends_of(service)) == len(before) + opened)
    ends = ends_of(service)
    kinds = [ends[stream]["kind"] for stream in ends if stream not in before]
    assert set(kinds) <= {"failed", "complete"}
    assert kinds.count("complete") <= sum(1 for cut in cuts if cut > len(BODY) - len(b"\r\n"))
    causes = {ends[stream].get("cause") for stream in ends if stream not in before}
    assert causes <= {"client_gone", "no_end", None}
    return len(cuts)


def check_resets(service: Service, step: int) -> int:
    """Reset at every so many bytes of a request: no stream stays open, and no span is without an end."""
    cuts = range(OPENED_AT, len(BODY) + 1, step)
    for cut in cuts:
        with connect(service) as connection:
            connection.sendall(BODY[:cut])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert ends_of(service)
    return len(cuts)


def check_answers(service: Service, step: int) -> int:
    """Stop reading at every so many bytes of an answer: what was emitted is a prefix of what was allowed."""
    with connect(service) as connection:
        connection.sendall(BODY + LAST)
        connection.shutdown(socket.SHUT_WR)
        whole = b"".join(iter(lambda: connection.recv(65_536), b""))
    cuts = range(1, len(whole), step)
    for cut in cuts:
        with connect(service) as connection:
            connection.sendall(BODY)
            received = b""
            while len(received) < cut and (part := connection.recv(cut - len(received))):
                received += part
            assert "".join([*SPOKEN, "!"]).startswith(_emitted(received))
    assert ends_of(service)
    return len(cuts)


def check_ends(folder: Path, step: int) -> int:
    """Kill the workers, and shut the service down, at every so many bytes of a request.

    The logs that follow a kill have the end of each stream, and so has the answer of a service that shuts
    down. One kill ends many streams, each at another byte, and a service is killed once: its workers start
    again later after every kill.
    """
    cuts = range(OPENED_AT, len(BODY) + 1, step)
    for first in range(0, len(cuts), _AT_ONCE):
        group = cuts[first : first + _AT_ONCE]
        service = started(folder, ACS_WORKERS="2")
        try:
            killed, _ = _ended(service, group, signal.SIGKILL, service.workers())
            wait_for(partial(_has_settled, folder, killed), seconds=60)
            shut_down, answers = _ended(service, group, signal.SIGTERM, [service.process.pid])
            assert all(_last_line(answer).startswith(b'{"settled":') for answer in answers)
        finally:
            service.stop()
        assert _has_settled(folder, shut_down)
    return len(cuts)


def _ended(
    service: Service, cuts: Sequence[int], how: signal.Signals, processes: Sequence[int]
) -> tuple[set[str], list[bytes]]:
    """Open a stream for each cut, send each up to there, and end the processes: the streams and all they say."""
    with ExitStack() as connections:
        streams = [connections.enter_context(connect(service)) for _ in cuts]
        answers = []
        for connection in streams:
            connection.sendall(BODY[:OPENED_AT])
            answer = bytearray()
            while b"\n" not in answer.partition(b'{"opened"')[2] and (part := connection.recv(65_536)):
                answer += part
            assert b'{"opened"' in answer
            answers.append(answer)
        for connection, cut in zip(streams, cuts, strict=True):
            connection.sendall(BODY[OPENED_AT:cut])
        for process in processes:
            os.kill(process, how)
        whole = [
            bytes(answer) + _rest(connection) for connection, answer in zip(streams, answers, strict=True)
        ]
    assert all("".join([*SPOKEN, "!"]).startswith(_emitted(answer)) for answer in whole)
    names = {answer.partition(b'"stream":"')[2].partition(b'"')[0].decode() for answer in whole}
    assert len(names) == len(cuts)
    return names, whole


def _rest(connection: socket.socket) -> bytes:
    rest = b""
    with suppress(ConnectionError):
        while part := connection.recv(65_536):
            rest += part
    return rest


def _last_line(answer: bytes) -> bytes:
    return [line for line in answer.splitlines() if line.startswith(b"{")][-1]


def _has_settled(folder: Path, streams: set[str]) -> bool:
    """True if the newest logs have the end of all these streams."""
    logs = sorted(folder.glob("var/audit/*/*/*/*/records-*.jsonl"), key=lambda path: path.stat().st_mtime)
    settled: set[str] = set()
    for path in logs[-_NEWEST_LOGS:]:
        settled |= settled_of(
            [json.loads(line) for line in path.read_text().rpartition("\n")[0].splitlines()]
        ).keys()
    return streams <= settled


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


def main(
    step: Annotated[int, typer.Option(min=1, help="Bytes between two cuts by the client.")] = 1,
    end_step: Annotated[int, typer.Option(min=1, help="Bytes between two ends of the service.")] = 1,
) -> None:
    """Cut at every byte, and end with an error at the first that is not settled."""
    with tempfile.TemporaryDirectory() as name:
        service = started(Path(name))
        try:
            for check in (check_requests, check_resets, check_answers):
                print(f"{check.__name__}: {check(service, step)} cuts settled", flush=True)  # noqa: T201  # its output
        finally:
            service.stop()
    with tempfile.TemporaryDirectory() as name:
        print(f"check_ends: {check_ends(Path(name), end_step)} cuts settled", flush=True)  # noqa: T201  # its output


if __name__ == "__main__":
    typer.run(main)
