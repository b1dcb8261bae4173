"""Finds the longest chain of rules of one form that compiles, and evaluates it: a process of its own."""

import sys

from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import Evaluator
from tests.engines.rego.policies import bound, definition, policy_input

_ENOUGH = 100


def _chain(length: int, around: str, parameter: str, argument: str) -> Evaluator:
    rules = "".join(
        f"r{number}{parameter} := {around.format(f'r{number + 1}{argument}')}\n" for number in range(length)
    )
    return bound(definition(f"package a\nx := r0{argument}\n{rules}r{length}{parameter} := 1\n"))


def main(around: str, parameter: str, argument: str) -> None:
    """Halve the interval between a length that compiles and one that does not."""
    low, high = 1, 2_000
    while high - low > _ENOUGH:
        middle = (low + high) // 2
        try:
            _chain(middle, around, parameter, argument)
            low = middle
        except ManifestError:
            high = middle
    _chain(low, around, parameter, argument).evaluate(policy_input({}))
    sys.stdout.write("evaluated\n" if low > 2 * _ENOUGH else f"only {low}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
