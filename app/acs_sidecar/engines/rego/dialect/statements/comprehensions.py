"""Comprehensions that OPA evaluates once for all values of variables around them.

OPA looks up `[r | v == input.a; f(1)]` by `v`: it evaluates the body with no value for `v`, and keeps what
comes of it by the values that `v` then has. So two values of `f(1)` end the evaluation wherever there is an
`input.a`. Where the body may conflict, the comprehension becomes one of all values, and a choice from it:
`[pair[0] | all := [[r, [v]] | some v; v == input.a; f(1)]; pair := all[_]; pair[1] == [v]]`.
"""

from collections.abc import Iterator, Set
from dataclasses import replace

from acs_sidecar.engines.rego.analysis.syntax import (
    CALLS,
    as_list,
    as_object,
    as_offsets,
    called_name,
    nodes_of,
    variables,
    variant,
)
from acs_sidecar.engines.rego.dialect.bodies.model import Body, Names, Statement
from acs_sidecar.engines.rego.dialect.inference import Clause, Unit, infer
from acs_sidecar.engines.rego.dialect.rewriting import Part, Rewriter
from acs_sidecar.engines.rego.dialect.scopes import CLOSURES, Variable, VariableScope
from acs_sidecar.engines.rego.dialect.statements.eager import MayConflict, fits, holds_conflicting, sides
from acs_sidecar.engines.rego.dialect.statements.sequence import is_in_order
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["look_up_comprehensions"]

_NEW_COLUMNS = 120
"""How many columns a choice takes besides the comprehension and the names of its variables."""


def look_up_comprehensions(body: Body, rewriter: Rewriter, may_conflict: MayConflict) -> None:
    """Evaluate the comprehensions in a body as OPA does, where they may conflict."""
    around: Names = {}
    for unit in body.units:
        around |= unit.captured
    for inner in body.inner:
        if not inner.comprehension or not _is_assigned(inner.comprehension, body):
            continue
        _, node = variant(inner.comprehension)
        start, _ = as_offsets(node["span"])
        keys = _evaluated(inner) & around.keys()
        names = sorted({around[key].name for key in keys})
        if (
            keys
            and holds_conflicting(list(node.values()), inner.scope, may_conflict)
            and fits([], start, rewriter, more=_NEW_COLUMNS + 4 * sum(map(len, names)))
            and (alone := _without_values(inner, keys, around))
        ):
            _bind(inner, keys, alone, rewriter)
            _choose(inner.comprehension, names, rewriter)


def _evaluated(body: Body) -> set[str]:
    """Return the variables of a comprehension but for one that is itself its elements."""
    units = [unit for term, unit in body.terms if variant(term)[0] != "Var"]
    units += (statement.unit for statement in body.statements)
    return {key for unit in units for key in unit.needs}


def _without_values(body: Body, keys: Set[str], around: Names) -> list[Unit]:
    """Return the expressions of a comprehension that OPA evaluates with no values for variables around it.

    It does where the body binds all of these itself, not first as indexes, and no comprehension in it uses
    any. Bodies that are not written in order stay as they are.
    """
    added = {id(statement.unit): list(_equalities(statement, keys)) for statement in body.statements}
    alone = [
        replace(unit, clauses=[*unit.clauses, *added.get(id(unit), [])], early=set(), first=set())
        for unit in body.units
    ]
    is_looked_up = (
        keys <= infer(alone, around.keys() - keys)
        and _evaluated(body).isdisjoint(key for unit in alone for key in unit.early - unit.first)
        and is_in_order(body.statements)
        and not any(_is_quantified(key, body.scope) for key in keys)
        and not any(around.keys() & nested.variables() for nested in _comprehensions_in(body))
        and not any(_begins_as_index(around[key].name, body) for key in keys)
    )
    return alone if is_looked_up else []


def _comparison(statement: Statement) -> JsonObject:
    """Return the `==` that a statement is, or nothing."""
    kind, literal = variant(statement.node["literal"])
    kind, value = variant(literal["expr"]) if kind == "Expr" else ("", literal)
    return value if kind == "BoolExpr" and value["op"] == "Eq" else {}


def _equalities(statement: Statement, keys: Set[str]) -> Iterator[Clause]:
    """Yield how a statement with `==` binds variables that have no values."""
    comparison = _comparison(statement)
    premises = frozenset(statement.unit.needs.keys() | statement.unit.results)
    given = set(variables(statement.node.get("with_mods", [])))
    for side in (comparison["lhs"], comparison["rhs"]) if comparison else ():
        leaves = _leaves(side, statement.scope)
        if bound := frozenset(found.key for found in leaves if found.name not in given) & keys:
            yield premises - bound, bound


def _leaves(term: Json, scope: VariableScope) -> Iterator[Variable]:
    """Yield the variables whose values follow from that of a term."""
    kind, value = variant(term)
    if kind == "Var" and (variable := scope.variable(value)):
        yield variable
    elif kind == "Array":
        for item in as_list(value["items"]):
            yield from _leaves(item, scope)


def _bind(body: Body, keys: Set[str], alone: list[Unit], rewriter: Rewriter) -> None:
    """Make a body bind variables that have values around it: by `=`, where it is `==` that does so."""
    for unit, other in zip(body.units, alone, strict=True):
        unit.clauses, unit.early, unit.first = other.clauses, other.early, other.first
    for statement in body.statements:
        comparison = _comparison(statement)
        if comparison and keys & (statement.unit.needs.keys() - statement.unit.early):
            place = rewriter.text.index(b"==", as_offsets(variant(comparison["lhs"])[1]["span"])[1])
            rewriter.replace((place, place + 2), ["= "])
            equality: Json = {"AssignExpr": {**comparison, "op": "Eq"}}
            as_object(as_object(statement.node["literal"])["Expr"])["expr"] = equality


def _choose(comprehension: Json, names: list[str], rewriter: Rewriter) -> None:
    """Write a comprehension as a choice from one of all values of some variables."""
    _, node = variant(comprehension)
    start, end = rewriter.offsets(node)
    _, last = term = rewriter.span(node["key" if "key" in node else "term"])
    query, _ = rewriter.offsets(as_object(as_list(as_object(node["query"])["stmts"])[0]))
    opening, closing = (chr(rewriter.text[at]) for at in (start, end - 1))
    every, pair, row = rewriter.fresh_name(), rewriter.fresh_name(), f"[{', '.join(names)}]"
    all_values: list[Part] = [f"{every} := {opening}[", term, f", {row}]", (last, query)]
    all_values += [f"some {', '.join(names)}; ", (query, end), "; "]
    element, chosen = f"{pair}[0]", f"{pair} := {every}[_]"
    if "key" in node:
        found = rewriter.fresh_name()
        element, chosen = f"{pair}[0]: {found}", f"{found} := {every}[{pair}]"
    parts = [f"{opening}{element} | ", *all_values, f"{chosen}; {pair}[1] == {row}{closing}"]
    rewriter.replace((start, end), parts)


def _is_assigned(comprehension: Json, body: Body) -> bool:
    """Whether OPA gives a comprehension to a variable by a statement without `not` or `with`."""
    start, end = as_offsets(variant(comprehension)[1]["span"])
    for statement in body.statements:
        first, last = as_offsets(statement.node["span"])
        if first <= start and end <= last:
            return _is_assigned_in(statement, start)
    return True


def _is_assigned_in(statement: Statement, place: int) -> bool:
    """Whether that is so of the comprehension at a place in a statement.

    One that is all of a statement is given to nothing, and so is one beside `==`, but for a variable or call.
    """
    kind, literal = variant(statement.node["literal"])
    for modifier in as_list(statement.node.get("with_mods", [])):
        return place >= as_offsets(as_object(modifier)["span"])[0]
    if kind not in ("Expr", "NotExpr"):
        return True
    equated = sides(literal["expr"])
    for term, other in zip(equated, equated[::-1], strict=True):
        if _is_at(place, term):
            return kind == "Expr" and _is_bindable(other, statement.scope)
    return not _is_at(place, literal["expr"])


def _is_at(place: int, term: Json) -> bool:
    """Whether a term is a comprehension at a place."""
    kind, value = variant(term)
    return kind in CLOSURES and as_offsets(value["span"])[0] == place


def _is_bindable(term: Json, scope: VariableScope) -> bool:
    kind, value = variant(term)
    return kind in CALLS or (kind == "Var" and scope.variable(value) is not None)


def _is_quantified(key: str, scope: VariableScope | None) -> bool:
    """Whether a variable is one of an `every`."""
    while scope and key not in scope.own.values():
        scope = scope.outer
    return scope is not None and scope.quantified


def _comprehensions_in(body: Body) -> Iterator[Body]:
    """Yield the bodies of the comprehensions inside of a body."""
    return (inner for inner in body.with_inner() if inner is not body and inner.comprehension)


def _begins_as_index(name: str, body: Body) -> bool:
    """Whether a variable is first written in an index of a reference, or in what `walk` yields."""
    for node in (*(dict(statement.node) for statement in body.statements), *(term for term, _ in body.terms)):
        places = [as_offsets(var["span"])[0] for var in nodes_of("Var", node) if var["value"] == name]
        if places:
            outputs = [link["index"] for link in nodes_of("RefBrack", node)]
            walks = (call for call in nodes_of("Call", node) if called_name(call["fcn"]) == ("walk",))
            outputs += [as_list(call["params"])[-1] for call in walks]
            spans = (as_offsets(variant(term)[1]["span"]) for term in outputs)
            return any(start <= min(places) < end for start, end in spans)
    return False
