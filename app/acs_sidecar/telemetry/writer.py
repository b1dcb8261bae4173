"""Log lines leave through a thread of their own, so that nobody waits for who reads them (section 5)."""

import os
import select
import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import TypeAlias

from acs_sidecar.spec.values import Json

__all__ = ["Event", "LineWriter"]

CAPACITY = 4_096

Event: TypeAlias = Mapping[str, Json]
"""The fields of one event; it is rendered in the writer's thread."""

_Item: TypeAlias = "str | Event | threading.Event"


class LineWriter:
    """Writes lines to a file descriptor; what does not fit into its queue is dropped and counted.

    A process may be forked while the thread waits for its reader: the child begins with an empty queue
    and a thread of its own, and what the parent had not written stays the parent's.
    """

    def __init__(self, descriptor: int, render: Callable[[Event], str], capacity: int = CAPACITY) -> None:
        self._descriptor = descriptor
        self._render = render
        self._capacity = capacity
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def put(self, line: str | Event) -> None:
        """Enqueue a line, without its newline, or an event. Never blocks and never raises."""
        if self._queue.qsize() >= self._capacity:
            self.dropped += 1
            return
        self._queue.put(line)
        if self._thread is None:
            self._begin()

    def drain(self, seconds: float) -> bool:
        """Wait until what was put before is written, at most so long; tell whether it is."""
        if self._thread is None:
            return True
        written = threading.Event()
        self._queue.put(written)
        return written.wait(seconds)

    def _forget(self) -> None:
        self.dropped = 0
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def _begin(self) -> None:
        self._thread = threading.Thread(
            target=self._work, args=(self._queue,), name="log-writer", daemon=True
        )
        self._thread.start()

    def _work(self, queue: "SimpleQueue[_Item]") -> None:
        while True:
            item = queue.get()
            if isinstance(item, threading.Event):
                item.set()
                continue
            try:
                line = item if isinstance(item, str) else self._render(item)
                self._write(line.encode(errors="backslashreplace") + b"\n")
            except (OSError, ValueError, TypeError):
                self.dropped += 1

    def _write(self, line: bytes) -> None:
        """Write one line whole; a descriptor that others made non-blocking is waited for."""
        while line:
            try:
                line = line[os.write(self._descriptor, line) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [])
