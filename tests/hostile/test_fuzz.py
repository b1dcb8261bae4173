"""Sections 1.1 and 2.2: hostile requests never get a 500, an allow, or unbounded time and memory."""

from pathlib import Path

from tests.hostile.fuzz import fuzz


def test_a_short_run_breaks_no_rule(tmp_path: Path) -> None:
    """Some thousand hostile requests; `make fuzz` sends a hundred thousand."""
    outcome = fuzz(3_000, 7, tmp_path)
    assert outcome.violations == []
    assert len({status for status, _ in outcome.answers}) >= 3
