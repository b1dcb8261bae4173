"""Long evaluations take turns with the event loop: between two of them everything else goes on (section 2.6).

An evaluation cannot be interrupted, and holds the interpreter meanwhile. So nobody can wait for less than
the one that runs; but nobody needs to wait for all others that are due.
"""

import asyncio
from types import TracebackType

__all__ = ["SlowLane"]


class SlowLane:
    """Admits one evaluation at a time, first come first served, each after a turn of the event loop.

    What the loop reads in that turn is decided and written before the evaluation begins.
    """

    __slots__ = ("_turns",)

    def __init__(self) -> None:
        self._turns = asyncio.Lock()

    async def __aenter__(self) -> None:
        """Wait for those before, and let the event loop turn once."""
        await self._turns.acquire()
        try:
            await asyncio.sleep(0)
        except BaseException:  # cancelled: the next one goes on
            self._turns.release()
            raise

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Admit the next one."""
        self._turns.release()
