"""What the library decides about the given counter-examples of each section."""

import json
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.values import Json
from tests.engines.stock.manifests import manifest, snapshot
from tests.manifests.one_decision import compiled, evaluated

VECTORS = json.loads(Path(__file__).with_name("vectors.json").read_text())
_ROWS = [(block["config"], block["point"], row) for block in VECTORS for row in block["rows"]]
_COMPILED: dict[str, CompiledManifest] = {}


def _compiled(kind: str, config: Any, point: str, tool: Json) -> CompiledManifest:
    key = json.dumps([kind, config, point, tool])
    if key not in _COMPILED:
        _COMPILED[key] = compiled(manifest(config, point, kind=kind, tool=tool))
    return _COMPILED[key]


def _snapshot(config: Any, point: str, given: Any) -> Any:
    if "budgets" in config:
        return snapshot(point, envelope={"agent": {"id": "a"}, "budgets": given})
    if "ifc" in config and point == "input":
        return snapshot(
            point, input={"text": "x"} if given is None else {"text": "x", "ifc": {"source_labels": given}}
        )
    if isinstance(given, dict) and "content_hash" in given:
        return snapshot(point, tool_call={"name": "t", **given})
    return snapshot(point, given)


@pytest.mark.parametrize("kind", ["rego", "cedar"])
@pytest.mark.parametrize(("config", "point", "row"), _ROWS)
def test_a_vector_is_decided_as_published(kind: str, config: Any, point: str, row: Any) -> None:
    """By decision, reason and transformed value, in Rego and, where the gate exists, in Cedar."""
    found = evaluated(
        _compiled(kind, config, point, row.get("tool")), point, _snapshot(config, point, row["given"])
    )
    assert (found.verdict.decision.value, found.verdict.reason) == (row["decision"], row.get("reason"))
    if "value" in row:
        assert found.transformed_target == row["value"]
