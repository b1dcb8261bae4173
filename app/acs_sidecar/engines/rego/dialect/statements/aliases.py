"""A variable that has its value already, on a side of an equality.

The engine takes the index of `z := y; input.o[z]` for unbound, and `y` of `y = is_number(y)` for what the
statement defines, and refuses such a rule. An expression takes the place of the variable: `z := [y][0]`.
"""

from collections.abc import Iterator

from acs_sidecar.engines.rego.analysis.syntax import as_list, variables, variant
from acs_sidecar.engines.rego.dialect.statements.draft import Draft
from acs_sidecar.spec.values import Json

__all__ = ["evaluate_alias"]


def evaluate_alias(draft: Draft) -> None:
    """Replace a variable that equals another one, or what is made of itself, by an expression."""
    kind, literal = variant(draft.statement.node["literal"])
    if kind != "Expr":
        return
    kind, assignment = variant(literal["expr"])
    if kind != "AssignExpr":
        return
    scope, early = draft.statement.scope, draft.statement.unit.early
    sides = [assignment["lhs"], assignment["rhs"]]
    found = [scope.variable(node) if kind == "Var" else None for kind, node in map(variant, sides)]
    known = [variable is not None and variable.key in early for variable in found]
    replaced = [sides[known.index(True)]] if None not in found and any(known) and not all(known) else []
    if assignment["op"] != "ColEq" and None in found:
        for side, other in (sides, sides[::-1]):
            names = set(variables(other))
            replaced += [
                leaf
                for leaf in _leaves(side)
                if (variable := scope.variable(variant(leaf)[1]))
                and variable.key in early
                and variable.name in names
            ]
    for node in replaced:
        span = draft.rewriter.span(node)
        draft.rewriter.replace(span, ["[", span, "][0]"])


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
