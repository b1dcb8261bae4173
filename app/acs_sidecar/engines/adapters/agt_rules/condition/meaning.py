"""Tests that no value can decide: an empty list, an order on booleans (sections 7.3, 7.8)."""

from collections.abc import Collection

from acs_sidecar.engines.adapters.agt_rules.condition.tree import (
    Condition,
    Literal,
    Name,
    Operator,
    Test,
    path_text,
    tests_of,
)

__all__ = ["check_closed", "check_test"]

_EQUALITIES = frozenset({Operator.EQ, Operator.NE, Operator.IN, Operator.NOT_IN})
_TEXT_ONLY = frozenset(
    {Operator.STARTSWITH, Operator.NOT_STARTSWITH, Operator.ENDSWITH, Operator.NOT_ENDSWITH}
)


def check_test(operator: Operator, operand: Literal | tuple[Literal, ...] | Name) -> tuple[str, str] | None:
    """Return the code and the message of a test that its literals decide, or `None`."""
    if operand == () and isinstance(operand, tuple):
        return "agt-never", "nothing is in an empty list: list the values, or remove the test"
    if isinstance(operand, bool) and operator.is_order:
        return "agt-never", f"`{operator}` has no meaning for booleans: write `==` or `!=`"
    if operator in _TEXT_ONLY and not isinstance(operand, str | Name):
        return "agt-never", f"`{operator}` compares texts: quote the operand"
    return None


def check_closed(condition: Condition, name: Name, values: Collection[str]) -> tuple[str, str] | None:
    """Return the code and the message of a test of `name` that none of its `values` can meet, or `None`.

    A name that can have any value has no `values`.
    """
    if not values:
        return None
    path, listed = path_text(name.segments), ", ".join(f"`{value}`" for value in values)
    for test in tests_of(condition):
        if not isinstance(test, Test) or test.name != name or isinstance(test.operand, Name):
            continue
        if test.operator.is_order:
            return "agt-never", f"`{path}` is {listed}, which have no order: list them after `in`"
        literals = test.operand if isinstance(test.operand, tuple) else (test.operand,)
        if test.operator in _EQUALITIES and not all(literal in values for literal in literals):
            return "agt-never", f"`{path}` is never that: it is one of {listed}"
    return None
