"""Comparisons of two JSON values: true, false, or undecided (`None`) across types (section 7.3)."""

import operator
from collections.abc import Callable
from typing import Any

from acs_sidecar.engines.adapters.agt_rules.condition.tree import Operator
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json

__all__ = ["COMPARISONS", "LITERAL_COMPARISONS", "ORDERS", "contains", "is_wrong_path", "kind_of"]


def kind_of(value: Any) -> str | None:  # noqa: ANN401  # any JSON value, or a wrong path
    """Return the JSON type of a value; `None` for a missing one and for a wrong path."""
    return _KINDS.get(type(value))


_KINDS = {str: "text", int: "number", float: "number", bool: "boolean", list: "list", dict: "object"}


def is_wrong_path(value: Any) -> bool:  # noqa: ANN401  # any JSON value, or a wrong path
    return value is not None and type(value) not in _KINDS


def _equal(value: Any, operand: Any) -> bool | None:  # noqa: ANN401  # any JSON values
    kind = kind_of(value)
    if kind is None or kind != kind_of(operand):
        return None
    if kind in ("list", "object"):
        return _comparable(value) == _comparable(operand)
    return bool(value == operand)


def _comparable(value: Json) -> bytes:
    return canonical(_floats(value))


def _floats(value: Json) -> Json:
    """Return a value in which a number of integral value is an integer, however it is written."""
    if isinstance(value, float) and value.is_integer():
        return int(value) if -(2**63) <= value < 2**64 else value
    if isinstance(value, list):
        return [_floats(item) for item in value]
    if isinstance(value, dict):
        return {name: _floats(item) for name, item in value.items()}
    return value


def _member_of(value: Any, items: Any) -> bool | None:  # noqa: ANN401  # any JSON values
    """True if a list has an item of the value's type that equals it; undecided if it has none of its type."""
    kind = kind_of(value)
    if type(items) is not list or kind is None:
        return None
    same = [item for item in items if kind_of(item) == kind]
    if not same:
        return None if items else False
    if kind in ("list", "object"):
        return _comparable(value) in map(_comparable, same)
    return value in same


def contains(value: Any, operand: Any) -> bool | None:  # noqa: ANN401  # any JSON values
    if type(value) is list:
        return _member_of(operand, value)
    if type(operand) is not str or type(value) not in (str, dict):
        return None
    return operand in value


def _starts(value: Any, operand: Any) -> bool | None:  # noqa: ANN401  # any JSON values
    return value.startswith(operand) if type(value) is str and type(operand) is str else None


def _ends(value: Any, operand: Any) -> bool | None:  # noqa: ANN401  # any JSON values
    return value.endswith(operand) if type(value) is str and type(operand) is str else None


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool | None]:
    def ordered(value: Any, operand: Any) -> bool | None:  # noqa: ANN401  # any JSON values
        kind = kind_of(value)
        return compare(value, operand) if kind in ("number", "text") and kind == kind_of(operand) else None

    return ordered


COMPARISONS = {
    Operator.EQ: _equal,
    Operator.IN: _member_of,
    Operator.CONTAINS: contains,
    Operator.STARTSWITH: _starts,
    Operator.ENDSWITH: _ends,
    Operator.LT: _ordered(lambda value, operand: value < operand),
    Operator.LE: _ordered(lambda value, operand: value <= operand),
    Operator.GT: _ordered(lambda value, operand: value > operand),
    Operator.GE: _ordered(lambda value, operand: value >= operand),
}


ORDERS = (operator.lt, operator.le, operator.gt, operator.ge)
LITERAL_COMPARISONS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
    Operator.STARTSWITH: str.startswith,
    Operator.ENDSWITH: str.endswith,
}
"""Comparisons of a value with a literal of its type."""
