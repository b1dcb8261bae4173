"""The JSON Schema of documents, for editors, made of the table that the reader uses (section 9.2)."""

from typing import Any, assert_never

from acs_sidecar.engines.adapters.oags.document.reader import MAX_ENTRIES, MAX_ENTRY
from acs_sidecar.engines.adapters.oags.document.vocabulary_members import (
    CLOSED_SECTIONS,
    MEMBERS,
    MemberKind,
    MemberPath,
    children,
)

__all__ = ["sekuire_schema"]

_HEX_DIGITS = "[0-9a-f]{64}"
_IDENTITY = "identity"


def sekuire_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12), never stricter than the reader."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sekuire.yml of the Open Agent Governance Specification",
        "description": "What an agent may do, in any of three vocabularies.",
        "type": "object",
        "properties": {name: _shape((name,)) for name in children(())},
    }


def _shape(path: MemberPath) -> dict[str, Any]:
    if member := MEMBERS.get(path):
        return {"description": member.text, **_value(member.kind)}
    closed = path[0] in CLOSED_SECTIONS
    shape: dict[str, Any] = {"type": "object"} if closed or path[0] == _IDENTITY else {}
    shape["properties"] = {name: _shape((*path, name)) for name in children(path)}
    return {**shape, "additionalProperties": False} if closed else shape


def _value(kind: MemberKind) -> dict[str, Any]:
    match kind:
        case MemberKind.FLAG:
            return {"type": "boolean"}
        case MemberKind.LIMIT:
            return {"type": "integer", "minimum": 1}
        case MemberKind.HOSTS | MemberKind.PATHS | MemberKind.NAMES | MemberKind.EXTENSIONS:
            entry = {"type": "string", "maxLength": MAX_ENTRY}
            return {"type": "array", "maxItems": MAX_ENTRIES, "items": entry}
        case MemberKind.TEXT:
            return {"type": "string", "minLength": 1}
        case MemberKind.DIGEST:
            return {"type": "string", "pattern": f"^{_HEX_DIGITS}$"}
        case MemberKind.ID:
            return {"type": "string", "pattern": f"^(?:sekuire://blake3:)?{_HEX_DIGITS}$"}
        case _:
            assert_never(kind)
