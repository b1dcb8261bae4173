"""The members of a `cedar` policy, each with its shape as JSON Schema (section 1.7)."""

from acs_sidecar.spec.manifest.members import MemberTable
from acs_sidecar.spec.values import JsonObject

__all__ = ["MEMBERS", "ORIGINS", "QUERY_MEMBERS"]

_ENTITY: JsonObject = {"type": ["string", "object"]}

QUERY_MEMBERS: MemberTable = {
    "principal": {"description": 'Who asks, by default `Agent::"<envelope.agent.id>"`.', **_ENTITY},
    "action": {"description": 'What is asked for, by default `Action::"<intervention point>"`.', **_ENTITY},
    "resource": {"description": 'By default `Tool::"<name>"`, or `PolicyTarget::"<kind>"`.', **_ENTITY},
    "context": {
        "description": "An object with paths in it, or the path of one. By default the snapshot.",
        **_ENTITY,
    },
    "decimals": {
        "description": "Places whose integers become `decimal`: `context.order.total`.",
        "type": "array",
        "items": {"type": "string"},
    },
}

MEMBERS: MemberTable = {
    "type": {"const": "cedar"},
    "policy_set": {"description": "Cedar policies as text.", "type": "string"},
    "policy_path": {
        "description": "A file of Cedar policies, or a directory of `.cedar` files. Relative to the manifest.",
        "type": "string",
    },
    "entities": {"description": "Entities in Cedar's JSON form.", "type": "array"},
    "entities_path": {"description": "A JSON file of entities.", "type": "string", "pattern": r"\S"},
    "schema": {
        "description": "The schema, as Cedar text or in its JSON form.",
        "anyOf": [{"type": "string", "pattern": r"\S"}, {"type": "object"}],
    },
    "schema_path": {"description": "A file with the schema.", "type": "string", "pattern": r"\S"},
    "query": {
        "description": "The parts of the request, where the defaults do not fit.",
        "type": "object",
        "properties": {name: dict(shape) for name, shape in QUERY_MEMBERS.items()},
        "additionalProperties": False,
    },
}

ORIGINS = ("policy_set", "policy_path")
"""Where the policies come from: exactly one of these."""
