"""Compares the generated policies of some seeds with OPA."""

from collections import Counter
from collections.abc import Callable

from tests.differential.comparison import Comparison, Outcome, compare
from tests.differential.generator import Generated, generate
from tests.differential.version_0 import in_version_0

__all__ = ["compare_generated", "run"]


def run(
    seeds: range, generated: Callable[[int], Generated] = generate
) -> tuple[Counter[str], list[tuple[int, Comparison]], Counter[str]]:
    """Compare the policies of some seeds: outcomes, each that is not permitted, and codes of refusals."""
    outcomes: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    others = []
    for seed in seeds:
        found = compare_generated(generated(seed))
        outcomes[found.outcome] += 1
        if found.outcome is Outcome.REFUSED:
            refusals[found.detail.split(":")[0]] += 1
        if found.outcome is Outcome.OTHER:
            others.append((seed, found))
    return outcomes, others, refusals


def compare_generated(policy: Generated) -> Comparison:
    """Compare one generated policy."""
    older = None if policy.version else in_version_0(policy.heads, policy.rules)
    return compare(policy.modules(), policy.queries, policy.inputs, version_0=older)
