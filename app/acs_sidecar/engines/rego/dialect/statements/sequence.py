"""Statements behind one that may conflict, in the order in which they are written.

The engine evaluates statements that define no variable as early as it can, and others by the names that
they define. So in `x := f(input.a); input.b` it would end with an undefined `input.b` before `f` has two
values, and OPA would not. A variable of the first statement stands in the second one:
`x := f(input.a); [x, input.b][1]`.
"""

from collections.abc import Iterable, Sequence

from acs_sidecar.engines.rego.analysis.syntax import (
    CALLS,
    REFERENCES,
    as_object,
    operands,
    variables,
    variant,
)
from acs_sidecar.engines.rego.dialect.bodies.model import Statement
from acs_sidecar.engines.rego.dialect.scopes import CLOSURES
from acs_sidecar.engines.rego.dialect.statements.draft import Draft
from acs_sidecar.spec.values import Json

__all__ = ["evaluation_order", "guard_following", "is_in_order", "wait_for_guard"]

_MAX_PASSES = 8


def evaluation_order(statements: Sequence[Statement]) -> list[int]:
    """Return the places of statements in the order in which OPA evaluates them.

    It goes over a body again and again, and each time takes those that have the values of their variables.
    """
    pending = list(range(len(statements)))
    if is_in_order(statements):
        return pending
    missing = {key for statement in statements for key in statement.unit.needs.keys() - statement.unit.early}
    order: list[int] = []
    for _ in range(_MAX_PASSES):
        waiting = []
        for place in pending:
            unit = statements[place].unit
            if missing.isdisjoint(unit.early):
                order.append(place)
                missing -= unit.needs.keys()
            else:
                waiting.append(place)
        pending = waiting
    return order + pending


def is_in_order(statements: Iterable[Statement]) -> bool:
    """True if each statement has the values of its variables from those above it."""
    return all(statement.unit.early <= statement.unit.first for statement in statements)


def wait_for_guard(draft: Draft) -> None:
    """Make a statement use the variable of the one before that it is evaluated behind."""
    if draft.waits or draft.guard is None:
        return
    kind, literal = variant(draft.statement.node["literal"])
    member = {"SomeIn": "collection", "Every": "domain"}.get(kind)
    term = literal[member] if member else _first_evaluated(literal["expr"], draft.statement)
    if term is not None:
        draft.replace(span := draft.rewriter.span(term), draft.behind(span))


def guard_following(draft: Draft) -> str | None:
    """Return the variable that the statements behind one that may conflict wait for."""
    unit = draft.statement.unit
    if any(found.name == "_" for found in unit.needs.values()):
        return draft.guard
    if bound := unit.bound():
        return min(found.name for key, found in unit.needs.items() if key in bound)
    used = {found.name for found in [*unit.needs.values(), *unit.captured.values()]}
    draft.enclose(_expression(draft), sorted(used | ({draft.guard} if draft.guard else set())))
    return draft.guard


def _expression(draft: Draft) -> tuple[int, int]:
    """Return the span of a statement without its `not` and `with`."""
    start, end = draft.rewriter.closed(draft.rewriter.offsets(draft.statement.node))
    if "NotExpr" in as_object(draft.statement.node["literal"]):
        start += len("not")
    if draft.modifiers:
        end, _ = draft.rewriter.offsets(as_object(draft.modifiers[0]))
    return start, end


def _first_evaluated(expression: Json, statement: Statement) -> Json:
    """Return a term of an expression that binds no variable, or nothing."""
    kind, value = variant(expression)
    if kind == "AssignExpr":
        sides = [value["rhs"]] if value["op"] == "ColEq" else [value["lhs"], value["rhs"]]
        return next((side for side in sides if _is_evaluated(side, statement)), None)
    if kind in CALLS:
        return next(iter(operands(kind, value)), None)
    return expression if kind in REFERENCES else None


def _is_evaluated(side: Json, statement: Statement) -> bool:
    """Whether a side of an equality is no pattern that binds a variable."""
    kind, _ = variant(side)
    if kind in CALLS or kind in CLOSURES or (kind in REFERENCES and kind != "Var"):
        return True
    names = set(variables(side))
    needs, early = statement.unit.needs, statement.unit.early
    return all(key in early for key, found in needs.items() if found.name in names)
