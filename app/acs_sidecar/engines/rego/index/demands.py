"""What a rule demands of the input: the constants that members of it must equal for the body to hold.

A rule without one of them contributes nothing, provided that its body could not have failed before the
comparison: this service ends an evaluation with the error of a function, where OPA goes on.
"""

from collections.abc import Iterable, Mapping

from acs_sidecar.engines.rego.analysis.facts import ModuleFacts, Rule
from acs_sidecar.engines.rego.analysis.syntax import (
    REFERENCES,
    as_list,
    as_object,
    called_name,
    chain,
    constant_names,
    variant,
)
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["Constant", "Demands", "demands_of"]

Constant = str | bool | None
"""A value that is equal to itself alone; a number is not, as `1` and `1.0` are one."""

Demands = Mapping[Segments, frozenset[Constant]]
"""The constants of which a path below `input` must have one."""

_LITERALS = frozenset({"String", "RawString", "Bool", "Null"})
_CONSTANTS = _LITERALS | {"Number"}
_COMPARISONS = frozenset({"Eq", "Ne", "Lt", "Le", "Gt", "Ge"})


def demands_of(node: Json, rule: Rule, module: ModuleFacts) -> Demands:
    """Return what a rule demands; nothing where it has an `else`, several bodies or arguments."""
    kind, written = variant(node)
    if kind == "Default" or rule.function or not _adds_to_its_path(written):
        return {}
    bodies = as_list(written["bodies"])
    if len(bodies) != 1:
        return {}
    names = _Names(module.imports, {found.root for found in rule.references if found.hidden})
    found: dict[Segments, frozenset[Constant]] = {}
    for statement in as_list(as_object(as_object(bodies[0])["query"])["stmts"]):
        compared = _compared(as_object(statement), names)
        if compared:
            path, constants = compared
            found[path] = found.get(path, constants) & constants
        elif not _is_safe(as_object(statement), names):
            break
    return found


class _Names:
    """What the names of one rule mean."""

    def __init__(self, imports: Mapping[str, Segments], variables: Iterable[str]) -> None:
        self._imports = imports
        self._variables = frozenset(variables)

    def is_variable(self, root: str) -> bool:
        """True if a variable of the rule has the name."""
        return root in self._variables

    def input_path(self, reference: Json) -> Segments | None:
        """Return the path below `input` that a reference with constant names reads, if it does."""
        name = called_name(reference)
        if name is None or self.is_variable(name[0]):
            return None
        root, *names = (*self._imports.get(name[0], (name[0],)), *name[1:])
        return tuple(names) if root == "input" and names else None


def _adds_to_its_path(rule: JsonObject) -> bool:
    """True if the head names one path, or members of the object at it: `p`, `p.q contains x`, `p.q[key]`."""
    shape, head = variant(rule["head"])
    names, whole = constant_names(head["refr"])
    return whole or (shape == "Compr" and len(chain(head["refr"])[1:]) == len(names) + 1)


def _compared(statement: JsonObject, names: _Names) -> tuple[Segments, frozenset[Constant]] | None:
    """Return the path and constants of a statement that is a comparison for equality."""
    form, literal = variant(statement["literal"])
    if form != "Expr" or statement.get("with_mods"):
        return None
    kind, expression = variant(literal["expr"])
    if kind == "Membership" and expression["key"] is None:
        members = _members(expression["collection"])
        path = _input_path(expression["value"], names) if members is not None else None
        return (path, members) if path and members is not None else None
    if kind not in ("BoolExpr", "AssignExpr") or expression["op"] != "Eq":
        return None
    for one, other in (("lhs", "rhs"), ("rhs", "lhs")):
        if variant(expression[other])[0] in _LITERALS and (path := _input_path(expression[one], names)):
            return path, frozenset({_constant(expression[other])})
    return None


def _input_path(term: Json, names: _Names) -> Segments | None:
    return None if REFERENCES.isdisjoint(as_object(term)) else names.input_path(term)


def _members(collection: Json) -> frozenset[Constant] | None:
    """Return the elements of a set or array of constants that can be looked up."""
    kind, value = variant(collection)
    if kind not in ("Set", "Array"):
        return None
    items = as_list(value["items"])
    if any(variant(item)[0] not in _LITERALS for item in items):
        return None
    return frozenset(_constant(item) for item in items)


def _constant(literal: Json) -> Constant:
    kind, node = variant(literal)
    value = node.get("value")
    if kind == "Null":
        return None
    return bool(value) if kind == "Bool" else str(value)


def _is_safe(statement: JsonObject, names: _Names) -> bool:
    """True if evaluating a statement cannot fail, only not hold."""
    if statement.get("with_mods"):
        return False
    form, literal = variant(statement["literal"])
    if form == "SomeVars":
        return True
    if form not in ("Expr", "NotExpr"):
        return False
    kind, expression = variant(literal["expr"])
    sides = [expression.get("lhs"), expression.get("rhs")]
    if kind == "BoolExpr":
        return expression["op"] in _COMPARISONS and all(_is_plain(side, names) for side in sides)
    if kind == "AssignExpr":
        return all(_is_scalar(side, names) for side in sides)
    if kind == "Membership":
        terms = (expression["key"], expression["value"], expression["collection"])
        return all(term is None or _is_plain(term, names) for term in terms)
    return _is_plain(literal["expr"], names)


def _is_plain(term: Json, names: _Names) -> bool:
    kind, value = variant(term)
    if kind in ("Set", "Array"):
        return all(_is_plain(item, names) for item in as_list(value["items"]))
    return _is_scalar(term, names)


def _is_scalar(term: Json, names: _Names) -> bool:
    """True for a constant, a member of the input, and a variable of the rule or a member of it."""
    kind, _ = variant(term)
    if kind not in REFERENCES:
        return kind in _CONSTANTS
    name = called_name(term)
    return name is not None and (names.is_variable(name[0]) or names.input_path(term) is not None)
