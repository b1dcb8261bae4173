"""Sums, differences, products and quotients with the 64 bits of OPA: `0.1 + 0.2` is `0.3`.

Each number is read from its decimal digits, and each result is rounded to the nearest of 64 bits, and
then to what the engine has for its digits. `100 - 99.99` is so a little more than `0.01`, as in OPA; and
for `0.3 - 0.1` the next number above `0.2` stands, for it has no other that is more than `0.2`.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from math import inf, nextafter, prod
from operator import add, mul, sub, truediv
from typing import Any

from acs_sidecar.engines.rego.extensions.exact import BITS, exact, keep, rounded

__all__ = ["absolute", "difference", "product", "product_of_all", "quotient", "sum_of", "sum_of_all"]

_BITS_OF_PRODUCTS = 53
"""OPA's `product` of numbers that are not all whole starts with one of so many bits."""
_LEAST = Fraction(2) ** -1000
_MOST_OF_FRACTIONS = 2**50
"""Between these, a fraction has a number of the engine that differs from all with fewer digits."""
_FEW_DIGITS = 15
_RANGE = range(-(2**63), 2**64)

Number = int | float
Operator = Callable[[Any, Any], Any]


def sum_of(one: Number, other: Number) -> Number:
    """Return `one + other`."""
    return _computed(add, one, other)


def difference(one: Number, other: Number) -> Number:
    """Return `one - other`."""
    return _computed(sub, one, other)


def product(one: Number, other: Number) -> Number:
    """Return `one * other`."""
    return _computed(mul, one, other)


def quotient(one: Number, other: Number) -> Number:
    """Return `one / other`."""
    return _number(rounded(truediv(exact(one), exact(other)), BITS))


def absolute(number: Number) -> Number:
    """Return a number without its sign."""
    if type(number) is int:
        return _whole(abs(number))
    return keep(abs(number), abs(exact(number)))


def sum_of_all(numbers: Iterable[Number]) -> Number:
    """Return the sum of an array or a set."""
    found = _listed(numbers)
    if all(type(number) is int for number in found):
        return _whole(sum(found))
    return _number(_folded(add, found, Fraction(0), BITS))


def product_of_all(numbers: Iterable[Number]) -> Number:
    """Return the product of an array or a set."""
    found = _listed(numbers)
    if all(type(number) is int for number in found):
        return _whole(prod(found))
    total = _folded(mul, found, Fraction(1), _BITS_OF_PRODUCTS)
    if total and not _LEAST < abs(total) < _MOST_OF_FRACTIONS:
        raise ValueError("a product that OPA writes with an exponent")
    return int(total) if total.denominator == 1 else keep(float(total), _read(float(total)))


def _computed(combine: Operator, one: Number, other: Number) -> Number:
    if type(one) is type(other) is int:
        return _whole(combine(one, other))
    return _number(rounded(combine(exact(one), exact(other)), BITS))


def _listed(numbers: Iterable[Number]) -> list[Number]:
    if not isinstance(numbers, list | set):
        raise TypeError("neither an array nor a set")
    for number in numbers:
        exact(number)
    return sorted(numbers) if isinstance(numbers, set) else numbers


def _folded(combine: Operator, numbers: Iterable[Number], found: Fraction, bits: int) -> Fraction:
    for number in numbers:
        found = rounded(combine(found, exact(number)), bits)
    return found


def _whole(number: Number) -> Number:
    if number not in _RANGE:
        raise ValueError("a whole number of more than 64 bits")
    return number


def _number(found: Fraction) -> Number:
    if found.denominator == 1:
        return _whole(found.numerator)
    if not _LEAST < abs(found) < _MOST_OF_FRACTIONS:
        raise ValueError("a fraction that needs more digits than the engine has")
    nearest = float(found)
    written = _read(nearest)
    if written != found and len(Decimal(repr(nearest)).normalize().as_tuple().digits) <= _FEW_DIGITS:
        nearest = nextafter(nearest, inf if found > written else -inf)
    return keep(nearest, found)


def _read(value: float) -> Fraction:
    return rounded(Fraction(repr(value)), BITS)
