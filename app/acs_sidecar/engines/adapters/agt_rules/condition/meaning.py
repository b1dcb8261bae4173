"""Tests that no value can decide: an empty list, an order on booleans (sections 7.3, 7.8)."""

from acs_sidecar.engines.adapters.agt_rules.condition.tree import Literal, Name, Operator

__all__ = ["check_test"]

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
