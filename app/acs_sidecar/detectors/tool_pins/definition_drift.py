"""How a tool's definition differs from the one that was pinned: kinds of change, and how grave each is."""

from collections.abc import Iterator, Mapping

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
    for member in {*old, *new}:
        if _same(old.get(member), new.get(member), given=member in old, gives=member in new):
            continue
        if member in _INPUT:
            kinds.update(_schema_kinds(old.get(member), new.get(member)))
        else:
            kinds.add(_OF_MEMBERS.get(member, "member_changed"))
    return sorted(kinds)


def _schema_kinds(old: Json, new: Json) -> Iterator[str]:
    """Yield the kinds of change of an input schema that differs."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        yield "nested_changed"
        return
    before, after = _properties(old), _properties(new)
    required_before, required_after = _required(old), _required(new)
    for name in sorted({*before, *after}):
        if name not in after:
            yield "parameter_removed"
        elif name not in before:
            yield "parameter_added" if name in required_after else "optional_parameter_added"
        elif not _same(before[name], after[name]):
            yield from _parameter_kinds(before[name], after[name])
    if {name for name in before if name in after and (name in required_before) != (name in required_after)}:
        yield "required_changed"
    if (required_after - required_before) - after.keys():
        yield "required_changed"
    if any(
        not _same(old.get(member), new.get(member)) for member in {*old, *new} - {"properties", "required"}
    ):
        yield "nested_changed"


def _parameter_kinds(old: Json, new: Json) -> Iterator[str]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        yield "nested_changed"
        return
    if not _same(old.get("type"), new.get("type")):
        yield "type_changed"
    if not _same(old.get("description"), new.get("description")):
        yield "description_changed"
    if any(not _same(old.get(member), new.get(member)) for member in {*old, *new} - {"type", "description"}):
        yield "nested_changed"


def _properties(schema: JsonObject) -> dict[str, Json]:
    found = schema.get("properties")
    return dict(found) if isinstance(found, dict) else {}


def _required(schema: JsonObject) -> frozenset[str]:
    found = schema.get("required")
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()


def _same(old: Json, new: Json, *, given: bool = True, gives: bool = True) -> bool:
    return given == gives and canonical(old) == canonical(new)
