"""How often detection is right: statements that declare a control, and as many that look like it (section 11.4).

`python -m tests.engines.adapters.soul.corpus` prints it. Two independent authors, an office and one who is terse,
wrote 144 of each without having read a rule: none of theirs has changed a rule. Before them one author wrote 200 of
each in the manner of seven kinds of authors, 100 in that of thirteen others, such as a repository's rules for agents,
a prompt in capitals, a constitution, a standard with MUST and SHALL, a runbook, a handbook, and somebody whose
language is another one. Half of these are held out: those whose texts have the lowest SHA-256 digests.

Rules were written with the other half, with 60 of each in six registers that are far from the usual ones (a contract,
orders, a ward, the tersest of runbooks, a beginner's English, verse), with the many of `wild`: lists, tables,
fragments, oaths, conditions, idioms; and with those of `trades`, four of each for every control by one more author,
in the words of a hospital, a bank, a law firm, a school, a game studio and others, with wishes and general topics too.
Those of `styles` are four of each for every control by another author: a runbook's line, a contract's sentence, an
agent that speaks of itself, an item with a bold lead-in. Before any rule was changed for them 204 of the 288 promises
were found, and 36 of 288 others taken for one; of 160 more others, written in two rounds after that, 17 and 24 were.
Those of `notes` are the shortest lines of an operator, the passive voice of an office, and what others do in place of
the agent: a gateway, a vendor, a department. Of 432 promises written before any rule was changed for them 304 were
found, of 125 such duties 74 were taken for a promise; of 144 more promises, written after that, 81 were found.
"""

import hashlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

from tests.conftest import ROOT
from tests.engines.adapters.soul.vectors import declared_by

__all__ = [
    "DECLARES",
    "DECLARES_AUTHORS",
    "DECLARES_NOTES",
    "DECLARES_REGISTERS",
    "DECLARES_STYLES",
    "DECLARES_TRADES",
    "DECLARES_VOICES",
    "DECLARES_WILD",
    "LOOKS_ALIKE",
    "LOOKS_ALIKE_AUTHORS",
    "LOOKS_ALIKE_NOTES",
    "LOOKS_ALIKE_REGISTERS",
    "LOOKS_ALIKE_STYLES",
    "LOOKS_ALIKE_TRADES",
    "LOOKS_ALIKE_VOICES",
    "LOOKS_ALIKE_WILD",
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
DECLARES_WILD = _samples("declares_wild.tsv")
LOOKS_ALIKE_WILD = _samples("looks_alike_wild.tsv")
DECLARES_TRADES = _samples("declares_trades.tsv")
LOOKS_ALIKE_TRADES = _samples("looks_alike_trades.tsv")
DECLARES_STYLES = _samples("declares_styles.tsv")
LOOKS_ALIKE_STYLES = _samples("looks_alike_styles.tsv")
DECLARES_NOTES = _samples("declares_notes.tsv")
LOOKS_ALIKE_NOTES = _samples("looks_alike_notes.tsv")
DECLARES_AUTHORS = _samples("declares_authors.tsv")
LOOKS_ALIKE_AUTHORS = _samples("looks_alike_authors.tsv")


def halves(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """The held-out half, and the one that rules were improved with."""
    ordered = sorted(samples, key=lambda sample: hashlib.sha256(sample.statement.encode()).hexdigest())
    return ordered[: len(ordered) // 2], ordered[len(ordered) // 2 :]


def _parts(
    one: Sequence[Sample], other: Sequence[Sample], seen: Sequence[Sample], held_out: Sequence[Sample]
) -> list[list[Sample]]:
    """What is held out, and what rules were written with: of two sets a half each, and two whole sets."""
    (first, rest), (second, others) = halves(one), halves(other)
    return [[*first, *second, *held_out], [*rest, *others, *seen]]


PROMISES = _parts(
    DECLARES,
    DECLARES_VOICES,
    [*DECLARES_REGISTERS, *DECLARES_WILD, *DECLARES_TRADES, *DECLARES_STYLES, *DECLARES_NOTES],
    DECLARES_AUTHORS,
)
OTHERS = _parts(
    LOOKS_ALIKE,
    LOOKS_ALIKE_VOICES,
    [*LOOKS_ALIKE_REGISTERS, *LOOKS_ALIKE_WILD, *LOOKS_ALIKE_TRADES, *LOOKS_ALIKE_STYLES, *LOOKS_ALIKE_NOTES],
    LOOKS_ALIKE_AUTHORS,
)


def figures() -> list[str]:
    """The table: what was found of the promises, and what was taken for one, by half, set and kind."""
    rows = ["| statements | held out | in sight |", "|---|---|---|"]

    def add(name: str, of_part: Sequence[Sequence[Sample]]) -> None:
        cells = (
            f"{sum(each.is_detected for each in part)} of {len(part)}" if part else "" for part in of_part
        )
        rows.append(f"| {name} | {' | '.join(cells)} |")

    add("declare a control, and are found (recall)", PROMISES)
    for author in ("office", "terse"):
        add(
            f"… an independent author, {author}",
            ([each for each in DECLARES_AUTHORS if each.kind == author], ()),
        )
    add("… seven kinds of authors", halves(DECLARES))
    add("… thirteen others", halves(DECLARES_VOICES))
    add("… far registers, lists, tables, idioms", ((), [*DECLARES_REGISTERS, *DECLARES_WILD]))
    add("… trades", ((), DECLARES_TRADES))
    add("… styles", ((), DECLARES_STYLES))
    add("… notes, an office's passive voice", ((), DECLARES_NOTES))
    add("look like it, and are taken for it (false accepts)", OTHERS)
    add("… the independent authors'", (LOOKS_ALIKE_AUTHORS, ()))
    add("… trades", ((), LOOKS_ALIKE_TRADES))
    add("… styles", ((), LOOKS_ALIKE_STYLES))
    add("… notes, duties that others have", ((), LOOKS_ALIKE_NOTES))
    for kind in sorted({sample.kind.partition("/")[0] for part in OTHERS for sample in part}):
        add(f"… {kind}", [[each for each in part if each.kind.partition("/")[0] == kind] for part in OTHERS])
    return rows


if __name__ == "__main__":
    sys.stdout.write("".join(f"{row}\n" for row in figures()))
