"""Sections 1.1 and 2.2: hostile requests never get a 500, an allow, or unbounded time and memory."""

from pathlib import Path

import pytest

from tests.hostile import kinds
from tests.hostile.fuzz import fuzz


def test_a_short_run_breaks_no_rule(tmp_path: Path) -> None:
    """Some thousand hostile requests; `make fuzz` sends a hundred thousand."""
    outcome = fuzz(3_000, 7, tmp_path)
    assert outcome.violations == []
    assert len({status for status, _ in outcome.answers}) >= 3


@pytest.mark.parametrize("kind", kinds.EXPECTED)
def test_every_reader_answers_hostile_input_with_its_own_errors(kind: str) -> None:
    """A thousand inputs of each kind, some read to the end; `make fuzz-kinds` reads a million."""
    readings = kinds.run(1_000, 3, (kind,))
    assert readings.faults == []
    assert 0 < readings.accepted[kind] <= 1_000 == readings.made[kind]


def test_every_kind_has_its_turn() -> None:
    """The command reads inputs of all kinds that have a reader."""
    assert {*kinds.TURNS, "rego"} == kinds.EXPECTED.keys()
