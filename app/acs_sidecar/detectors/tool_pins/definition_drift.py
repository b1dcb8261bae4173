"""How a tool's definition differs from the one that was pinned: kinds of change, and how grave each is."""

from collections.abc import Iterator, Mapping
from typing import TypeGuard

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["CRITICAL", "KINDS", "WARNING", "drift_kinds", "tool_changes"]

CRITICAL = (
    "annotations_changed",
    "description_changed",
    "instructions_changed",
    "nested_changed",
    "parameter_added",
    "required_changed",
    "tool_added",
    "type_changed",
)
"""What the model obeys, what it must now give, and what nobody has looked at."""

WARNING = (
    "member_changed",
    "optional_parameter_added",
    "output_schema_changed",
    "parameter_removed",
    "title_changed",
    "tool_removed",
)
KINDS = (*CRITICAL, *WARNING)
_OF_MEMBERS = {
    "annotations": "annotations_changed",
    "description": "description_changed",
    "instructions": "instructions_changed",
    "outputSchema": "output_schema_changed",
    "title": "title_changed",
}
_INPUT = ("inputSchema", "input_schema", "parameters")


def tool_changes(old: Mapping[str, JsonObject], new: Mapping[str, JsonObject]) -> Iterator[tuple[str, str]]:
    """Yield name and kind of each change between the definitions of one server, by name."""
    for name in sorted({*old, *new}):
        if name not in new:
            yield name, "tool_removed"
        elif name not in old:
            yield name, "tool_added"
        else:
            for kind in drift_kinds(old[name], new[name]):
                yield name, kind


def drift_kinds(old: JsonObject, new: JsonObject) -> list[str]:
    """Return the kinds of change from one definition to another, sorted; none for another order of members."""
    kinds: set[str] = set()
    for member in _changed(old, new):
        if member in _INPUT:
            kinds.update([*_schema_kinds(old.get(member), new.get(member))] or ["member_changed"])
        else:
            kinds.add(_OF_MEMBERS.get(member, "member_changed"))
    return sorted(kinds)


def _schema_kinds(old: Json, new: Json) -> Iterator[str]:
    """Yield the kinds of change of an input schema that differs; none where it still asks for the same."""
    if not _is_usual(old) or not _is_usual(new):
        yield "nested_changed"
        return
    before, after = _properties(old), _properties(new)
    required_before, required_after = _required(old), _required(new)
    for name in sorted({*before, *after}):
        if name not in after:
            yield "parameter_removed"
        elif name not in before:
            yield "parameter_added" if name in required_after else "optional_parameter_added"
        elif canonical(before[name]) != canonical(after[name]):
            yield from _parameter_kinds(before[name], after[name])
    newly_asked = (required_after - required_before) - after.keys()
    if newly_asked or any((name in before) == (name in after) for name in required_before ^ required_after):
        yield "required_changed"
    if _changed(old, new) - {"properties", "required"}:
        yield "nested_changed"


def _parameter_kinds(old: Json, new: Json) -> Iterator[str]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        yield "nested_changed"
        return
    changed = _changed(old, new)
    if "type" in changed:
        yield "type_changed"
    if "description" in changed:
        yield "description_changed"
    if changed - {"type", "description"}:
        yield "nested_changed"


def _is_usual(schema: Json) -> TypeGuard[JsonObject]:
    """True if what a schema asks for can be read: an object of parameters, and a list of names."""
    if not isinstance(schema, dict):
        return False
    required = schema.get("required", [])
    return (
        isinstance(schema.get("properties", {}), dict)
        and isinstance(required, list)
        and all(isinstance(name, str) for name in required)
    )


def _properties(schema: JsonObject) -> dict[str, Json]:
    found = schema.get("properties")
    return dict(found) if isinstance(found, dict) else {}


def _required(schema: JsonObject) -> frozenset[str]:
    found = schema.get("required")
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()


def _changed(old: JsonObject, new: JsonObject) -> set[str]:
    """Return the members that only one of two objects has, or that differ."""
    return {
        member
        for member in {*old, *new}
        if (member in old) != (member in new) or canonical(old.get(member)) != canonical(new.get(member))
    }
