"""Request data becomes typed values where a schema says so, and nowhere else (section 1.7.1)."""

import pytest

from acs_sidecar.engines.cedar import declared
from acs_sidecar.engines.cedar import type as cedar_type
from acs_sidecar.engines.cedar.values import extension
from acs_sidecar.spec.values import Json
from tests.engines.cedar.generated.typed_contexts import differences


@pytest.mark.slow
def test_decisions_are_those_of_the_engine() -> None:
    """The engine, given the schema and the values that it declares, decides the same, or fails as well."""
    found, decided = differences(60, seed=11)
    assert found == []
    assert decided > 300


def _rounded(value: Json) -> Json:
    assert isinstance(value, int | float)
    return extension("decimal", f"{value:.4f}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "name", "broken"),
    [(declared, "decimal_number", _rounded), (cedar_type, "mentions_escape", lambda _canonical: False)],
)
def test_faults_would_be_found(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, broken: object
) -> None:
    """Rounding, and data that poses as an extension value, are seen as differences."""
    monkeypatch.setattr(module, name, broken)
    found, _ = differences(120, seed=3)
    assert found
