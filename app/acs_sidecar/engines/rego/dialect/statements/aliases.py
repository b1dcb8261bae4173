"""A variable that is another variable: `z := y; input.o[z]`.

The engine takes such an index for unbound, and refuses the rule. An expression takes the place of the
variable: `z := [y][0]`.
"""

from acs_sidecar.engines.rego.analysis.syntax import variant
from acs_sidecar.engines.rego.dialect.statements.draft import Draft

__all__ = ["evaluate_alias"]


def evaluate_alias(draft: Draft) -> None:
    """Replace a variable that a statement assigns to another one by an expression."""
    kind, literal = variant(draft.statement.node["literal"])
    if kind != "Expr":
        return
    kind, assignment = variant(literal["expr"])
    if kind != "AssignExpr":
        return
    scope, early = draft.statement.scope, draft.statement.unit.early
    sides = [assignment["lhs"], assignment["rhs"]]
    variables = [scope.variable(node) if kind == "Var" else None for kind, node in map(variant, sides)]
    known = [variable is not None and variable.key in early for variable in variables]
    if None not in variables and known in ([False, True], [True, False]):
        span = draft.rewriter.span(sides[known.index(True)])
        draft.rewriter.replace(span, ["[", span, "][0]"])
