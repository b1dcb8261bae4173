"""Heads of rules that the engine would lose: undefined for one of the values that a body iterates over.

Rego leaves such a value out and keeps the rest. This engine drops all that the body contributes, or
fails, depending on the order of the values; a denial that vanishes so would be an allow.
"""

from collections.abc import Iterator, Set

from acs_sidecar.engines.rego.analysis.builtins import AVAILABLE
from acs_sidecar.engines.rego.analysis.syntax import (
    REFERENCES,
    as_list,
    as_object,
    as_position,
    called_name,
    constant_names,
    first_link,
    variables,
    variant,
    varying_indexes,
)
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["iterate", "undefined_in_head"]

_COMPREHENSIONS = frozenset({"ArrayCompr", "SetCompr", "ObjectCompr"})
_ALWAYS_DEFINED = AVAILABLE - {"json.patch", "max", "min", "uuid.parse"}
"""Built-in functions that have a value or fail; the four have none for some arguments."""
_OUTPUTS = frozenset({"Var", "Array", "Object"})
"""What as an index may give variables their values."""
_WALK = ("walk",)
_SLICE = "array.slice"
"""A fifth, where its positions are not constant."""


def undefined_in_head(head: Json, bodies: Json, own: Set[str]) -> tuple[int, int] | None:
    """Return the line and column of a part of the head that could be undefined for one value alone.

    `own` are the variables of the rule. Variables, constants, and what is built from them with
    most built-in functions are always defined or fail; a reference that begins with a variable of the
    rule, that has one as an index, a call of the policy's own function, and one of the few built-in
    functions that have no value for some arguments may be undefined.
    """
    pending = list(_terms(head, bodies))
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
            continue
        if not isinstance(node, dict) or not _COMPREHENSIONS.isdisjoint(node):
            continue
        if not REFERENCES.isdisjoint(node):
            if _may_be_undefined(node, own):
                return as_position(variant(node)[1]["span"])
            first = as_object(first_link(node))
            pending.extend([*varying_indexes(node), *([] if "Var" in first else [first])])
        elif "Call" in node:
            call = as_object(node["Call"])
            if not _is_always_defined(call):
                return as_position(call["span"])
            pending.extend(as_list(call["params"]))
        else:
            pending.extend(node.values())
    return None


def iterate(head: Json, bodies: list[Json]) -> bool:
    """True if a head or its bodies may have several values: each comprehension iterates for itself alone.

    An index is an iteration, unless it is a variable that `:=` gives its one value.
    """
    pending: list[Json] = [head, bodies]
    indexes, assigned = set[str](), set[str]()
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        if not isinstance(node, dict) or not _COMPREHENSIONS.isdisjoint(node):
            continue
        if "SomeIn" in node or ("Call" in node and called_name(as_object(node["Call"])["fcn"]) == _WALK):
            return True
        if "Every" in node:
            pending.append(as_object(node["Every"])["domain"])
            continue
        assignment = as_object(node.get("AssignExpr", {}))
        if assignment.get("op") == "ColEq" and len(bodies) == 1:
            assigned.update(variables(assignment["lhs"]))
        if "RefBrack" in node and not _OUTPUTS.isdisjoint(
            index := as_object(as_object(node["RefBrack"])["index"])
        ):
            indexes.update(variables(index))
        pending.extend(node.values())
    return not indexes <= assigned


def _terms(head: Json, bodies: Json) -> Iterator[Json]:
    """Yield what the head and the `else` branches are made of, without the rule's name."""
    parts = as_object(head)
    yield from (parts.get("key"), parts.get("assign"))
    yield from varying_indexes(parts["refr"])
    for body in as_list(bodies):
        yield as_object(body).get("assign")


def _may_be_undefined(reference: Json, own: Set[str]) -> bool:
    if "Var" in as_object(reference):
        return False
    first = as_object(first_link(reference))
    if "Var" not in first:
        return True
    return bool(varying_indexes(reference)) or as_object(first["Var"])["value"] in own


def _is_always_defined(call: JsonObject) -> bool:
    first = as_object(first_link(call["fcn"]))
    if "Var" not in first:
        return False
    names, whole = constant_names(call["fcn"])
    name = ".".join((str(as_object(first["Var"])["value"]), *names))
    if name == _SLICE:
        return all("Number" in as_object(position) for position in as_list(call["params"])[1:])
    return whole and name in _ALWAYS_DEFINED
