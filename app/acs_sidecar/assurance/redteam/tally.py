"""Counts of what became of attempts, by whatever they are grouped (section 8.4)."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from acs_sidecar.assurance.redteam.attempts import Attempt, AttemptOutcome
from acs_sidecar.assurance.redteam.rates import Rate
from acs_sidecar.spec.values import Json

__all__ = ["Result", "Tally", "tallied", "tally"]

Result = tuple[Attempt, AttemptOutcome]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many attempts passed, were stopped, and broke."""

    counts: Counter[AttemptOutcome] = field(default_factory=Counter)

    @property
    def rate(self) -> Rate:
        """The share of those that passed in those that passed or were stopped."""
        passed = self.counts[AttemptOutcome.PASSED]
        return Rate(passed, passed + self.counts[AttemptOutcome.STOPPED])

    def as_json(self) -> dict[str, Json]:
        """Return the counts and the rate."""
        return {**{outcome.value: self.counts[outcome] for outcome in AttemptOutcome}, **self.rate.as_json()}


def tally(results: Iterable[Result]) -> Tally:
    """Count results."""
    return Tally(Counter(outcome for _, outcome in results))


def tallied(results: Iterable[Result], key: Callable[[Attempt], Key]) -> dict[Key, Tally]:
    """Count results by a key of their attempts, in the order in which keys first occur."""
    counts: dict[Key, Tally] = {}
    for attempt, outcome in results:
        counts.setdefault(key(attempt), Tally()).counts[outcome] += 1
    return counts
