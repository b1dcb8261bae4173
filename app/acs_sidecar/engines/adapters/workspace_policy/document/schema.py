"""The JSON Schema of documents, for editors, made of the table that the reader uses (section 10.1)."""

from typing import Any, assert_never

from acs_sidecar.engines.adapters.workspace_policy.document.members import (
    DOCUMENT,
    MAX_ENTRIES,
    NAME,
    REQUIRED,
    SCHEME,
    DocumentMember,
    PolicyStatus,
    Section,
    Shape,
    TextShape,
)

__all__ = ["policy_schema"]


def policy_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12), never stricter than the reader."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Workspace policy",
        **_shape(DOCUMENT),
        "required": list(REQUIRED),
    }


def _shape(member: DocumentMember) -> dict[str, Any]:
    match member:
        case Section():
            return {
                "type": "object",
                "additionalProperties": False,
                "properties": {name: _shape(each) for name, each in member.members.items()},
            }
        case TextShape():
            return {"type": "string", "pattern": member.pattern}
        case Shape.STATUS:
            return {"enum": [status.value for status in PolicyStatus]}
        case Shape.SCHEME:
            return {"const": SCHEME}
        case Shape.FLAG:
            return {"type": "boolean"}
        case Shape.NAMES:
            return _names()
        case Shape.APPROVAL:
            return {"oneOf": [{"type": "boolean"}, _names()]}
        case _:
            assert_never(member)


def _names() -> dict[str, Any]:
    items = {"type": "string", "pattern": NAME.pattern}
    return {"type": "array", "uniqueItems": True, "maxItems": MAX_ENTRIES, "items": items}
