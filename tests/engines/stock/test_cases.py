"""Cases of each section, the known bypasses among them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from acs_sidecar.engines.stock.sections import SECTIONS
from acs_sidecar.spec.reasons import EvaluationError
from tests.engines.stock.manifests import manifest, snapshot
from tests.manifests.one_decision import compiled, evaluated

CASES: dict[str, Any] = yaml.load(Path(__file__).with_name("cases.yaml").read_text(), Loader=yaml.CSafeLoader)
_BLOCKS = [(name, block) for name, blocks in CASES.items() for block in blocks]


def _given(put: str, point: str, given: Any) -> tuple[Any, Any]:
    """The entry of the tool, and the snapshot."""
    match put:
        case "counters":
            return {}, snapshot(point, envelope={"agent": {"id": "a"}, "budgets": given})
        case "labels":
            labels = {"source_labels": given, "result_labels": given}
            return {}, snapshot(
                point, input={"text": "x", "ifc": labels}, response={"content": "x", "ifc": labels}
            )
        case "confidence" | "drift_score":
            return {}, snapshot(point, annotations={put: given})
        case "annotation":
            return {}, snapshot(point, annotations={"approval": given})
        case "hashes":
            call = {"name": "t", "args": {}, **({"content_hash": given[1]} if given[1] is not None else {})}
            return {"content_hash": given[0]} if given[0] is not None else {}, snapshot(point, tool_call=call)
        case "result":
            return {}, snapshot(point, given[1], tool_call={"name": "t", "args": given[0]})
        case "found":
            return {}, snapshot(point, envelope={"agent": {"id": "a"}, "found": given})
        case "origin":
            return {"mcp_origin": given} if given is not None else {}, snapshot(point)
        case _:
            return {}, snapshot(point, given)


def _manifest(block: Any, kind: str, tool: Any) -> Any:
    """One whose entity of the tool has attributes, or whose host brings what `stock_redact` found."""
    more: dict[str, Any] = {}
    if "entity" in block:
        more["entities"] = [{"uid": {"type": "Tool", "id": "t"}, "attrs": block["entity"], "parents": []}]
    points = {*block.get("bound", ()), block["point"]}
    given = manifest(block["config"], *points, kind=kind, tool=tool, **more)
    if block["put"] == "found":
        given["annotators"]["stock_redact"] = {"type": "classifier", "provider": "host"}
        given["intervention_points"][block["point"]]["annotations"]["stock_redact"] = {
            "from": "$snap.envelope.found"
        }
    return given


def differences(block: Any, kind: str = "rego") -> Iterator[str]:
    """Yield what the cases of a block do otherwise than they are listed."""
    loaded: dict[str, Any] = {}
    if "entity" in block and kind != "cedar":
        return
    for row in block["rows"]:
        tool, given = _given(block["put"], block["point"], row[0])
        key = json.dumps(tool)
        if key not in loaded:
            loaded[key] = compiled(_manifest(block, kind, tool))
        decision, reason, labels, value = (*row[1:], None, None, None)[:4]
        try:
            found = evaluated(loaded[key], block["point"], given)
            said: Any = (found.verdict.decision.value, found.verdict.reason, [*found.verdict.result_labels])
            transformed, evidence = found.transformed_target, found.verdict.evidence
        except EvaluationError as error:
            said, transformed, evidence = ("deny", error.reason.value, []), None, None
        approvers = block["config"].get("approval", {}).get("approvers") if decision == "escalate" else None
        told = {"approvers": approvers} if approvers else None
        if said != (decision, reason, labels or []) or transformed != value or evidence != told:
            yield f"{row[0]!r}: {said}, {transformed!r}"


@pytest.mark.parametrize("kind", ["rego", "cedar"])
@pytest.mark.parametrize(("name", "block"), _BLOCKS)
def test_a_case_is_decided_as_listed(name: str, block: Any, kind: str) -> None:
    """By decision, reason, labels and transformed value, in both languages."""
    assert [*differences(block, kind)] == []


def test_each_section_has_twenty_cases() -> None:
    """And every section has some."""
    assert CASES.keys() == SECTIONS.keys()
    for name, blocks in CASES.items():
        assert sum(len(block["rows"]) for block in blocks) >= 20, name
