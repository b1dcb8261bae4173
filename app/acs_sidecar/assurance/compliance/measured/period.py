"""The period of a report, and runs of its records in a log (section 8.3)."""

from dataclasses import dataclass, field

__all__ = ["Period", "Runs"]

_MOST_RUNS = 10_000


@dataclass(frozen=True, slots=True)
class Period:
    """From a time on and before another, both in the form of a record's; `tenant` narrows decisions."""

    start: str
    end: str
    tenant: str | None = None

    def has(self, time: str) -> bool:
        """True if a time lies in the period."""
        return self.start <= time < self.end


@dataclass(slots=True)
class Runs:
    """Which records of a log are in the period, as runs of indexes: one, unless its clock went back.

    More runs than are kept are counted, and taken for not covered by any anchor.
    """

    count: int = 0
    _runs: list[list[int]] = field(default_factory=list)

    def add(self, index: int) -> None:
        """Add a record; indexes ascend."""
        self.count += 1
        if self._runs and self._runs[-1][1] == index:
            self._runs[-1][1] = index + 1
        elif len(self._runs) < _MOST_RUNS:
            self._runs.append([index, index + 1])

    def below(self, size: int) -> int:
        """Count the records below an index."""
        return sum(max(0, min(end, size) - start) for start, end in self._runs)
