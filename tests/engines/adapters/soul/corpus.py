"""How often detection is right: 200 statements that declare a control, 200 that look like it (section 11.4).

`python -m tests.engines.adapters.soul.corpus` prints it. Half of each is held out: those whose texts have the
100 lowest SHA-256 digests. They were written before the rules were improved, and what rules got wrong of them
was not looked at.
"""

import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tests.conftest import ROOT
from tests.engines.adapters.soul.vectors import declared_by

__all__ = ["DECLARES", "LOOKS_ALIKE", "Sample", "figures", "halves"]

_FOLDER = ROOT / "tests" / "corpora" / "soul"
_HELD_OUT = 100


class Sample(NamedTuple):
    """A statement about a control, and its kind and author."""

    control: str
    kind: str
    statement: str

    @property
    def is_detected(self) -> bool:
        """True if the statement is taken to declare its control."""
        return f"SOUL-{self.control}" in declared_by(self.statement)


def _samples(name: str) -> list[Sample]:
    lines = (_FOLDER / name).read_text().splitlines()
    return [Sample(*line.split("\t")) for line in lines]


DECLARES = _samples("declares.tsv")
LOOKS_ALIKE = _samples("looks_alike.tsv")


def halves(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """The held-out half, and the one that rules were improved with."""
    ordered = sorted(samples, key=lambda sample: hashlib.sha256(sample.statement.encode()).hexdigest())
    return ordered[:_HELD_OUT], ordered[_HELD_OUT:]


def figures() -> list[str]:
    """The table: what was found of the promises, and what was taken for one, by half and by kind."""
    rows = ["| statements | held out | in sight |", "|---|---|---|"]
    promises, others = halves(DECLARES), halves(LOOKS_ALIKE)
    found = [sum(sample.is_detected for sample in half) for half in promises]
    taken = [[sample for sample in half if sample.is_detected] for half in others]
    rows.append(f"| declare a control, and are found (recall) | {found[0]} of 100 | {found[1]} of 100 |")
    rows.append(
        f"| look like it, and are taken for it (false accepts) | {len(taken[0])} of 100 | {len(taken[1])} of 100 |"
    )
    kinds = [Counter(sample.kind.partition("/")[0] for sample in half) for half in others]
    wrong = [Counter(sample.kind.partition("/")[0] for sample in half) for half in taken]
    rows += [
        f"| … {kind} | {wrong[0][kind]} of {kinds[0][kind]} | {wrong[1][kind]} of {kinds[1][kind]} |"
        for kind in sorted({*kinds[0], *kinds[1]})
    ]
    return rows


if __name__ == "__main__":
    sys.stdout.write("".join(f"{row}\n" for row in figures()))
