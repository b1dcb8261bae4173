"""A set of tasks that are referenced until they are done."""

import asyncio
from collections.abc import Coroutine

__all__ = ["Tasks"]


class Tasks:
    """Tasks of the running event loop, each held until it is done."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Start a task."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def cancel(self) -> None:
        """Cancel all of them."""
        for task in self._running:
            task.cancel()

    async def finished(self) -> None:
        """Wait until all of them are done, however they end."""
        await asyncio.gather(*self._running, return_exceptions=True)
