"""Object patterns: `{"role": r} := x` matches objects with exactly these members.

This engine matches objects with more members too. Such a pattern is replaced by a variable, whose
members are counted before they are matched: `{"role": r} := x` becomes
`o := x; is_object(o); count(o) == 1; {"role": r} := o`.
"""

from collections.abc import Iterator

from acs_sidecar.engines.rego.analysis.bodies import Statement
from acs_sidecar.engines.rego.analysis.problems import Problem
from acs_sidecar.engines.rego.analysis.rewriting import Part, Rewriter, Span
from acs_sidecar.engines.rego.analysis.scopes import CLOSURES
from acs_sidecar.engines.rego.analysis.syntax import (
    CALLS,
    REFERENCES,
    as_list,
    as_position,
    composite_items,
    operands,
    variables,
    variant,
)
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["match_whole_objects", "refuse_in_arguments"]

_REMEDY = "give the value to a variable, compare `count(value)` and name its members one by one"
_KEYS = f"the keys of this pattern must be different constants: {_REMEDY}"
_TERMS = f"this pattern may hold variables and constants alone: {_REMEDY}"
_BOTH = f"an object pattern on both sides of `=` matches objects with more members here: {_REMEDY}"
_OUTPUT = f"an object pattern in a call matches objects with more members here: {_REMEDY}"
_ARGUMENT = (
    "an object pattern as an argument matches objects with more members here: take the argument as a "
    "variable, compare `count(…)` and name its members one by one"
)
_CODE = "rego-object-pattern"


def match_whole_objects(statement: Statement, rewriter: Rewriter) -> Iterator[Problem]:
    """Rewrite a statement with an object pattern, or find why that cannot be done."""
    kind, literal = variant(statement.node["literal"])
    if kind == "SomeIn":
        sides = [side for side in (literal["key"], literal["value"]) if side is not None]
        yield from _replace(statement, [found for side in sides for found in _objects(side)], ":=", rewriter)
    elif kind == "Expr":
        kind, expression = variant(literal["expr"])
        if kind == "AssignExpr":
            yield from _assignment(statement, expression, rewriter)
        elif kind == "Call":
            yield from _outputs(statement, expression)


def refuse_in_arguments(arguments: Json) -> Iterator[Problem]:
    """Find object patterns among the arguments of a function's head."""
    for argument in as_list(arguments or []):
        for found in _objects(argument):
            yield _problem(_ARGUMENT, found)


def _assignment(statement: Statement, expression: JsonObject, rewriter: Rewriter) -> Iterator[Problem]:
    if expression["op"] == "ColEq":
        yield from _replace(statement, list(_objects(expression["lhs"])), ":=", rewriter)
        return
    sides = [list(_binding(expression[side], statement)) for side in ("lhs", "rhs")]
    if all(sides):
        yield _problem(_BOTH, sides[0][0])
    else:
        yield from _replace(statement, [*sides[0], *sides[1]], "=", rewriter)


def _binding(side: Json, statement: Statement) -> Iterator[Json]:
    """Yield the objects of one side of `=` that give a variable its value."""
    for found in _objects(side):
        keys = {name.key for name in statement.unit.needs.values() if name.name in set(variables(found))}
        if not keys <= statement.unit.early:
            yield found


def _outputs(statement: Statement, call: JsonObject) -> Iterator[Problem]:
    for argument in operands("Call", call):
        for found in _binding(argument, statement):
            yield _problem(_OUTPUT, found)


def _objects(pattern: Json) -> Iterator[Json]:
    """Yield the objects of a pattern that are in no other object."""
    kind, value = variant(pattern)
    if kind == "Object":
        yield pattern
    elif kind == "Array":
        for item in as_list(value["items"]):
            yield from _objects(item)


def _replace(
    statement: Statement, objects: list[Json], operator: str, rewriter: Rewriter
) -> Iterator[Problem]:
    if not objects:
        return
    problems = [problem for found in objects for problem in _unfit(found)]
    yield from problems
    if problems:
        return
    start, end = rewriter.offsets(statement.node)
    whole, checks = _with_names((min(start, rewriter.span(objects[0])[0]), end), objects, operator, rewriter)
    parts = [*whole, *checks]
    rewriter.replace(
        (min(start, rewriter.span(objects[0])[0]), end), ["{ ", *parts, " }"] if statement.bare else parts
    )


def _with_names(
    span: Span, objects: list[Json], operator: str, rewriter: Rewriter
) -> tuple[list[Part], list[Part]]:
    """Return a span with names for the objects in it, and the statements that match these."""
    position, end = span
    parts: list[Part] = []
    checks: list[Part] = []
    for found in objects:
        name = rewriter.fresh_name()
        place = rewriter.span(found)
        parts += [(position, place[0]), name]
        position = place[1]
        if next(variables(found), None) is None:
            checks += ["; ", place, f" == {name}"]
            continue
        fields = as_list(variant(found)[1]["fields"])
        values = [as_list(item)[2] for item in fields]
        inner, deeper = _with_names(
            place, [one for item in values for one in _objects(item)], operator, rewriter
        )
        checks += [f"; is_object({name}); count({name}) == {len(fields)}; ", *inner, f" {operator} {name}"]
        checks += deeper
    return [*parts, (position, end)], checks


def _unfit(pattern: Json) -> Iterator[Problem]:
    kind, value = variant(pattern)
    if kind == "Object":
        keys = [as_list(item)[1] for item in as_list(value["fields"])]
        names = {str(variant(key)[1].get("value")) for key in keys}
        if len(names) < len(keys) or any(variant(key)[0] not in ("String", "RawString") for key in keys):
            yield _problem(_KEYS, pattern)
    elif kind in CALLS or kind in CLOSURES or kind == "Set" or (kind in REFERENCES and kind != "Var"):
        yield _problem(_TERMS, pattern)
    for item in composite_items(kind, value):
        yield from _unfit(item)


def _problem(message: str, node: Json) -> Problem:
    return Problem(_CODE, message, *as_position(variant(node)[1]["span"]))
