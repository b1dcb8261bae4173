"""Compares the generated policies of some seeds with OPA."""

from collections import Counter
from dataclasses import dataclass, field

from tests.differential.comparison import Comparison, Outcome, compare
from tests.differential.generator import Generated, generate

__all__ = ["Compared", "compare_generated", "run"]


@dataclass(slots=True)
class Compared:
    """What came of the policies of some seeds: outcomes, each that is not permitted, codes of refusals.

    `modules` counts those of the policies that OPA accepts.
    """

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    others: list[tuple[int, Comparison]] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    modules: int = 0

    @property
    def accepted(self) -> int:
        """How many policies OPA accepts."""
        return sum(self.outcomes.values()) - self.outcomes[Outcome.REJECTED]


def run(seeds: range) -> Compared:
    """Compare the policies of some seeds."""
    compared = Compared()
    for seed in seeds:
        policy = generate(seed)
        found = compare_generated(policy)
        compared.outcomes[found.outcome] += 1
        if found.outcome is not Outcome.REJECTED:
            compared.modules += len(policy.heads)
        if found.outcome is Outcome.REFUSED:
            compared.refusals[found.detail.split(":")[0]] += 1
        if found.outcome is Outcome.OTHER:
            compared.others.append((seed, found))
    return compared


def compare_generated(policy: Generated) -> Comparison:
    """Compare one generated policy."""
    return compare(policy.modules(), policy.queries, policy.inputs)
