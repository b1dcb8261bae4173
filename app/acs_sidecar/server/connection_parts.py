"""Parts of uvicorn's connection that take no memory until they are used: few connections ever do.

An empty deque takes 800 bytes, and there is one in every event.
"""

import asyncio
from functools import cached_property
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl

__all__ = ["LazyFlowControl", "Pipeline"]


class Pipeline(list[Any]):
    """The requests of a connection that wait for the one before them, the last first."""

    __slots__ = ()

    def appendleft(self, waiting: object) -> None:
        """Add the request that came last."""
        self.insert(0, waiting)


class LazyFlowControl(FlowControl):
    """uvicorn's, but there is an event only once writing was paused."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.read_paused = self.write_paused = False

    @cached_property
    def _is_writable_event(self) -> asyncio.Event:  # type: ignore[override]  # an attribute there
        event = asyncio.Event()
        if not self.write_paused:
            event.set()
        return event
