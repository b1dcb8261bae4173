"""`walk` as a value: `[path, value] := walk(input)` holds once for each value in `input`.

This engine finds no value at all there, so that such a rule never holds, without an error; it walks
where the call has an output. So `walk(input, w); [path, value] := w` takes its place. `some x in w`
needs an expression, `[w][0]`: the engine takes `w` for unbound there.

It takes that output for unbound in an index, too: `input.o[value]`. In a body that has variables for
indexes, the values of a comprehension take the place of the call: `output = [w | walk(x, w)][_]`. So they
do in an array of what several statements iterate over: the engine would come to the call last.
"""

from collections.abc import Iterable, Iterator, Set

from acs_sidecar.engines.rego.analysis.syntax import (
    CALLS,
    REFERENCES,
    as_list,
    as_object,
    as_position,
    called_name,
    chain,
    composite_items,
    nodes_of,
    operands,
    variables,
    variant,
)
from acs_sidecar.engines.rego.dialect.bodies.model import Body, Statement
from acs_sidecar.engines.rego.dialect.problems import Problem
from acs_sidecar.engines.rego.dialect.rewriting import Part
from acs_sidecar.engines.rego.dialect.statements.draft import Draft
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["bind_walks", "lists_in_order", "unbound_walks"]

Place = tuple[int, int]

_WALK = ("walk",)
_MESSAGE = (
    "`walk` has many values, of which the engine finds none here: give them to variables in a statement of "
    "the body (`walk(x, [path, value])`), its `with` on one line"
)


def lists_in_order(body: Body) -> bool:
    """Whether a body makes an array of what several of its statements iterate over."""
    return "ArrayCompr" in body.comprehension and sum(map(_iterates, body.statements)) > 1


def _iterates(statement: Statement) -> bool:
    literal = statement.node["literal"]
    indexes = (link["index"] for link in nodes_of("RefBrack", literal))
    calls = (called_name(call["fcn"]) for call in nodes_of("Call", literal))
    return "SomeIn" in as_object(literal) or _WALK in calls or any(True for _ in variables([*indexes]))


def bind_walks(draft: Draft, *, collected: bool) -> set[Place]:
    """Bind the values of the calls of `walk` in a statement, and return the places of these calls.

    `collected` tells that they become an array: a variable of the body is an index, or its order counts.
    """
    kind, literal = variant(draft.statement.node["literal"])
    member = {"SomeIn": "collection", "Every": "domain"}.get(kind, "expr")
    if member not in literal or (draft.modifiers and draft.spans_lines()):
        return set()
    bound: set[Place] = set()
    for call in _walks(literal[member]):
        _, value = variant(call)
        bound.add(_place(value))
        argument = draft.original(as_list(value["params"])[0])
        name = draft.name(call)
        walk = ["walk(", *draft.behind(argument), f", {name})"]
        if collected:
            walk = [f"{name} := ", *_walked(draft, draft.behind(argument))]
        draft.before += [*walk, *draft.modifier_text(), "; "]
        draft.waits = True
        if collected or kind == "SomeIn":
            draft.rename(call, f"[{name}][0]")
    if collected and kind == "Expr":
        _assign_output(draft, literal["expr"])
    return bound


def _assign_output(draft: Draft, expression: Json) -> None:
    """Write a statement that is `walk` with its output as an equality."""
    kind, call = variant(expression)
    if kind != "Call" or called_name(call["fcn"]) != _WALK or len(as_list(call["params"])) != 1 + 1:
        return
    argument, output = (draft.rewriter.span(term) for term in as_list(call["params"]))
    draft.replace(draft.rewriter.offsets(call), [output, " = ", *_walked(draft, [argument])])


def _walked(draft: Draft, argument: list[Part]) -> list[Part]:
    name = draft.rewriter.fresh_name()
    return [f"[{name} | walk(", *argument, f", {name})][_]"]


def unbound_walks(calls: Iterable[JsonObject], bound: Set[Place]) -> Iterator[Problem]:
    """Find the other calls of `walk` without an output: in heads, comprehensions' heads and `with`."""
    for call in calls:
        place = _place(call)
        if place not in bound and _is_walk(call):
            yield Problem("rego-walk", _MESSAGE, *place)


def _walks(term: Json) -> Iterator[Json]:
    """Yield the calls in a term, the inner ones first; comprehensions have bodies of their own."""
    kind, value = variant(term)
    if kind == "AssignExpr":
        parts = [value["lhs"], value["rhs"]]
    elif kind in CALLS:
        parts = operands(kind, value)
    elif kind in REFERENCES:
        (first, head), *links = chain(term)
        heads: list[Json] = [] if first == "Var" else [{first: dict(head)}]
        parts = heads + [link["index"] for link_kind, link in links if link_kind == "RefBrack"]
    else:
        parts = composite_items(kind, value)
    for part in parts:
        yield from _walks(part)
    if kind == "Call" and _is_walk(value):
        yield term


def _place(call: JsonObject) -> Place:
    return as_position(variant(call["fcn"])[1]["span"])


def _is_walk(call: JsonObject) -> bool:
    return called_name(call["fcn"]) == _WALK and len(as_list(call["params"])) == 1
