"""The JSON Schema of the manifest, for editors, made of the tables that declare its members.

It is never stricter than the readers, but for what they do not look at: the members of a policy that
nothing binds, and those that a binding overlays. What needs more than one place (does a name exist? does a
policy parse?) is theirs alone.
"""

from collections.abc import Mapping
from typing import Any

from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.dialects.versions import DIALECTS, VERSION, version_pattern
from acs_sidecar.spec.manifest.declaration import MemberTable
from acs_sidecar.spec.manifest.member_catalog import MemberCatalog
from acs_sidecar.spec.manifest.members import (
    ANNOTATION_MEMBERS,
    ANNOTATOR_MEMBERS,
    APPROVAL_MEMBERS,
    BINDING_MEMBERS,
    CUSTOM_MEMBERS,
    LIMIT_MEMBERS,
    MANIFEST_MEMBERS,
    POINT_MEMBERS,
    POINT_TEXTS,
    RESOLVER_MEMBERS,
    TOOL_MEMBERS,
    PolicyKind,
)
from acs_sidecar.spec.path import ALL_ROOTS, path_pattern
from acs_sidecar.spec.points import TOOL_POINTS

__all__ = ["manifest_schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def manifest_schema(catalog: MemberCatalog) -> Schema:
    """Return the schema (draft 2020-12). `#/$defs/part` is that of a manifest that others extend."""
    return {
        "$schema": _DIALECT,
        "title": "Manifest of the Agent Control Specification",
        "description": "Which policies decide at which intervention points of an agent, and about what.",
        "$ref": "#/$defs/part",
        "if": {"not": {"required": ["extends"]}},
        "then": {"$ref": "#/$defs/whole"},
        "allOf": [_of_dialect(dialect) for dialect in DIALECTS],
        "$defs": {
            "part": _part(),
            "whole": _whole(),
            "policy": _policy(catalog),
            "point": _point(tool=False),
            "tool_point": _point(tool=True),
            "binding": _binding(catalog),
            "annotation": _annotation(),
            "annotator": _annotator(catalog),
            "resolver": _resolver(catalog),
            "tool": {"type": "object", "properties": _schemas(TOOL_MEMBERS)},
        },
    }


def _part() -> Schema:
    """Return the shape of everything that may be in a manifest, whatever may be missing."""
    entries = {"policies": "policy", "tools": "tool", "annotators": "annotator"}
    points = {
        point.value: {"description": text, **_ref("tool_point" if point in TOOL_POINTS else "point")}
        for point, text in POINT_TEXTS.items()
    }
    approval = _schemas(APPROVAL_MEMBERS)
    approval["resolvers"]["additionalProperties"] = _ref("resolver")
    within: dict[str, Schema] = {
        **{name: {"additionalProperties": _ref(entry)} for name, entry in entries.items()},
        "intervention_points": _closed(points),
        "approval": _closed(approval),
        "limits": _closed(_schemas(LIMIT_MEMBERS)),
    }
    members = {name: {**shape, **within.get(name, {})} for name, shape in _schemas(MANIFEST_MEMBERS).items()}
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


def _of_dialect(dialect: Dialect) -> Schema:
    """Return what holds where the version is one of a dialect: whatever differs between them."""
    binding: Schema = {"from": {"pattern": path_pattern(ALL_ROOTS, (dialect.paths,))}}
    members: dict[str, Schema] = {}
    kind, missing = (PolicyKind.CEDAR, "query") if dialect.agent_contexts else (PolicyKind.TEST, "verdict")
    members["policies"] = {"additionalProperties": _when({"type": kind}, _has({missing: False}))}
    if not dialect.agent_contexts:
        members["metadata"] = {"type": "object"}
    if dialect.needs:
        binding["needs"] = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
        members["annotators"] = _each({"needs": False})
    members["intervention_points"] = _each({"annotations": _each(binding)})
    version = {"type": "string", "pattern": version_pattern(dialect)}
    return {"if": {**_has({VERSION: version}), "required": [VERSION]}, "then": _has(members)}


def _policy(catalog: MemberCatalog) -> Schema:
    """Return the shape of a definition, by its type, and by its adapter where it has one."""
    kinds = [
        _when({"type": kind}, {**_closed(_schemas(table)), **_one_of(catalog.origins.get(kind, ()))})
        for kind, table in catalog.policies.items()
    ]
    adapters = [
        _when(
            {"type": PolicyKind.CUSTOM, "adapter": name},
            _closed(_schemas(catalog.policy({"type": PolicyKind.CUSTOM, "adapter": name}))),
        )
        for name in sorted(catalog.adapters)
    ]
    custom = {"required": ["adapter"], "properties": {"adapter": CUSTOM_MEMBERS["adapter"].schema}}
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"description": "What evaluates the policy.", "enum": list(PolicyKind)}},
        "allOf": [*kinds, _when({"type": PolicyKind.CUSTOM}, custom), *adapters],
    }


def _point(*, tool: bool) -> Schema:
    members = _schemas(POINT_MEMBERS)
    members["policy"].update(_ref("binding"))
    members["annotations"]["additionalProperties"] = _ref("annotation")
    if not tool:
        del members["tool_name_from"]
    return {"type": "object", **_closed(members)}


def _binding(catalog: MemberCatalog) -> Schema:
    """Return the shape of a binding: what may overlay a definition depends on the policy's type."""
    overlaid = {
        name: {"description": member.text}
        for table in reversed([*catalog.bindings.values()])
        for name, member in table.items()
    }
    tables = (*catalog.policies.values(), CUSTOM_MEMBERS, *catalog.adapters.values())
    fixed = {name for table in tables for name in table if table[name].fixed}
    free = {name for table in tables for name in table if not table[name].fixed}
    return {
        "type": "object",
        "required": ["id"],
        "properties": {**_schemas(BINDING_MEMBERS), **overlaid, **dict.fromkeys(sorted(fixed - free), False)},
    }


def _annotation() -> Schema:
    return {
        "type": "object",
        "properties": {**_schemas(ANNOTATION_MEMBERS), "annotator": False, "type": False},
    }


def _annotator(catalog: MemberCatalog) -> Schema:
    """Return the shape of a declaration, by its type and provider; other members are not looked at."""
    by_type = [
        _when({"type": kind}, {"properties": _schemas(table)}) for kind, table in catalog.annotators.items()
    ]
    by_provider = [
        _when({"type": kind, "provider": name}, {"properties": _schemas(table)})
        for kind, providers in catalog.providers.items()
        for name, table in providers.items()
    ]
    listed = "; ".join(
        f"of `{kind}`: " + ", ".join(f"`{name}`" for name in sorted(providers))
        for kind, providers in catalog.providers.items()
    )
    return {
        "type": "object",
        "required": ["type"],
        "properties": {
            **_schemas(ANNOTATOR_MEMBERS),
            "provider": {"description": f"The provider, {listed}."},
        },
        "allOf": [*by_type, *by_provider],
    }


def _resolver(catalog: MemberCatalog) -> Schema:
    """Return the shape of a resolver. It may be meant for the host: members are explained, not checked."""
    explained = [
        _when(
            {"type": kind},
            {"properties": {name: {"description": member.text} for name, member in table.items()}},
        )
        for kind, table in catalog.resolvers.items()
        if table
    ]
    return {
        "type": "object",
        "required": ["type"],
        "properties": _schemas(RESOLVER_MEMBERS),
        "allOf": explained,
    }


def _when(constants: Mapping[str, str], then: Schema) -> Schema:
    """Return a schema that holds objects with these members to `then`."""
    condition = {
        "properties": {name: {"const": value} for name, value in constants.items()},
        "required": [*constants],
    }
    return {"if": condition, "then": then}


def _has(members: Mapping[str, Any]) -> Schema:
    return {"properties": dict(members)}


def _each(members: Mapping[str, Any]) -> Schema:
    """Return a schema of objects whose members, by whatever name, have these."""
    return {"additionalProperties": _has(members)}


def _schemas(table: MemberTable) -> dict[str, Schema]:
    return {name: member.schema for name, member in table.items()}


def _closed(members: Mapping[str, Any]) -> Schema:
    return {"properties": dict(members), "additionalProperties": False}


def _one_of(names: tuple[str, ...]) -> Schema:
    return {"anyOf": [{"required": [name]} for name in names]} if names else {}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
