"""Compares the generated policies of some seeds with OPA."""

from collections import Counter

from tests.differential.comparison import Comparison, Outcome, compare
from tests.differential.generator import Generated, generate

__all__ = ["compare_generated", "run"]


def run(seeds: range) -> tuple[Counter[str], list[tuple[int, Comparison]], Counter[str]]:
    """Compare the policies of some seeds: outcomes, each that is not permitted, and codes of refusals."""
    outcomes: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    others = []
    for seed in seeds:
        found = compare_generated(generate(seed))
        outcomes[found.outcome] += 1
        if found.outcome is Outcome.REFUSED:
            refusals[found.detail.split(":")[0]] += 1
        if found.outcome is Outcome.OTHER:
            others.append((seed, found))
    return outcomes, others, refusals


def compare_generated(policy: Generated) -> Comparison:
    """Compare one generated policy."""
    return compare(policy.modules(), policy.queries, policy.inputs)
