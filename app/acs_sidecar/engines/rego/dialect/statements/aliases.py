"""A variable that has its value already, on a side of an equality.

The engine takes `z` of `z := y` or `[_, z] = y` for unbound in `input.o[z]`, and `y` of `y = is_number(y)`
for what the statement defines. An expression takes the place of the variable: `z := [y][0]`.

And it finds no value for an index that the other side could bind: `input.o[x] = x` becomes
`v := input.o[x]; v = x`.

Nor does it wait for the variables of a key or of an element of a set: `{x: 1} = y` becomes `[{x: 1}][0] = y`.
"""

from collections.abc import Iterator

from acs_sidecar.engines.rego.analysis.syntax import (
    CALLS,
    LINKS,
    as_list,
    composite_items,
    equated,
    operands,
    variables,
    variant,
    varying_indexes,
)
from acs_sidecar.engines.rego.dialect.bodies.model import Statement
from acs_sidecar.engines.rego.dialect.scopes import CLOSURES
from acs_sidecar.engines.rego.dialect.statements.draft import Draft
from acs_sidecar.spec.values import Json

__all__ = ["bind_indexed", "evaluate_alias", "evaluate_indexes", "evaluate_keys"]


def evaluate_alias(draft: Draft, *, is_index: bool) -> None:
    """Replace a variable that has its value, where another one gets it, by an expression.

    Parts of patterns are looked at where a variable of the body is an index (`is_index`).
    """
    kind, literal = variant(draft.statement.node["literal"])
    if kind != "Expr":
        return
    kind, assignment = variant(literal["expr"])
    if kind != "AssignExpr":
        return
    sides = [assignment["lhs"], assignment["rhs"]]
    replaced = [
        one
        for pair in (equated(*sides) if is_index else [(sides[0], sides[1])])
        for one, other in (pair, pair[::-1])
        if _is_known(one, draft.statement)
        and any(_is_bound_by(leaf, draft.statement) for leaf in _leaves(other))
    ]
    if assignment["op"] != "ColEq":
        for side, other in (sides, sides[::-1]):
            names = set(variables(other))
            replaced += [
                leaf
                for leaf in _leaves(side)
                if _is_known(leaf, draft.statement) and variant(leaf)[1]["value"] in names
            ]
    for span in dict.fromkeys(map(draft.rewriter.span, replaced)):
        draft.rewriter.replace(span, ["[", span, "][0]"])


def evaluate_indexes(draft: Draft) -> None:
    """Replace variables that have their values by expressions where they are indexes."""
    kind, literal = variant(draft.statement.node["literal"])
    pending: list[Json] = [literal["domain"] if kind == "Every" else dict(literal)]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            kind, value = variant(node) if len(node) == 1 else ("", node)
            if kind == "RefBrack" and _is_known(value["index"], draft.statement):
                span = draft.rewriter.span(value["index"])
                draft.rewriter.replace(span, ["[", span, "][0]"])
            if kind not in CLOSURES:
                pending.extend(value for name, value in node.items() if name != "span")


def evaluate_keys(draft: Draft) -> None:
    """Replace objects and sets that bind nothing, and have variables as keys or elements, by expressions."""
    kind, literal = variant(draft.statement.node["literal"])
    kind, assignment = variant(literal["expr"]) if kind in ("Expr", "NotExpr") else ("", {})
    if kind != "AssignExpr":
        return
    unit = draft.statement.unit
    bound = {found.name for key, found in unit.needs.items() if key not in unit.early}
    for side in (assignment["lhs"], assignment["rhs"]):
        for found in _keyed(side):
            if bound.isdisjoint(variables(found)):
                span = draft.rewriter.span(found)
                draft.rewriter.replace(span, ["[", span, "][0]"])


def _keyed(pattern: Json) -> Iterator[Json]:
    """Yield the outermost objects and sets of a pattern in which a key or an element has variables."""
    kind, value = variant(pattern)
    items = composite_items(kind, value)
    keys = items if kind == "Set" else items[::2] if kind == "Object" else []
    if any(next(variables(key), None) for key in keys):
        yield pattern
    else:
        for item in items:
            yield from _keyed(item)


def bind_indexed(draft: Draft) -> None:
    """Bind the references of an equality that have an index which its sides could bind."""
    kind, literal = variant(draft.statement.node["literal"])
    kind, expression = variant(literal["expr"]) if kind == "Expr" else ("", {})
    if kind == "AssignExpr":
        sides = [expression["lhs"], expression["rhs"]]
        patterns = sides
    elif kind == "Call" and (sides := operands(kind, expression)):
        patterns = sides[-1:]
    else:
        return
    if draft.modifiers and draft.spans_lines():
        return
    names = {
        variant(leaf)[1]["value"]
        for pattern in patterns
        for leaf in _leaves(pattern)
        if _is_bound_by(leaf, draft.statement)
    } - {"_"}
    for side in sides:
        for reference in _references(side):
            if not names.isdisjoint(variables(varying_indexes(reference))):
                draft.bind(reference)


def _references(term: Json) -> Iterator[Json]:
    """Yield the references with an index in a term."""
    kind, value = variant(term)
    if kind in LINKS:
        yield term
    for part in operands(kind, value) if kind in CALLS else composite_items(kind, value):
        yield from _references(part)


def _is_known(term: Json, statement: Statement) -> bool:
    """True if a term is a variable that has its value before the statement."""
    kind, value = variant(term)
    variable = statement.scope.variable(value) if kind == "Var" else None
    return variable is not None and variable.key in statement.unit.early


def _is_bound_by(leaf: Json, statement: Statement) -> bool:
    """True if a variable of a pattern gets its value by the statement."""
    variable = statement.scope.variable(variant(leaf)[1])
    return variable is not None and variable.key not in statement.unit.early


def _leaves(pattern: Json) -> Iterator[Json]:
    """Yield the variables that a pattern could bind."""
    kind, value = variant(pattern)
    if kind == "Var":
        yield pattern
    elif kind == "Array":
        for item in as_list(value["items"]):
            yield from _leaves(item)
    elif kind == "Object":
        for item in as_list(value["fields"]):
            yield from _leaves(as_list(item)[2])
