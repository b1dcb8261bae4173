"""Log lines leave through a thread: a reader that stops holds nobody up (section 5)."""

import os
from collections.abc import Iterator

import pytest

from acs_sidecar.telemetry.writer import Event, LineWriter

PIPE_BYTES = 65_536


def render(event: Event) -> str:
    """An event as a test wants to see it."""
    return str(event["name"])


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe: its end to read and its end to write."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_lines_and_events_are_written_in_order(pipe: tuple[int, int]) -> None:
    """Each on a line of its own."""
    writer = LineWriter(pipe[1], render)
    writer.put("one")
    writer.put({"name": "two"})
    writer.put("three \ud800")
    assert writer.drain(5)
    assert os.read(pipe[0], 100) == b"one\ntwo\nthree \\ud800\n"
    assert writer.dropped == 0


def test_a_reader_that_stops_costs_lines_and_nothing_else(pipe: tuple[int, int]) -> None:
    """What the queue cannot hold is dropped and counted at once; later lines are written again."""
    os.write(pipe[1], b"-" * PIPE_BYTES)
    writer = LineWriter(pipe[1], render, capacity=10)
    for _ in range(500):
        writer.put("line")
    assert not writer.drain(0.05)
    assert writer.dropped in {489, 490}
    assert os.read(pipe[0], PIPE_BYTES) == b"-" * PIPE_BYTES
    assert writer.drain(5)
    assert os.read(pipe[0], 1000) == b"line\n" * (500 - writer.dropped)
    writer.put("again")
    assert os.read(pipe[0], 100) == b"again\n"


def test_a_reader_that_is_gone_costs_lines_and_nothing_else() -> None:
    """A broken pipe is no reason to stop."""
    read, write = os.pipe()
    os.close(read)
    writer = LineWriter(write, render)
    writer.put("nobody hears this")
    assert writer.drain(5)
    assert writer.dropped == 1
    os.close(write)


def test_an_event_that_cannot_be_rendered_is_dropped(pipe: tuple[int, int]) -> None:
    """And the next one is written."""

    def refuse(event: Event) -> str:
        if event["name"] == "bad":
            raise TypeError("not JSON")
        return "good"

    writer = LineWriter(pipe[1], refuse)
    writer.put({"name": "bad"})
    writer.put({"name": "good"})
    assert writer.drain(5)
    assert os.read(pipe[0], 100) == b"good\n"
    assert writer.dropped == 1


@pytest.mark.server
def test_a_fork_takes_no_lines_along(pipe: tuple[int, int]) -> None:
    """What the parent has not written stays the parent's, also while its thread waits for the reader."""
    writer = LineWriter(pipe[1], render)
    filling = "x" * (PIPE_BYTES - 1)
    writer.put(filling)
    writer.put("of the parent")
    assert not writer.drain(0.1)
    other_read, other_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        child = LineWriter(other_write, render)
        child.put("of the child")
        writer.put("of the child")
        os._exit(0 if child.drain(5) and not writer.drain(0.1) else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert os.read(other_read, 100) == b"of the child\n"
    assert os.read(pipe[0], PIPE_BYTES) == filling.encode() + b"\n"
    assert writer.drain(5)
    assert os.read(pipe[0], 100) == b"of the parent\n"
    for end in (other_read, other_write):
        os.close(end)
