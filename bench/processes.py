"""What a server costs: processor time and memory of its processes, from `/proc`."""

import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["memory_mib", "processor_seconds"]


def processor_seconds(pid: int) -> float:
    """Return the processor time of a server so far: of every thread of its processes, in seconds."""
    spent = 0
    for process in _tree(pid):
        for task in Path(f"/proc/{process}/task").iterdir():
            spent += int((task / "schedstat").read_text().split()[0])
    return spent / 1e9


def memory_mib(pid: int) -> float:
    """Return the resident memory of a server in MiB: of its workers together, where it has any.

    Not their private memory: that grows while nothing is kept, as pages shared since the fork are written.
    """
    return sum(_resident_mib(serving) for serving in _children(pid) or [pid])


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for child in _children(pid):
        yield from _tree(child)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _resident_mib(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0
