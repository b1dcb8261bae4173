"""Object patterns: `{"role": r} := x` matches objects with exactly these members.

This engine matches objects with more members too. Such a pattern is replaced by a variable, which is
compared with an object of these members before they are matched: `{"role": r} := x` becomes
`o := x; o == {"role": o["role"]}; r := o["role"]`.
"""

from collections.abc import Iterator, Sequence, Set

from acs_sidecar.engines.rego.analysis.syntax import (
    CALLS,
    REFERENCES,
    as_list,
    as_object,
    as_position,
    chain,
    composite_items,
    first_link,
    operands,
    variables,
    variant,
    varying_in,
    varying_indexes,
)
from acs_sidecar.engines.rego.dialect.bodies.model import Statement
from acs_sidecar.engines.rego.dialect.problems import Problem
from acs_sidecar.engines.rego.dialect.rewriting import Part
from acs_sidecar.engines.rego.dialect.scopes import CLOSURES, closure_spans
from acs_sidecar.engines.rego.dialect.statements.draft import Draft
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["match_whole_objects", "refuse_in_head"]

_REMEDY = "give the value to a variable, compare `count(value)` and name its members one by one"
_KEYS = f"the keys of this pattern must be different constants: {_REMEDY}"
_TERMS = f"this pattern may hold variables and constants alone: {_REMEDY}"
_BOTH = f"an object pattern on both sides of `=` matches objects with more members here: {_REMEDY}"
_OUTPUT = f"an object pattern in a call matches objects with more members here: {_REMEDY}"
_ARGUMENT = (
    "an object pattern as an argument matches objects with more members here: take the argument as a "
    "variable, compare `count(…)` and name its members one by one"
)
_COMPREHENSION = (
    "a comprehension as an argument is not evaluated here: take the argument as a variable and compare it "
    "with the comprehension in the body"
)
_NAMING_COMPREHENSION = (
    "a comprehension in the brackets of a head is not evaluated here: give it to a variable in the body "
    "first (`key := …`)"
)
_NAMING_DOCUMENT = (
    "OPA leaves this name out where no body holds, and the engine keeps an empty set or object at it: give "
    "the name to a variable in the body (`key := …`), which has the name of no rule or import"
)
_REPEATED = (
    "`{name}` stands in {which}, which are not compared here: give the second one another name, and compare "
    "the two in the body"
)
_CODE = "rego-object-pattern"


def match_whole_objects(draft: Draft) -> Iterator[Problem]:
    """Compare what a statement matches with object patterns as a whole, or find why it cannot be done."""
    kind, literal = variant(draft.statement.node["literal"])
    if kind == "SomeIn":
        sides = [side for side in (literal["key"], literal["value"]) if side is not None]
        yield from _repeated(sides, "the key and the value")
        yield from _replace(draft, [found for side in sides for found in _objects(side)], ":=")
    elif kind == "Expr":
        kind, expression = variant(literal["expr"])
        if kind == "AssignExpr":
            yield from _assignment(draft, expression)
        elif kind == "Call":
            yield from _outputs(draft.statement, expression)


def refuse_in_head(shape: str, head: JsonObject, documents: Set[str]) -> Iterator[Problem]:
    """Find what the engine does not match among a function's arguments, or reads otherwise in brackets."""
    arguments = as_list(head.get("args") or [])
    yield from _repeated(arguments, "two arguments")
    for argument in arguments:
        for found in _objects(argument):
            yield _problem(_ARGUMENT, found)
        for span in closure_spans(argument):
            yield Problem("rego-syntax", _COMPREHENSION, *as_position(span))
    for span in closure_spans(varying_indexes(head["refr"])):
        yield Problem("rego-syntax", _NAMING_COMPREHENSION, *as_position(span))
    for index in _evaluated_first(shape, head):
        if (names := set(variables(index))) and names <= documents:
            yield Problem(
                "rego-syntax", _NAMING_DOCUMENT, *as_position(variant(first_link(index))[1]["span"])
            )


def _evaluated_first(shape: str, head: JsonObject) -> list[Json]:
    """Return the names of a head that the engine evaluates before any body: those of what it adds to."""
    links = chain(head["refr"])
    if shape == "Set":
        return varying_in(links)
    return varying_in(links[:-1]) if links[-1][0] == "RefBrack" else []


def _repeated(patterns: Sequence[Json], which: str) -> Iterator[Problem]:
    """Find a variable in two patterns, of which the engine keeps the last value."""
    seen: set[str] = set()
    for pattern in patterns:
        names = set(variables(pattern)) - {"_"}
        if repeated := seen & names:
            message = _REPEATED.format(name=min(repeated), which=which)
            yield Problem("rego-syntax", message, *as_position(variant(pattern)[1]["span"]))
        seen |= names


def _assignment(draft: Draft, expression: JsonObject) -> Iterator[Problem]:
    if expression["op"] == "ColEq":
        yield from _replace(draft, list(_objects(expression["lhs"])), ":=")
        return
    sides = [list(_binding(expression[side], draft.statement)) for side in ("lhs", "rhs")]
    if all(sides):
        yield _problem(_BOTH, sides[0][0])
    else:
        yield from _replace(draft, [*sides[0], *sides[1]], "=")


def _binding(side: Json, statement: Statement) -> Iterator[Json]:
    """Yield the objects of one side of `=` that give a variable its value."""
    for found in _objects(side):
        names = set(variables(found))
        keys = {used.key for used in statement.unit.needs.values() if used.name in names}
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


def _replace(draft: Draft, objects: list[Json], operator: str) -> Iterator[Problem]:
    problems = [problem for found in objects for problem in _unfit(found)]
    yield from problems
    if not problems:
        for found in objects:
            _match(draft, found, operator)


def _match(draft: Draft, pattern: Json, operator: str) -> str:
    """Return the name of what an object pattern stands for; its members are matched after the statement."""
    name = draft.name(pattern)
    fields = [as_list(item)[1:] for item in as_list(variant(pattern)[1]["fields"])]
    members: list[tuple[Part, list[Part]]] = []
    for key, _ in fields:
        span = draft.rewriter.span(key)
        members.append((span, [f"{name}[", span, "]"]))
    whole = [part for key, member in members for part in (key, ": ", *member, ", ")]
    draft.after += [f"; {name} == {{", *whole[:-1], "}"]
    for (_, value), (_, member) in zip(fields, members, strict=True):
        if "Object" in as_object(value):
            at = len(draft.after)
            draft.after[at:at] = [f"; {_match(draft, value, operator)} := ", *member]
        elif next(variables(value), None) is None:
            draft.after += ["; ", *member, " == ", draft.rewriter.span(value)]
        elif _is_wildcard(value):
            draft.after += [f"; {draft.rewriter.fresh_name()} := ", *member]
        else:
            inner = list(_objects(value))
            at = len(draft.after)
            for found in inner:
                _match(draft, found, operator)
            draft.after[at:at] = ["; ", draft.rewriter.span(value), f" {operator} ", *member]
    return name


def _is_wildcard(value: Json) -> bool:
    kind, node = variant(value)
    return kind == "Var" and node["value"] == "_"


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
