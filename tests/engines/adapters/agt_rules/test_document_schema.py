"""The JSON Schema of rule documents: checked in, and never stricter than the reader (section 7.8)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from acs_sidecar.engines.adapters.agt_rules.documents.findings import Findings
from acs_sidecar.engines.adapters.agt_rules.documents.members import DOCUMENT_A, DOCUMENT_B, RULE_A, RULE_B
from acs_sidecar.engines.adapters.agt_rules.documents.reader import read_documents
from acs_sidecar.engines.adapters.agt_rules.documents.schema import document_schema
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.values import Json
from tests.command import run
from tests.conftest import ROOT
from tests.engines.adapters.agt_rules.policies import VERSION, written
from tests.engines.adapters.agt_rules.vectors import DECIDED, REFUSED
from tests.engines.sources import MemorySources

CHECKED_IN = ROOT / "openapi" / "agt-rules.schema.json"
VALIDATOR = Draft202012Validator(document_schema())
RULE: dict[str, Json] = {"name": "r", "condition": "tool == 'x'"}
BY_FIELD: dict[str, Json] = {"name": "r", "condition": {"field": "tool", "operator": "eq", "value": "x"}}
VALUES: list[Json] = [
    None,
    True,
    0,
    1.5,
    "",
    "tool == 'x'",
    "deny",
    "allow",
    "2/hour",
    "pre_tool",
    VERSION,
    [],
    ["a"],
    [None],
    {},
    {"field": "tool", "operator": "in", "value": ["x"]},
    {"type": "time_window", "start_time": "09:00", "end_time": "17:00"},
    {"action": "deny", "max_tokens": 1},
]


def _fits(document: Json) -> bool:
    fits: bool = VALIDATOR.is_valid(document)
    return fits


def _is_read(document: Json) -> bool:
    findings = Findings()
    try:
        read_documents("p", {"document": document}, MemorySources({}), findings, {})
    except ManifestError:
        return False
    return not findings.errors


@pytest.mark.server
def test_the_schema_is_a_schema_and_checked_in(tmp_path: Path) -> None:
    """What is checked in is what the command prints; `make schema` renews it."""
    Draft202012Validator.check_schema(document_schema())
    assert run(tmp_path, "schema", "--kind", "agt-rules").stdout == CHECKED_IN.read_text()
    assert json.loads(CHECKED_IN.read_text()) == document_schema()


def test_the_documents_of_the_vectors_fit() -> None:
    """Every document of section 7.11 fits that is not refused for an empty condition or list."""
    unfit = [vector.name for vector in (*DECIDED, *REFUSED) if not all(map(_fits, vector.documents))]
    assert unfit == ["empty"]


@pytest.mark.parametrize(
    "document",
    [
        written("d", [{**RULE, "colour": 1}]),
        written("d", [{"name": "r"}]),
        written("d", [{**RULE, "action": "block"}]),
        written("d", [{**RULE, "enabled": "no"}]),
        written("d", [{**RULE, "limit": "2/week"}]),
        written("d", [{**RULE, "stage": "lunch"}]),
        written("d", [{**RULE, "condition": []}]),
        written("d", [], default_action="warn"),
        written("d", [], defaults={}),
        {"apiVersion": "2.0", "name": "d", "rules": []},
        {"name": "d", "defaults": {"action": "warn"}, "rules": []},
        {"name": "d", "defaults": {}, "rules": [], "inherit": False},
        {"name": "d", "rules": [{**BY_FIELD, "stage": "pre_tool"}]},
        {"name": "d", "rules": [{**RULE, "condition": {"field": "x", "operator": "in", "value": "a"}}]},
        {"name": "d", "rules": [{**RULE, "condition": {"field": "x", "operator": "near", "value": "a"}}]},
        {"rules": []},
        {"name": "d"},
    ],
)
def test_a_slip_of_shape_does_not_fit(document: dict[str, Json]) -> None:
    """An editor marks what the reader refuses."""
    assert not _fits(document)
    assert not _is_read(document)


@given(st.data())
def test_what_is_read_fits(data: st.DataObject) -> None:
    """A document with members of any value fits wherever it is read."""
    by_field = data.draw(st.booleans())
    rule: dict[str, Any] = dict(BY_FIELD if by_field else RULE)
    document: dict[str, Any] = {"name": "d", "rules": [rule]}
    if not by_field and data.draw(st.booleans()):
        document["apiVersion"] = VERSION
    tables = [(document, [*DOCUMENT_A, *DOCUMENT_B, "other"]), (rule, [*RULE_A, *RULE_B, "other"])]
    for _ in range(data.draw(st.integers(0, 2))):
        changed, names = data.draw(st.sampled_from(tables))
        changed[data.draw(st.sampled_from(names))] = data.draw(st.sampled_from(VALUES))
    if _is_read(document):
        event("read")
        assert _fits(document), list(VALIDATOR.iter_errors(document))
