"""The variables of `every` where they could be bound: in `=`, in the output of a call, in an index.

This engine takes them for unbound there, binds them anew and so holds whatever they are:
`every e in es { e = input.x }` holds for all `es`. A variable of the body takes their place:
`every e in es { v := e; v = input.x }`.

The engine orders the statements of a body without a look into the bodies of `every`. So what these
use stands beside the domain: `every e in es { e < y }` becomes `every e in [es, y][0] { e < y }`.
"""

from collections.abc import Iterator

from acs_sidecar.engines.rego.analysis.syntax import (
    CALLS,
    REFERENCES,
    as_list,
    as_object,
    chain,
    composite_items,
    operands,
    variant,
)
from acs_sidecar.engines.rego.dialect.scopes import VariableScope
from acs_sidecar.engines.rego.dialect.statements.draft import Draft
from acs_sidecar.spec.values import Json

__all__ = ["bind_quantified", "order_quantifier"]


def order_quantifier(draft: Draft) -> None:
    """Name the variables that the body of an `every` uses where the engine looks for them."""
    kind, literal = variant(draft.statement.node["literal"])
    if kind == "Every" and draft.statement.unit.captured:
        names = sorted({found.name for found in draft.statement.unit.captured.values()})
        domain = draft.rewriter.span(literal["domain"])
        draft.rewriter.replace(domain, ["[", domain, f", {', '.join(names)}][0]"])


def bind_quantified(draft: Draft) -> None:
    """Copy the variables of `every` to variables of the body where a statement could bind them."""
    kind, literal = variant(draft.statement.node["literal"])
    if kind in ("Expr", "NotExpr") and draft.statement.scope.is_in_every():
        for term in _bindable(literal["expr"], draft.statement.scope):
            draft.define(term)


def _bindable(expression: Json, scope: VariableScope) -> Iterator[Json]:
    kind, value = variant(expression)
    if kind == "AssignExpr":
        sides = [value["rhs"]] if value["op"] == "ColEq" else [value["lhs"], value["rhs"]]
        for side in sides:
            yield from _leaves(side, scope) if value["op"] != "ColEq" else ()
            yield from _indexes(side, scope)
    elif kind in CALLS:
        arguments = operands(kind, value)
        yield from _leaves(arguments[-1], scope) if kind == "Call" and arguments else ()
        for argument in arguments:
            yield from _indexes(argument, scope)
    else:
        yield from _indexes(expression, scope)


def _leaves(pattern: Json, scope: VariableScope) -> Iterator[Json]:
    """Yield the variables of `every` that a pattern could bind."""
    kind, value = variant(pattern)
    if kind == "Var" and scope.is_quantified(value):
        yield pattern
    elif kind == "Array":
        for item in as_list(value["items"]):
            yield from _leaves(item, scope)
    elif kind == "Object":
        for item in as_list(value["fields"]):
            yield from _leaves(as_list(item)[2], scope)


def _indexes(term: Json, scope: VariableScope) -> Iterator[Json]:
    """Yield the variables of `every` in indexes that are arrays."""
    kind, value = variant(term)
    if kind in REFERENCES:
        for link, index in chain(term)[1:]:
            if link == "RefBrack":
                if "Array" in as_object(index["index"]):
                    yield from _leaves(index["index"], scope)
                yield from _indexes(index["index"], scope)
    elif kind in CALLS:
        for argument in operands(kind, value):
            yield from _indexes(argument, scope)
    else:
        for item in composite_items(kind, value):
            yield from _indexes(item, scope)
