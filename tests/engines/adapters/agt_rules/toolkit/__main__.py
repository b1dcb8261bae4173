"""`python -m tests.engines.adapters.agt_rules.toolkit --cases 20000`: compares decisions with the toolkit's."""

import argparse
import json
import sys
import time
from collections import Counter

from tests.engines.adapters.agt_rules.toolkit.comparison import compare
from tests.engines.adapters.agt_rules.toolkit.generator import generate
from tests.engines.adapters.agt_rules.toolkit.oracle import PACKAGE, ToolkitOracle


def main() -> int:
    """Print how often which differences lie between both sides, and what none explains; 1 for any of the latter."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    started = time.monotonic()
    outcomes: Counter[str] = Counter()
    faults = []
    with ToolkitOracle() as oracle:
        for seed in range(options.seed, options.seed + options.cases):
            case = generate(seed)
            compared = compare(case, oracle)
            outcomes[compared.outcome] += 1
            if compared.fault:
                faults.append((case, compared.fault))
    for case, fault in faults[:10]:
        print(f"--- seed {case.seed}: {fault}\n{json.dumps(case.documents)}\n{json.dumps(case.context)}")
    print(
        f"{options.cases} cases from seed {options.seed} against {PACKAGE} in {time.monotonic() - started:.0f} s"
    )
    for outcome, count in outcomes.most_common():
        print(f"  {count:6} {outcome}")
    print(f"  {len(faults)} that no difference of section 7.9 explains")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
