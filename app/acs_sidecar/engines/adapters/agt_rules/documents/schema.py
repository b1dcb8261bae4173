"""The JSON Schema of rule documents, for editors, made of the tables of their members (section 7.8).

It is never stricter than the readers. What takes more than a shape (does a condition parse, is a name known?)
is theirs alone.
"""

from typing import Any

from acs_sidecar.engines.adapters.agt_rules.condition.object_form import MEMBERS, OPERATORS
from acs_sidecar.engines.adapters.agt_rules.condition.parser import MAX_LIST
from acs_sidecar.engines.adapters.agt_rules.condition.tokens import MAX_CHARACTERS
from acs_sidecar.engines.adapters.agt_rules.documents.members import (
    DEFAULTS,
    DOCUMENT_A,
    DOCUMENT_B,
    DYNAMIC,
    RULE_A,
    RULE_B,
)
from acs_sidecar.spec.manifest.declaration import MemberTable

__all__ = ["document_schema"]

Schema = dict[str, Any]

_BY_FIELD = {
    "anyOf": [
        {"required": ["defaults"]},
        {
            "required": ["rules"],
            "properties": {
                "rules": {
                    "type": "array",
                    "contains": {
                        "type": "object",
                        "required": ["condition"],
                        "properties": {"condition": {"type": "object"}},
                    },
                }
            },
        },
    ]
}
"""What makes a document without `apiVersion` one of form B."""


def document_schema() -> Schema:
    """Return the schema (draft 2020-12) of a document of either form."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rule document of the Agent Governance Toolkit",
        "description": "Rules that decide what an agent may do, for the adapter `agt_rules`.",
        "type": "object",
        "if": {"anyOf": [{"required": ["apiVersion"]}, {"not": _BY_FIELD}]},
        "then": {"$ref": "#/$defs/document"},
        "else": {"$ref": "#/$defs/document_by_field"},
        "$defs": {
            "document": _document(DOCUMENT_A, "rule"),
            "document_by_field": _document(DOCUMENT_B, "rule_by_field"),
            "rule": _rule(RULE_A),
            "rule_by_field": _rule(RULE_B),
            "condition": {
                "oneOf": [{"type": "string", "minLength": 1, "maxLength": MAX_CHARACTERS}, _test()]
            },
        },
    }


def _document(table: MemberTable, rule: str) -> Schema:
    members = _schemas(table)
    members["rules"]["items"] = _ref(rule)
    if "defaults" in members:
        members["defaults"]["properties"] = _schemas(DEFAULTS)
    return {"required": ["name", "rules"], **_closed(members)}


def _rule(table: MemberTable) -> Schema:
    members = _schemas(table)
    members["condition"] = {
        "description": table["condition"].text,
        "anyOf": [_ref("condition"), {"type": "array", "minItems": 1, "items": _ref("condition")}],
    }
    members["dynamic_condition"] |= {"required": ["type"], **_closed(_schemas(DYNAMIC))}
    return {"type": "object", "required": ["name", "condition"], **_closed(members)}


def _test() -> Schema:
    """Return the shape of a condition as an object; a list is the value of `in` and `not_in` alone."""
    literal = {"type": ["string", "number", "boolean"]}
    listed = {"type": "array", "minItems": 1, "maxItems": MAX_LIST, "items": literal}
    operator: Schema = {"description": "How the field is compared.", "enum": list(OPERATORS)}
    return {
        "type": "object",
        "required": list(MEMBERS),
        **_closed(
            {
                "field": {"description": "A path, as conditions have it.", "type": "string", "minLength": 1},
                "operator": operator,
                "value": {"description": "A literal; for `in` and `not_in` a list of them."},
            }
        ),
        "if": {"properties": {"operator": {"enum": ["in", "not_in"]}}},
        "then": {"properties": {"value": listed}},
        "else": {"properties": {"value": literal}},
    }


def _schemas(table: MemberTable) -> dict[str, Schema]:
    return {name: dict(member.schema) for name, member in table.items()}


def _closed(members: dict[str, Any]) -> Schema:
    return {"properties": members, "additionalProperties": False}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
