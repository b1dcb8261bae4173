"""The members of a `cedar` policy and of its bindings (section 1.7, 1.7.1)."""

from acs_sidecar.engines.stock.members import STOCK_MEMBERS
from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.values import JsonObject

__all__ = ["BIND_MEMBERS", "MEMBERS", "ORIGINS", "QUERY_MEMBERS"]

_ENTITY: JsonObject = {"type": ["string", "object"]}
_TEXT: JsonObject = {"type": "string", "pattern": r"\S"}

_REQUEST_MEMBERS: MemberTable = {
    "principal": Member('Who asks, by default `Agent::"<envelope.agent.id>"`.', _ENTITY),
    "action": Member('What is asked for, by default `Action::"<intervention point>"`.', _ENTITY),
    "resource": Member('By default `Tool::"<name>"`, or `PolicyTarget::"<kind>"`.', _ENTITY),
    "context": Member("An object with paths in it, or the path of one. By default the snapshot.", _ENTITY),
}

QUERY_MEMBERS: MemberTable = {
    **_REQUEST_MEMBERS,
    "decimals": Member(
        "Places whose integers become `decimal`: `context.order.total`.",
        {"type": "array", "items": {"type": "string"}},
    ),
}

MEMBERS: MemberTable = {
    "type": Member("Evaluated by the Cedar engine.", {"const": "cedar"}, fixed=True),
    "policy_set": Member("Cedar policies as text.", {"type": "string"}, fixed=True),
    "policy_path": Member(
        "A file of Cedar policies, or a directory of `.cedar` files. Relative to the manifest.",
        {"type": "string"},
        file=True,
        fixed=True,
    ),
    "template_links": Member(
        "Links of templates: a list of `{template_id, new_id, values}`, or the path of a JSON file of them.",
        {"anyOf": [dict(_TEXT), {"type": "array", "items": {"type": "object"}}]},
        file=True,
    ),
    "entities": Member("Entities in Cedar's JSON form.", {"type": "array"}),
    "entities_path": Member("A JSON file of entities.", _TEXT, file=True),
    "schema": Member(
        "The schema, as Cedar text or in its JSON form.", {"anyOf": [dict(_TEXT), {"type": "object"}]}
    ),
    "schema_path": Member("A file with the schema.", _TEXT, file=True),
    "query": Member(
        "The parts of the request, where the defaults do not fit.",
        {"type": "object", "additionalProperties": False},
        members=QUERY_MEMBERS,
    ),
    **STOCK_MEMBERS,
}

BIND_MEMBERS: MemberTable = {"query": MEMBERS["query"], **_REQUEST_MEMBERS}
"""What is read when the policy is bound to a point."""

ORIGINS = ("policy_set", "policy_path")
"""Where the policies come from: exactly one of these, or none beside a `library`."""
