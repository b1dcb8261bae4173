"""`not` before an expression with an undefined part.

OPA evaluates the arguments of a call before the `not`, so that the body fails where one is undefined;
this engine evaluates all of it below the `not`, which then holds. What OPA evaluates before is given
to a variable before, in the same body: `not startswith(input.x, "a")` becomes
`x := input.x; not startswith(x, "a")`.

The engine also takes an index that got its value from another variable (`y = x; not input.o[y]`) for
unbound there, and looks for any. An index of more than a name is evaluated: `not input.o[[y][0]]`.
"""

from collections.abc import Iterator

from acs_sidecar.engines.rego.analysis.syntax import (
    CALLS,
    REFERENCES,
    as_object,
    as_position,
    called_name,
    chain,
    composite_items,
    operands,
    variant,
)
from acs_sidecar.engines.rego.dialect.bodies.model import Statement
from acs_sidecar.engines.rego.dialect.problems import Problem
from acs_sidecar.engines.rego.dialect.scopes import CLOSURES, VariableScope
from acs_sidecar.engines.rego.dialect.statements.draft import Draft
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["bind_arguments", "negate_body"]

_BRACED = frozenset({"Object", "ObjectCompr", "Set", "SetCompr"})
_WALK = "`walk` below a `not` has other values in this engine: write a rule for it and negate that"
_BODY = "with `future.keywords.not`, `not {` begins a body: write a rule for it and negate that"

_LATE = "this gets its value below: write the `not` behind what binds it"
_MODIFIED = (
    "OPA evaluates the arguments of this before the `not`: write its `with` on one line, or bind the "
    "arguments first (`value := …; not f(value)`)"
)


def bind_arguments(draft: Draft) -> Iterator[Problem]:
    """Bind what OPA evaluates before a statement with `not`."""
    _, negation = variant(draft.statement.node["literal"])
    yield from _walk(*variant(negation["expr"]))
    terms = list(_bound(negation["expr"], draft.statement.scope))
    yield from _late(negation["expr"], draft.statement)
    for index in _bound_indexes(negation["expr"], draft.statement.scope):
        span = draft.rewriter.span(index)
        draft.rewriter.replace(span, ["[", span, "][0]"])
    if terms and draft.spans_lines():
        yield Problem("rego-not-undefined", _MODIFIED, *as_position(negation["span"]))
        return
    for term in terms:
        draft.bind(term)


def negate_body(draft: Draft) -> Iterator[Problem]:
    """Evaluate the indexes below a `not` that holds where anything in it is undefined."""
    _, negation = variant(draft.statement.node["literal"])
    kind, value = variant(negation["expr"])
    if kind in _BRACED:
        yield Problem("rego-syntax", _BODY, *as_position(value["span"]))
    yield from _walk(kind, value)
    yield from _late(negation["expr"], draft.statement)
    for index in _variable_indexes(negation["expr"], draft.statement.scope):
        span = draft.rewriter.span(index)
        draft.rewriter.replace(span, ["[", span, "][0]"])


def _walk(kind: str, call: JsonObject) -> Iterator[Problem]:
    """Find a call of `walk` with an output, of which the engine takes the variables for unbound."""
    if kind == "Call" and called_name(call["fcn"]) == ("walk",) and len(operands(kind, call)) > 1:
        yield Problem("rego-walk", _WALK, *as_position(call["span"]))


def _variable_indexes(term: Json, scope: VariableScope) -> Iterator[Json]:
    """Yield the indexes in a term that are variables."""
    kind, value = variant(term)
    if kind in REFERENCES:
        for link, index in chain(term)[1:]:
            if link == "RefBrack":
                inner, variable = variant(index["index"])
                if inner == "Var" and variable["value"] != "_" and scope.variable(variable):
                    yield index["index"]
                yield from _variable_indexes(index["index"], scope)
    for part in _parts(kind, value):
        yield from _variable_indexes(part, scope)


def _parts(kind: str, value: JsonObject) -> list[Json]:
    if kind == "AssignExpr":
        return [value["lhs"], value["rhs"]]
    return operands(kind, value) if kind in CALLS else composite_items(kind, value)


def _bound(expression: Json, scope: VariableScope) -> Iterator[Json]:
    """Yield the terms of an expression that OPA evaluates before it."""
    kind, value = variant(expression)
    if _is_equality(kind, value):
        for side in (value["lhs"], value["rhs"]):
            yield from _inside(side, scope)
    elif kind in CALLS:
        for argument in operands(kind, value):
            if _may_be_undefined(argument, scope):
                yield argument
    else:
        yield from _inside(expression, scope)


def _inside(term: Json, scope: VariableScope) -> Iterator[Json]:
    """Yield the terms inside of one that is itself evaluated below the `not`."""
    kind, _ = variant(term)
    if kind in REFERENCES:
        (head, value), *links = chain(term)
        if head != "Var" and _may_be_undefined({head: dict(value)}, scope):
            yield {head: dict(value)}
        for link, index in links:
            if link == "RefBrack" and _is_bound_before(index["index"], scope):
                yield index["index"]
    elif _may_be_undefined(term, scope):
        yield term


def _is_bound_before(index: Json, scope: VariableScope) -> bool:
    """Whether OPA evaluates an index before, or the engine takes it for unbound, as it does below `every`."""
    kind, value = variant(index)
    return (kind == "Var" and scope.is_quantified(value)) or _may_be_undefined(index, scope)


def _bound_indexes(expression: Json, scope: VariableScope) -> Iterator[Json]:
    """Yield the indexes below the `not` that are variables of the body, and so bound before."""
    kind, value = variant(expression)
    terms = [expression]
    if _is_equality(kind, value):
        terms = [value["lhs"], value["rhs"]]
    for term in terms:
        if variant(term)[0] not in REFERENCES:
            continue
        for link, index in chain(term)[1:]:
            kind, variable = variant(index["index"]) if link == "RefBrack" else (link, {})
            if kind == "Var" and scope.variable(variable) and not scope.is_quantified(variable):
                yield index["index"]


def _is_equality(kind: str, value: JsonObject) -> bool:
    return kind == "AssignExpr" or (kind == "BoolExpr" and value["op"] == "Eq")


def _late(term: Json, statement: Statement) -> Iterator[Problem]:
    """Find variables that only a later statement binds; the engine would bind them here."""
    unit = statement.unit
    indexes = list(_late_indexes(term, statement))
    yield from indexes
    if not indexes:
        for key in sorted(unit.unbound & unit.needs.keys() - unit.first):
            yield Problem("rego-not-before", _LATE, unit.needs[key].line, unit.needs[key].column)


def _late_indexes(term: Json, statement: Statement) -> Iterator[Problem]:
    """Find indexes that only a later statement binds; the engine would look for any."""
    kind, value = variant(term)
    parts = composite_items(kind, value)
    if kind in REFERENCES:
        for link, index in chain(term)[1:]:
            if link == "RefBrack":
                parts = [*parts, index["index"]]
        late = (statement.scope.variable(variant(part)[1]) for part in parts if "Var" in as_object(part))
        for variable in late:
            if variable and variable.key in statement.unit.needs and variable.key not in statement.unit.first:
                yield Problem("rego-not-before", _LATE, variable.line, variable.column)
    elif kind in CALLS:
        parts = operands(kind, value)
    elif kind == "AssignExpr":
        parts = [value["lhs"], value["rhs"]]
    for part in parts:
        yield from _late_indexes(part, statement)


def _may_be_undefined(term: Json, scope: VariableScope) -> bool:
    kind, value = variant(term)
    if kind == "Var":
        return scope.variable(value) is None
    if kind in CLOSURES:
        return False
    if kind in REFERENCES or kind in CALLS:
        return True
    return any(_may_be_undefined(item, scope) for item in composite_items(kind, value))
