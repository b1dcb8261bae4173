"""`python -m tests.differential --modules 10000 --seed 0`: compares generated policies with OPA."""

import argparse
import sys
import time

from tests.differential.comparison import Outcome
from tests.differential.generator import Generated, generate
from tests.differential.run import compare_generated, run
from tests.differential.shrinker import shrink

MAX_SHOWN = 20


def main() -> int:
    """Run, print the shares and the reduced failures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--modules", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reduce", type=int, default=MAX_SHOWN)
    options = parser.parse_args()
    started = time.monotonic()
    compared = run(range(options.seed, options.seed + options.modules))
    for seed, _ in compared.others[: options.reduce]:
        reduced = shrink(generate(seed), _differs)
        print(f"--- seed {seed}")
        for text in reduced.modules().values():
            print(text)
        print(compare_generated(reduced).detail, flush=True)
    print(f"{options.modules} policies from seed {options.seed} in {time.monotonic() - started:.0f} s")
    print(f"  accepted by OPA: {compared.accepted} of {compared.modules} modules")
    for outcome, count in compared.outcomes.most_common():
        accepted = outcome is not Outcome.REJECTED
        share = f" ({count / compared.accepted:.1%} of what OPA accepts)" if accepted else ""
        print(f"  {outcome}: {count}{share}")
    print(f"  refusals: {dict(compared.refusals.most_common())}")
    return 1 if compared.others else 0


def _differs(policy: Generated) -> bool:
    return compare_generated(policy).outcome is Outcome.OTHER


if __name__ == "__main__":
    sys.exit(main())
