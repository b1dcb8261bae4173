"""`python -m tests.differential --modules 10000 --seed 0`: compares generated policies with OPA."""

import argparse
import sys
import time

from tests.differential.comparison import Outcome
from tests.differential.generator import Generated, generate
from tests.differential.run import compare_generated, run
from tests.differential.several_forms import generate_several
from tests.differential.shrinker import shrink

MAX_SHOWN = 20
FORMS = {"plain": generate, "several": generate_several}


def main() -> int:
    """Run, print the shares and the reduced failures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--modules", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--forms", choices=list(FORMS), default="plain")
    parser.add_argument("--reduce", type=int, default=MAX_SHOWN)
    options = parser.parse_args()
    generated = FORMS[options.forms]
    started = time.monotonic()
    outcomes, others, refusals = run(range(options.seed, options.seed + options.modules), generated)
    for seed, _ in others[: options.reduce]:
        reduced = shrink(generated(seed), _differs)
        print(f"--- seed {seed}")
        for text in reduced.modules().values():
            print(text)
        print(compare_generated(reduced).detail, flush=True)
    accepted = sum(count for outcome, count in outcomes.items() if outcome != Outcome.REJECTED)
    print(f"{options.modules} policies from seed {options.seed} in {time.monotonic() - started:.0f} s")
    for outcome, count in outcomes.most_common():
        share = "" if outcome == Outcome.REJECTED else f" ({count / accepted:.1%} of what OPA accepts)"
        print(f"  {outcome}: {count}{share}")
    print(f"  refusals: {dict(refusals.most_common())}")
    return 1 if others else 0


def _differs(policy: Generated) -> bool:
    return compare_generated(policy).outcome is Outcome.OTHER


if __name__ == "__main__":
    sys.exit(main())
