"""What JSON Schemas of requests and responses are made of (section 2.1)."""

from collections.abc import Iterable
from typing import Any

__all__ = [
    "ANY_OBJECT",
    "COUNT",
    "MICROSECONDS",
    "NULLABLE_DIGEST",
    "STRINGS",
    "JsonSchema",
    "names",
    "nullable",
    "open_object",
    "reference",
    "request_object",
    "when",
]

JsonSchema = dict[str, Any]

ANY_OBJECT: JsonSchema = {"type": "object", "additionalProperties": True}
STRINGS: JsonSchema = {"type": "array", "items": {"type": "string"}}
NULLABLE_DIGEST: JsonSchema = {"type": ["string", "null"], "pattern": "^sha256:[0-9a-f]{64}$"}
COUNT: JsonSchema = {"type": "integer", "minimum": 0}
MICROSECONDS: JsonSchema = {"type": "number", "minimum": 0, "description": "microseconds"}


def reference(name: str) -> JsonSchema:
    """Return the reference to a component schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def nullable(name: str, description: str) -> JsonSchema:
    """Return a reference, or null."""
    return {"anyOf": [reference(name), {"type": "null"}], "description": description}


def open_object(description: str, required: JsonSchema, optional: JsonSchema | None = None) -> JsonSchema:
    """Return an object that may gain members in later versions."""
    return {
        "type": "object",
        "description": description,
        "required": list(required),
        "properties": required | (optional or {}),
    }


def when(member: str, value: object, required: str) -> JsonSchema:
    """Require a member exactly where another has a value."""
    return {
        "if": {"properties": {member: {"const": value}}},
        "then": {"required": [required]},
        "else": {"not": {"required": [required]}},
    }


def names(values: Iterable[str]) -> JsonSchema:
    """Return a text that is one of some."""
    return {"type": "string", "enum": [str(value) for value in values]}


def request_object(description: str, required: list[str], members: JsonSchema) -> JsonSchema:
    """Return an object of a request, which has no other members."""
    return {
        "type": "object",
        "description": description,
        "required": required,
        "properties": members,
        "additionalProperties": False,
    }
