"""A short run of `make agt-fuzz`, and that it finds what it looks for (section 7.3)."""

import pytest

from acs_sidecar.engines.adapters.agt_rules import closures
from tests.engines.adapters.agt_rules import fuzz


@pytest.mark.slow
def test_random_texts_are_conditions_or_are_refused_with_a_place() -> None:
    """What is accepted is what the grammar has, and is decided as a plain reader decides it."""
    counts, faults = fuzz.run(3_000, seed=7)
    assert faults == []
    assert min(counts.values()) > 10
    assert len(counts) == 2 * len(set(fuzz.KINDS))


@pytest.mark.slow
def test_a_wrong_closure_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing field that counts as decided is a fault of the run."""
    monkeypatch.setattr(closures, "_truth", lambda load, _: lambda frame: load(frame) is True)
    _, faults = fuzz.run(3_000, seed=7)
    assert "where the tests give" in faults[0]
