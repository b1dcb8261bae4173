"""Sums, differences, products and quotients in decimal digits: `0.1 + 0.2` is `0.3`, as in OPA."""

from collections.abc import Callable, Iterable
from decimal import Context, Decimal

__all__ = ["difference", "product", "product_of_all", "quotient", "sum_of", "sum_of_all"]

_CONTEXT = Context(prec=19)
"""About the 64 bits with which OPA computes."""
_RANGE = range(-(2**63), 2**64)

Number = int | float


def sum_of(one: Number, other: Number) -> Number:
    """Return `one + other`."""
    return _number(_CONTEXT.add(_decimal(one), _decimal(other)))


def difference(one: Number, other: Number) -> Number:
    """Return `one - other`."""
    return _number(_CONTEXT.subtract(_decimal(one), _decimal(other)))


def product(one: Number, other: Number) -> Number:
    """Return `one * other`."""
    return _number(_CONTEXT.multiply(_decimal(one), _decimal(other)))


def quotient(one: Number, other: Number) -> Number:
    """Return `one / other`."""
    return _number(_CONTEXT.divide(_decimal(one), _decimal(other)))


def sum_of_all(numbers: Iterable[Number]) -> Number:
    """Return the sum of an array or a set."""
    return _folded(_CONTEXT.add, numbers, Decimal(0))


def product_of_all(numbers: Iterable[Number]) -> Number:
    """Return the product of an array or a set."""
    return _folded(_CONTEXT.multiply, numbers, Decimal(1))


def _folded(
    combine: Callable[[Decimal, Decimal], Decimal], numbers: Iterable[Number], found: Decimal
) -> Number:
    if not isinstance(numbers, list | set):
        raise TypeError("neither an array nor a set")
    for number in numbers:
        found = combine(found, _decimal(number))
    return _number(found)


def _decimal(value: Number) -> Decimal:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError("not a number")
    return Decimal(repr(value))


def _number(found: Decimal) -> Number:
    if found == found.to_integral_value() and int(found) in _RANGE:
        return int(found)
    return float(found)
