"""Many calls at once: every answer belongs to its question, and no socket is left."""

import asyncio
import json
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from acs_client import AsyncClient, Client

CALLS = 10_000


class Echo:
    """Permits each snapshot by transforming it into what was asked, on as many connections as it is given."""

    def __init__(self, listener: socket.socket) -> None:
        self.url = "http://{}:{}".format(*listener.getsockname())
        self.connections = 0
        self._listener = listener

    def serve(self) -> None:
        """Accept until the listener is closed."""
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    @staticmethod
    def _talk(peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as reader:
            while True:
                length = 0
                while (line := reader.readline()) not in {b"", b"\r\n"}:
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                if not length:
                    return
                asked = json.loads(reader.read(length))
                content = json.dumps(
                    {
                        "verdict": {"decision": "transform"},
                        "transformed_policy_target_applied": True,
                        "transformed_policy_target": asked["snapshot"]["input"]["body"],
                        "intervention_point": asked["intervention_point"],
                        "request_id": asked["request_id"],
                    }
                ).encode()
                peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(content) + content)


@pytest.fixture
def echo() -> Iterator[Echo]:
    """The server, on threads."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        server = Echo(listener)
        threading.Thread(target=server.serve, daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)


def sockets() -> set[str]:
    """The sockets that this process has open."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


def snapshot(number: int) -> dict[str, Any]:
    """A question that only one answer belongs to."""
    return {"input": {"body": f"question {number}"}}


@pytest.mark.slow
@pytest.mark.parametrize("way", ["100 threads", "100 tasks"])
def test_no_answer_is_mixed_up_and_no_socket_is_left(echo: Echo, way: str) -> None:
    """10,000 calls over 16 connections."""
    before = sockets()
    if way == "100 threads":
        with Client(echo.url, pool=16, timeout=60) as client, ThreadPoolExecutor(100) as threads:
            answers = list(
                threads.map(lambda number: client.evaluate("input", snapshot(number)).value, range(CALLS))
            )
            during = echo.connections
    else:

        async def ask() -> list[Any]:
            async with AsyncClient(echo.url, pool=16, timeout=60) as client:
                numbers = iter(range(CALLS))
                found: list[Any] = [None] * CALLS

                async def task() -> None:
                    for number in numbers:
                        found[number] = (await client.evaluate("input", snapshot(number))).value

                await asyncio.gather(*(task() for _ in range(100)))
                return found

        answers = asyncio.run(ask())
        during = echo.connections
    assert answers == [f"question {number}" for number in range(CALLS)]
    assert 1 <= during <= 16
    mine = {name for name in sockets() - before if name}
    assert len(mine) <= during  # the server's own ends, which close in their own time


@pytest.mark.parametrize("stage", ["idle", "in the middle"])
def test_a_fork_shares_no_connection(echo: Echo, stage: str) -> None:
    """The child's answers are its own, and so are the parent's."""
    with Client(echo.url, pool=4, timeout=30) as client:
        assert client.evaluate("input", snapshot(0)).value == "question 0"
        stop = threading.Event()
        mixed: list[Any] = []

        def keep_asking() -> None:
            while not stop.is_set():
                value = client.evaluate("input", snapshot(1)).value
                if value != "question 1":
                    mixed.append(value)

        threads = [threading.Thread(target=keep_asking) for _ in range(3 if stage == "in the middle" else 0)]
        for thread in threads:
            thread.start()
        children = []
        for number in range(2, 6):
            child = os.fork()
            if child == 0:
                asked = [client.evaluate("input", snapshot(number)).value for _ in range(20)]
                os._exit(0 if asked == [f"question {number}"] * 20 else 1)
            children.append(child)
        ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        stop.set()
        for thread in threads:
            thread.join()
        assert (ended, mixed) == ([0, 0, 0, 0], [])
        assert client.evaluate("input", snapshot(9)).value == "question 9"
