"""Numbers that processes share in memory: each writes a region of its own, any of them reads all.

The memory is anonymous and made before the workers are forked, so there is no file to protect or to
remove. A worker that replaces a dead one goes on in its region: what was counted stays counted.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import orjson

__all__ = ["Numbers", "Region", "Series", "SharedNumbers"]

Numbers: TypeAlias = "memoryview[float]"

SLOTS = 131_072
DIRECTORY_BYTES = 2 * 1024 * 1024
_NUMBER_BYTES = 8
_HEADER_BYTES = 16
_REGION_BYTES = _HEADER_BYTES + SLOTS * _NUMBER_BYTES + DIRECTORY_BYTES


@dataclass(frozen=True, slots=True)
class Series:
    """One metric with one set of label values, and where its numbers lie in its region."""

    metric: str
    labels: tuple[str, ...]
    first: int
    slots: int


class Region:
    """The numbers of one writer, and the directory that says what they are.

    `numbers` are 64-bit floats. Only the owner may write, from one thread; a directory only grows, and
    its length is written after its content, so that a reader never sees half an entry.
    """

    def __init__(self, memory: memoryview) -> None:
        values_end = _HEADER_BYTES + SLOTS * _NUMBER_BYTES
        self._header = memory[:_HEADER_BYTES].cast("Q")
        self.numbers = memory[_HEADER_BYTES:values_end].cast("d")
        self._directory = memory[values_end:]
        self._known: list[Series] = []
        self._read = 0

    def series(self) -> list[Series]:
        """List what the region holds."""
        written = self._header[0]
        if written > self._read:
            for line in bytes(self._directory[self._read : written]).splitlines():
                metric, labels, first, slots = orjson.loads(line)
                self._known.append(Series(metric, tuple(labels), first, slots))
            self._read = written
        return self._known

    def allocate(self, metric: str, labels: tuple[str, ...], slots: int) -> Series | None:
        """Make room for a series, all zero; `None` when the region is full."""
        length, used = self._header
        entry = orjson.dumps([metric, labels, used, slots]) + b"\n"
        if used + slots > SLOTS or length + len(entry) > DIRECTORY_BYTES:
            return None
        self._directory[length : length + len(entry)] = entry
        self._header[1] = used + slots
        self._header[0] = length + len(entry)
        return Series(metric, labels, used, slots)


class SharedNumbers:
    """The regions of `writers` processes. To be made before any of them is forked."""

    def __init__(self, writers: int) -> None:
        memory = memoryview(mmap.mmap(-1, writers * _REGION_BYTES))
        starts = range(0, writers * _REGION_BYTES, _REGION_BYTES)
        self.regions = tuple(Region(memory[start : start + _REGION_BYTES]) for start in starts)

    def values(self) -> Iterator[tuple[str, tuple[str, ...], list[float]]]:
        """Yield every series of every region with its numbers, as they are at this moment."""
        for region in self.regions:
            for series in region.series():
                numbers = region.numbers[series.first : series.first + series.slots]
                yield series.metric, series.labels, [*numbers]
