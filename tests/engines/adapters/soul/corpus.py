"""How often detection is right: statements that declare a control, and as many that look like it (section 11.4).

`python -m tests.engines.adapters.soul.corpus` prints it. There are 200 of each in the manner of seven kinds of
authors, and 100 of each in that of thirteen others, such as a repository's rules for agents, a prompt in capitals,
a constitution, a standard with MUST and SHALL, a runbook, a handbook, and somebody whose language is another one.
60 more of each are in six registers that are far from the usual ones, and counted apart: a contract, orders, a ward,
the tersest of runbooks, a beginner's English, verse. Half of each is held out: those whose texts have the lowest SHA-256 digests. They were written before the rules were
improved, and what rules got wrong of them was not looked at.
"""

import hashlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

from tests.conftest import ROOT
from tests.engines.adapters.soul.vectors import declared_by

__all__ = [
    "DECLARES",
    "DECLARES_REGISTERS",
    "DECLARES_VOICES",
    "LOOKS_ALIKE",
    "LOOKS_ALIKE_REGISTERS",
    "LOOKS_ALIKE_VOICES",
    "OTHERS",
    "PROMISES",
    "Sample",
    "figures",
    "halves",
]

_FOLDER = ROOT / "tests" / "corpora" / "soul"


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
DECLARES_VOICES = _samples("declares_voices.tsv")
LOOKS_ALIKE_VOICES = _samples("looks_alike_voices.tsv")
DECLARES_REGISTERS = _samples("declares_registers.tsv")
LOOKS_ALIKE_REGISTERS = _samples("looks_alike_registers.tsv")


def halves(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """The held-out half, and the one that rules were improved with."""
    ordered = sorted(samples, key=lambda sample: hashlib.sha256(sample.statement.encode()).hexdigest())
    return ordered[: len(ordered) // 2], ordered[len(ordered) // 2 :]


def _both(first: Sequence[Sample], second: Sequence[Sample]) -> list[list[Sample]]:
    """The held-out halves of two sets together, and the others."""
    return [[*one, *other] for one, other in zip(halves(first), halves(second), strict=True)]


PROMISES = _both(DECLARES, DECLARES_VOICES)
OTHERS = _both(LOOKS_ALIKE, LOOKS_ALIKE_VOICES)


def figures() -> list[str]:
    """The table: what was found of the promises, and what was taken for one, by half, set and kind."""
    rows = ["| statements | held out | in sight |", "|---|---|---|"]

    def add(name: str, of_half: Sequence[Sequence[Sample]]) -> None:
        cells = (f"{sum(each.is_detected for each in half)} of {len(half)}" for half in of_half)
        rows.append(f"| {name} | {' | '.join(cells)} |")

    add("declare a control, and are found (recall)", PROMISES)
    add("… seven kinds of authors", halves(DECLARES))
    add("… thirteen others", halves(DECLARES_VOICES))
    add("look like it, and are taken for it (false accepts)", OTHERS)
    for kind in sorted({sample.kind.partition("/")[0] for sample in LOOKS_ALIKE}):
        of_kind = [[each for each in half if each.kind.partition("/")[0] == kind] for half in OTHERS]
        add(f"… {kind}", of_kind)
    add("of six far registers: found", halves(DECLARES_REGISTERS))
    add("… taken for one", halves(LOOKS_ALIKE_REGISTERS))
    return rows


if __name__ == "__main__":
    sys.stdout.write("".join(f"{row}\n" for row in figures()))
