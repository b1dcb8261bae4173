"""Which rules may have several values at once, which ends an evaluation; those that depend on them too."""

from collections.abc import Iterable, Iterator, Mapping

from acs_sidecar.engines.rego.analysis.checks import Program
from acs_sidecar.engines.rego.analysis.facts import ModuleFacts
from acs_sidecar.engines.rego.analysis.graph import Node
from acs_sidecar.engines.rego.analysis.syntax import as_list, as_object, variant
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["conflicting_nodes"]

_CONSTANTS = frozenset({"Number", "String", "RawString", "Bool", "Null"})
_TRUE = ("Bool", True)

_Value = tuple[str, Json] | None
"""A constant, or nothing for what is none."""


def conflicting_nodes(
    modules: Iterable[tuple[JsonObject, ModuleFacts, bytes]], program: Program
) -> set[Node]:
    """Return the rules, and the folders of rules, whose evaluation may find several values at once."""
    dependants: dict[Node, list[Node]] = {}
    for node, targets in program.edges.items():
        for target in targets:
            dependants.setdefault(target, []).append(node)
    reached: set[Node] = set()
    pending: list[Node] = [("rule", path) for path in set(_sources(modules))]
    while pending:
        node = pending.pop()
        if node not in reached:
            reached.add(node)
            pending.extend(dependants.get(node, ()))
    return reached


def _sources(modules: Iterable[tuple[JsonObject, ModuleFacts, bytes]]) -> Iterator[Segments]:
    values: dict[Segments, set[_Value]] = {}
    counts: dict[Segments, int] = {}
    for ast, facts, text in modules:
        for node, rule in zip(as_list(ast["rules"]), facts.rules, strict=True):
            kind, spec = variant(node)
            if kind == "Default":
                continue
            if _makes_objects(spec, text):
                yield rule.path
            shape, head = variant(spec["head"])
            if shape != "Set":
                values.setdefault(rule.path, set()).update(_values(head, spec))
                counts[rule.path] = counts.get(rule.path, 0) + 1 + rule.iterates
    yield from (path for path, found in values.items() if _differ(found, counts[path]))


def _differ(values: set[_Value], count: int) -> bool:
    return count > 1 and (len(values) > 1 or None in values)


def _makes_objects(spec: JsonObject, text: bytes) -> bool:
    """Whether the text of a rule may hold a comprehension."""
    span = as_object(spec["span"])
    start, end = span["start"], span["end"]
    return isinstance(start, int) and isinstance(end, int) and b"|" in text[start:end]


def _values(head: Mapping[str, Json], spec: JsonObject) -> Iterator[_Value]:
    assigned = [as_object(body)["assign"] for body in as_list(spec["bodies"])] or [None]
    for given in assigned:
        value = given or head.get("assign")
        yield _constant(as_object(value)["value"]) if value else _TRUE


def _constant(term: Json) -> _Value:
    kind, value = variant(term)
    return (kind, value.get("value")) if kind in _CONSTANTS else None
