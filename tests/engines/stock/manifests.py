"""Manifests with the stock library, and snapshots for them."""

from typing import Any

from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["TARGETS", "manifest", "snapshot"]

TARGETS = {
    "input": "$snap.input.text",
    "pre_tool_call": "$snap.tool_call.args",
    "post_tool_call": "$snap.tool_result.value",
    "output": "$snap.response.content",
}
"""What is decided about at a point."""

_ANNOTATED = {"confidence": "confidence", "drift": "drift_score"}


def manifest(
    config: JsonObject, *points: str, kind: str = "rego", tool: Json = None, **members: Any
) -> dict[str, Any]:
    """A manifest with the library alone at some points, its annotations bound, and one tool `t`."""
    annotations = [name for section, name in _ANNOTATED.items() if section in config]
    bound: dict[str, Any] = {}
    for point in points:
        bound[point] = {
            "policy_target": TARGETS.get(point, "$snap.value"),
            "policy_target_kind": "target",
            "policy": {"id": "house"},
            "annotations": {name: {"from": f"$snap.annotations.{name}"} for name in annotations},
        }
        if "tool" in point:
            bound[point]["tool_name_from"] = "$snap.tool_call.name"
    return {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"house": {"type": kind, "library": "stock-1", "config": dict(config), **members}},
        "annotators": {name: {"type": "classifier", "provider": "host"} for name in annotations},
        "tools": {"t": tool or {}},
        "intervention_points": bound,
    }


def snapshot(point: str, value: Json = "x", **members: Any) -> dict[str, Any]:
    """A snapshot with a value at the target of a point; members replace those of the same name."""
    made: dict[str, Any] = {
        "envelope": {"agent": {"id": "a"}},
        "annotations": {"confidence": {}, "drift_score": {}},
        "input": {"text": "x"},
        "tool_call": {"name": "t", "args": {}},
        "tool_result": {"value": "x"},
        "response": {"content": "x"},
        "value": value,
    }
    match point:
        case "input":
            made["input"]["text"] = value
        case "pre_tool_call":
            made["tool_call"]["args"] = value
        case "post_tool_call":
            made["tool_result"]["value"] = value
        case "output":
            made["response"]["content"] = value
    return {**made, **members}
