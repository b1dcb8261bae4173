"""A manifest whose policy answers what the snapshot says, for tests of what is told of verdicts."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Service

__all__ = ["ask", "manifest", "with_annotator"]

MANIFEST: dict[str, Any] = {
    "agent_control_specification_version": "0.3.1-beta",
    "policies": {
        "echo": {"type": "rego", "modules": {"m": "package p\nimport rego.v1\nv := input.snapshot.v"}}
    },
    "tools": {"hammer": {}},
    "intervention_points": {
        "input": {"policy_target": "$", "policy": {"id": "echo", "query": "data.p.v"}},
        "pre_tool_call": {
            "policy_target": "$.args",
            "tool_name_from": "$.tool",
            "policy": {"id": "echo", "query": "data.p.v"},
        },
    },
}


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    """The path of a manifest whose policy answers what the snapshot says."""
    file = tmp_path / "echo.json"
    file.write_text(json.dumps(MANIFEST))
    return str(file)


def ask(service: Service, output: Any, **members: Any) -> Any:
    """One evaluation whose policy answers `output`."""
    status, body = service.post("/v1/evaluate/input", {"snapshot": {"v": output, "text": "y"}, **members})
    assert status == 200
    return body


def with_annotator(folder: Path, annotator: dict[str, Any]) -> str:
    """The path of the echoing manifest with one annotator `a` at `input`."""
    point = {**MANIFEST["intervention_points"]["input"], "annotations": {"a": {"from": "$policy_target"}}}
    file = folder / "annotated.json"
    annotated = {**MANIFEST, "annotators": {"a": annotator}, "intervention_points": {"input": point}}
    file.write_text(json.dumps(annotated))
    return str(file)
