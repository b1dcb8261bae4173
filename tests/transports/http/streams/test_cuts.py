"""Section 6.9: wherever a stream is cut, and by whom, its end is in the log, and nothing was cleared that was not allowed.

`make stream-cuts` cuts at every byte; here at a sample of them.
"""

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Service
from tests.transports.http.streams.cuts import (
    LAST,
    SPOKEN,
    check_answers,
    check_ends,
    check_requests,
    check_resets,
    connect,
    started,
)
from tests.transports.http.streams.streaming import chunk, first_of, text


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with one manifest."""
    service = started(tmp_path_factory.mktemp("cuts"))
    yield service
    service.stop()


def test_a_request_cut_at_any_byte_is_settled(service: Service) -> None:
    """A client that closes at a byte of its request leaves one end, as `complete` only behind the end of the text."""
    assert check_requests(service, 3)


def test_a_request_reset_at_any_byte_is_settled(service: Service) -> None:
    """A connection that is reset leaves no stream open and no span without an end."""
    assert check_resets(service, 5)


def test_an_answer_cut_at_any_byte_is_settled(service: Service) -> None:
    """A client that stops reading at a byte of the answer has emitted a prefix of what was allowed."""
    assert check_answers(service, 41)


def test_a_service_that_ends_at_any_byte_settles(tmp_path: Path) -> None:
    """The end of every stream is in the logs that follow a kill, and in the answer of a service that shuts down."""
    assert check_ends(tmp_path, 11)


def test_lines_in_any_pieces_at_any_pace_have_one_answer(service: Service) -> None:
    """However a request is divided into chunks and writes, its spans and watermarks are the same."""
    lines = b"\n".join([first_of(), *map(text, SPOKEN), text("!", cut=False), b'{"end": true}'])
    source = random.Random(7)  # noqa: S311  # pieces from a seed
    answers = set()
    for _ in range(40):
        with connect(service) as connection:
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
