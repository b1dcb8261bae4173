"""Hashes the segments of a log in several processes at once (section 4.5)."""

import errno
import os
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

from acs_sidecar.audit.format.hash_audit import HashedSegment, hash_lines
from acs_sidecar.audit.log.directory import LogDirectory
from acs_sidecar.audit.read.source import FileLogSource, file_chunks

__all__ = ["HashedLogSource"]

_MOST_PROCESSES = 4


@dataclass(frozen=True, slots=True)
class _Task:
    """A segment and the sizes of the log at which its parts end, as `hash_lines` takes them."""

    path: Path
    first: int
    stops: Sequence[int]

    def hashed(self, needle: bytes | None) -> HashedSegment:
        """Hash the segment; nothing of one that begins behind the signed end. Raises `OSError`."""
        if not self.stops:
            return HashedSegment(self.first, (), 0)
        return hash_lines(file_chunks(self.path), self.first, self.stops, needle)


class HashedLogSource(FileLogSource):
    """A log on disk whose segments are hashed by up to `processes` children, which hold one each."""

    def __init__(self, directory: LogDirectory, processes: int | None = None) -> None:
        super().__init__(directory)
        self._processes = processes or min(_MOST_PROCESSES, os.cpu_count() or 1)

    def hashed_segments(self, stops: Sequence[int], needle: bytes | None) -> Iterator[HashedSegment]:
        """Hash every segment, in order of their first index. Raises `OSError`."""
        self._bytes_read = 0
        bounds = [*(first for first, _ in self._segments[1:]), stops[-1]]
        tasks = [
            _Task(path, first, stops[bisect_right(stops, first) : bisect_left(stops, bound) + 1])
            for (first, path), bound in zip(self._segments, bounds, strict=True)
        ]
        processes = min(self._processes, len(tasks))
        hashed = (
            (task.hashed(needle) for task in tasks) if processes < 2 else _shared(tasks, needle, processes)
        )
        with closing(hashed):
            for segment in hashed:
                self._bytes_read += sum(part.length for part in segment.parts) + segment.unfinished
                yield segment


def _shared(
    tasks: Sequence[_Task], needle: bytes | None, processes: int
) -> Generator[HashedSegment, None, None]:
    """Hash segments in children, each every n-th of them: a pipe holds a child back that is ahead."""
    with ExitStack() as children:
        pipes: list[Connection] = []
        for number in range(processes):
            pipes.append(_start(tasks[number::processes], needle, pipes, children))
        for number, task in enumerate(tasks):
            try:
                segment = pipes[number % processes].recv()
            except EOFError:
                raise OSError(errno.ECHILD, "the process that hashes it has ended", str(task.path)) from None
            if isinstance(segment, OSError):
                raise segment
            yield segment


def _start(
    tasks: Sequence[_Task], needle: bytes | None, others: Sequence[Connection], children: ExitStack
) -> Connection:
    """Fork a child that hashes segments; it ends after them, or when nobody reads its pipe any more."""
    receiver, sender = Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        # Nothing of the parent runs here on any way out: no handler, no buffer, no lock of another thread.
        try:
            for pipe in (receiver, *others):
                pipe.close()
            _send_hashed(tasks, needle, sender)
        finally:
            os._exit(0)
    sender.close()
    children.callback(os.waitpid, child, 0)
    children.callback(receiver.close)
    return receiver


def _send_hashed(tasks: Sequence[_Task], needle: bytes | None, sender: Connection) -> None:
    for task in tasks:
        try:
            sender.send(task.hashed(needle))
        except BrokenPipeError:
            return
        except OSError as error:
            sender.send(error)
            return
