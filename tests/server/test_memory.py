"""Memory that nothing uses goes back to the system."""

import asyncio
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from acs_sidecar.audit.log.directory import LogDirectory
from acs_sidecar.audit.log.open_log import Durability, LogLimits, OpenLog
from acs_sidecar.server import worker
from acs_sidecar.server.protocol import HttpProtocol
from acs_sidecar.server.worker import Server
from acs_sidecar.startup import return_memory
from tests.audit.log.crashed import ORIGIN
from tests.audit.log.logs import KEY, entry

RECORDS = 500
MOST_A_RECORD = 4_096
BYTES_OF_ATTRIBUTES = 1_024


async def _application(_scope: Any, _receive: Any, _send: Any) -> None:
    """Answer nothing."""


@pytest.mark.parametrize(
    ("connections", "times"),
    [
        ([99, 0], 0),
        ([100, 1], 0),
        ([100, 1, 0, 0], 1),
        ([60, 120, 60, 0], 1),
        ([1000, 900, 800, 0, 0], 3),
        ([150, 40, 39, 0, 0], 2),
        ([150, 0, 40, 0], 1),
    ],
)
def test_memory_of_many_connections_is_returned_once_they_are_gone(
    connections: list[int], times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a second, when a hundred are gone since it was, and when the rest of them is."""
    returned: list[None] = []
    monkeypatch.setattr(worker, "return_memory", lambda: returned.append(None))
    config = uvicorn.Config(_application, log_config=None)
    config.load()
    server = Server(config, 1)

    async def ticks() -> None:
        for tick, number in enumerate(connections):
            server.server_state.connections = set(range(number))  # type: ignore[arg-type]  # only counted
            await server.on_tick(tick * 10)

    asyncio.run(ticks())
    assert len(returned) == times


def test_no_name_of_an_attribute_is_kept() -> None:
    """A name that somebody looked up is free again: one of them holds a MiB of Python's allocator."""
    name = "".join(["looked", "_up"])
    count = sys.getrefcount(name)
    assert not hasattr(Server, name)
    return_memory()
    assert sys.getrefcount(name) == count


def test_the_attributes_of_a_connection_are_in_a_table_of_all() -> None:
    """Python shares the names of at most thirty attributes: one more costs each connection a KiB."""

    async def connection() -> HttpProtocol:
        config = uvicorn.Config(_application, log_config=None)
        config.load()
        return HttpProtocol(config=config, server_state=ServerState(), app_state={})

    assert sys.getsizeof(vars(asyncio.run(connection()))) < BYTES_OF_ATTRIBUTES


def test_records_of_one_commit_take_little_more_than_their_lines(tmp_path: Path) -> None:
    """The serialiser's buffer of a line is many times as long as the line, so none is kept until the write."""
    log = OpenLog(LogDirectory(tmp_path, ORIGIN), KEY.private, Durability.NONE, LogLimits())
    entries = [entry(number) for number in range(RECORDS)]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        log.commit(entries)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        log.close()
    assert (most - before) / RECORDS < MOST_A_RECORD
