"""What the connections of a worker do together when a turn of the event loop has read all that there is."""

import asyncio
from collections import deque
from collections.abc import Callable, Sized
from typing import TypeAlias

__all__ = ["Turn"]

_Step: TypeAlias = Callable[[], None]


class Turn:
    """Makes the decisions that are due in a turn, one after the other, and writes the responses behind them.

    Reading and deciding by turns costs more, and a write may wake a peer, which then wants the processor.
    `connections` are those that are open.
    """

    def __init__(self) -> None:
        self.connections: Sized = ()
        self._is_last = False
        self._loop = asyncio.get_running_loop()
        self._decisions: deque[_Step] = deque()
        self._writes: deque[_Step] = deque()

    def decide(self, decision: _Step) -> None:
        """Make a decision when everything is read."""
        if not self._decisions:
            self._loop.call_soon(self._decide)
        self._decisions.append(decision)

    def decide_now(self, decision: _Step) -> None:
        """Make a decision that has no others to wait for."""
        self._is_last = True
        try:
            decision()
        finally:
            self._is_last = False

    def more_follow(self, decided: int) -> bool | None:
        """True while decisions are due, `None` where a connection may bring one with what is yet to be read.

        False in the last that is due, if `decided` are as many as there are connections.
        """
        if self._decisions:
            return True
        return False if self._is_last and len(self.connections) <= decided else None

    def write(self, release: _Step) -> None:
        """Write a response when all decisions are made."""
        if not self._writes:
            self._loop.call_soon(self._write)
        self._writes.append(release)

    def _decide(self) -> None:
        due = self._decisions
        try:
            while len(due) > 1:
                due.popleft()()
            if due:
                self.decide_now(due.popleft())
        finally:
            if due:  # one failed: the others go on
                self._loop.call_soon(self._decide)

    def _write(self) -> None:
        due = self._writes
        try:
            while due:
                due.popleft()()
        finally:
            if due:
                self._loop.call_soon(self._write)
