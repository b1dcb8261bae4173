"""The JSON Schema of the manifest, for editors, made of the tables that the readers allow members by.

It is never stricter than the readers, but for what they do not look at: the members of a policy that
nothing binds. What needs more than one place (does a name exist? does a policy parse?) is theirs alone.
"""

from collections.abc import Mapping
from typing import Any

from acs_sidecar.annotators.classifier import remote as classifier_remote
from acs_sidecar.annotators.llm import type as llm
from acs_sidecar.detectors.registry import DETECTORS
from acs_sidecar.engines import fixed_members as test_double_members
from acs_sidecar.engines.cedar import members as cedar_members
from acs_sidecar.engines.rego import members as rego_members
from acs_sidecar.spec.manifest.members import (
    ANNOTATION_MEMBERS,
    ANNOTATOR_MEMBERS,
    APPROVAL_MEMBERS,
    FIXED_MEMBERS,
    LIMIT_MEMBERS,
    MANIFEST_MEMBERS,
    POINT_MEMBERS,
    POLICY_TYPES,
    TOOL_MEMBERS,
    MemberTable,
)
from acs_sidecar.spec.points import TOOL_POINTS, InterventionPoint

__all__ = ["manifest_schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_POLICY_MEMBERS: Mapping[str, MemberTable] = {
    "rego": rego_members.MEMBERS,
    "cedar": cedar_members.MEMBERS,
    "test": test_double_members.MEMBERS,
}
_ORIGINS = {"rego": rego_members.ORIGINS, "cedar": cedar_members.ORIGINS}
_POINTS = {
    InterventionPoint.AGENT_STARTUP: "Before the agent begins: its tools, its configuration.",
    InterventionPoint.INPUT: "What a user or another agent says.",
    InterventionPoint.PRE_MODEL_CALL: "What goes to the model.",
    InterventionPoint.POST_MODEL_CALL: "What comes from the model.",
    InterventionPoint.PRE_TOOL_CALL: "A tool call with its arguments, before it is made.",
    InterventionPoint.POST_TOOL_CALL: "What a tool gave back.",
    InterventionPoint.OUTPUT: "What leaves the agent.",
    InterventionPoint.AGENT_SHUTDOWN: "After the agent has ended.",
}

Schema = dict[str, Any]


def manifest_schema() -> Schema:
    """Return the schema (draft 2020-12). `#/$defs/part` is that of a manifest that others extend."""
    return {
        "$schema": _DIALECT,
        "title": "Manifest of the Agent Control Specification",
        "description": "Which policies decide at which intervention points of an agent, and about what.",
        "$ref": "#/$defs/part",
        "if": {"not": {"required": ["extends"]}},
        "then": {"$ref": "#/$defs/whole"},
        "$defs": {
            "part": _part(),
            "whole": _whole(),
            "policy": _policy(),
            "point": _point(tool=False),
            "tool_point": _point(tool=True),
            "binding": _binding(),
            "annotation": _annotation(),
            "annotator": _annotator(),
            "tool": {"type": "object", "properties": dict(TOOL_MEMBERS)},
        },
    }


def _part() -> Schema:
    """Return the shape of everything that may be in a manifest, whatever may be missing."""
    entries = {"policies": "policy", "tools": "tool", "annotators": "annotator"}
    within: dict[str, Schema] = {
        **{name: {"additionalProperties": _ref(entry)} for name, entry in entries.items()},
        "intervention_points": _closed(
            {
                point.value: {
                    "description": text,
                    **_ref("tool_point" if point in TOOL_POINTS else "point"),
                }
                for point, text in _POINTS.items()
            }
        ),
        "approval": _closed(APPROVAL_MEMBERS),
        "limits": _closed(LIMIT_MEMBERS),
    }
    members = {name: {**shape, **within.get(name, {})} for name, shape in MANIFEST_MEMBERS.items()}
    return {"type": "object", **_closed(members)}


def _whole() -> Schema:
    """Return the shape of a complete manifest, after everything that it extends is merged into it."""
    annotation = {"required": ["from"]}
    return {
        "required": ["agent_control_specification_version", "policies", "intervention_points"],
        "properties": {
            "policies": {"minProperties": 1},
            "intervention_points": {
                "minProperties": 1,
                "additionalProperties": {
                    "required": ["policy_target", "policy"],
                    "properties": {"annotations": {"additionalProperties": annotation}},
                },
            },
        },
    }


def _policy() -> Schema:
    """Return the shape of a definition, by its type; what an adapter takes is its own affair."""
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"description": "What evaluates the policy.", "enum": list(POLICY_TYPES)}},
        "allOf": [
            {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": _definition(name)}
            for name in POLICY_TYPES
        ],
    }


def _definition(kind: str) -> Schema:
    if kind not in _POLICY_MEMBERS:
        adapter = {"description": "The evaluator's name.", "type": "string", "pattern": r"\S"}
        return {"required": ["adapter"], "properties": {"adapter": adapter}}
    required = [{"required": [name]} for name in _ORIGINS.get(kind, ())]
    return {**_closed(_POLICY_MEMBERS[kind]), **({"anyOf": required} if required else {})}


def _point(*, tool: bool) -> Schema:
    members = {
        **POINT_MEMBERS,
        "policy": {**POINT_MEMBERS["policy"], **_ref("binding")},
        "annotations": {**POINT_MEMBERS["annotations"], "additionalProperties": _ref("annotation")},
    }
    if not tool:
        del members["tool_name_from"]
    return {"type": "object", **_closed(members)}


def _binding() -> Schema:
    """Return the shape of a binding: what may overlay a definition depends on the policy's type."""
    named = {"description": "The name of a policy.", "type": "string", "pattern": r"\S"}
    tables = {**cedar_members.QUERY_MEMBERS, "query": rego_members.MEMBERS["query"]}
    overlaid = {name: {"description": shape["description"]} for name, shape in tables.items()}
    refused = dict.fromkeys(sorted(FIXED_MEMBERS), False)
    return {
        "type": "object",
        "required": ["id"],
        "properties": {"id": named, **overlaid, **refused},
    }


def _annotation() -> Schema:
    return {
        "type": "object",
        "properties": {**ANNOTATION_MEMBERS, "annotator": False, "type": False},
    }


def _annotator() -> Schema:
    """Return the shape of a declaration; its other members are those of its type and provider."""
    classifiers = ", ".join(f"`{name}`" for name in sorted({*DETECTORS, *classifier_remote.PROVIDERS}))
    models = ", ".join(f"`{name}`" for name in sorted(llm.PROVIDERS))
    provider = {"description": f"Of a classifier: {classifiers}. Of an llm: {models}."}
    return {
        "type": "object",
        "required": ["type"],
        "properties": {**ANNOTATOR_MEMBERS, "provider": provider},
    }


def _closed(members: Mapping[str, Any]) -> Schema:
    return {"properties": dict(members), "additionalProperties": False}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
