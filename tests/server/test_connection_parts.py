"""Parts of a connection that are made when they are used behave as uvicorn's own."""

import asyncio
from collections import deque
from typing import Any
from unittest.mock import Mock

import uvicorn
from uvicorn.server import ServerState

from acs_sidecar.server.connection_parts import LazyFlowControl, Pipeline
from acs_sidecar.server.protocol import HttpProtocol


async def _application(_scope: Any, _receive: Any, _send: Any) -> None:
    """Answer nothing."""


def test_an_idle_connection_has_no_queue() -> None:
    """An empty one takes 800 bytes, and uvicorn makes two for each connection."""

    async def made() -> HttpProtocol:
        config = uvicorn.Config(_application, log_config=None)
        config.load()
        protocol = HttpProtocol(config=config, server_state=ServerState(), app_state={})
        protocol.connection_made(Mock(get_extra_info=lambda _: None))
        return protocol

    protocol = asyncio.run(made())
    parts = [*vars(protocol).values(), *vars(protocol.flow).values()]
    assert [part for part in parts if isinstance(part, deque | asyncio.Event)] == []


def test_requests_of_a_pipeline_are_answered_in_order() -> None:
    """The one that came first leaves first."""
    pipeline = Pipeline()
    for waiting in "abc":
        pipeline.appendleft(waiting)
    assert [pipeline.pop() for _ in range(3)] == ["a", "b", "c"]


def test_writing_waits_while_it_is_paused() -> None:
    """Nobody waits before a pause, everybody during one, and nobody behind it."""

    async def drained() -> list[bool]:
        flow = LazyFlowControl(Mock())
        found = []
        for step in (flow.resume_writing, flow.pause_writing, flow.resume_writing, flow.pause_writing):
            step()
            waiting = asyncio.create_task(flow.drain())
            await asyncio.sleep(0)
            found.append(waiting.done())
            waiting.cancel()
        return found

    assert asyncio.run(drained()) == [True, False, True, False]
