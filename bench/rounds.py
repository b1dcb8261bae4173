"""Alternating rounds: what shares a machine with others is comparable only beside its neighbour in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from bench.load import Figures, measure
from bench.servers import Target

__all__ = ["Pairs", "alternate"]


@dataclass(frozen=True)
class Pairs:
    """The rounds of two servers, one beside the other."""

    first: Sequence[Figures]
    second: Sequence[Figures]

    def __add__(self, others: "Pairs") -> "Pairs":
        """Return these rounds and those of the same two servers, started again."""
        return Pairs((*self.first, *others.first), (*self.second, *others.second))

    @property
    def processor_ratio(self) -> float:
        """The median of what the first needs of the processor in units of the second."""
        return median(self._ratios())

    @property
    def rate_ratio(self) -> float:
        """The median of how many requests the second answers in units of the first."""
        return median(b.rate / a.rate for a, b in zip(self.first, self.second, strict=True))

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles around `processor_ratio`."""
        low, _, high = quantiles(self._ratios(), n=4)
        return low, high

    def _ratios(self) -> list[float]:
        return [a.processor_us / b.processor_us for a, b in zip(self.first, self.second, strict=True)]


def alternate(first: Target, second: Target, connections: int, seconds: int, rounds: int) -> Pairs:
    """Measure two running servers in turns; who begins alternates too."""
    figures: dict[bool, list[Figures]] = {True: [], False: []}
    for number in range(rounds):
        for is_first in (number % 2 == 0, number % 2 == 1):
            figures[is_first].append(measure(first if is_first else second, connections, seconds))
    return Pairs(figures[True], figures[False])
