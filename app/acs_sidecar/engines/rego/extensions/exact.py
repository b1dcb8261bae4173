"""Numbers of more digits than the engine has, by those that stand for them in it, for one evaluation.

OPA keeps 64 bits of what it computes, and the engine 53. So each fraction that is computed is kept here: a
further computation reads it, and texts and the answer have the digits that OPA writes.
"""

import threading
from decimal import Context, Decimal
from fractions import Fraction

import orjson

from acs_sidecar.spec.values import Json

__all__ = [
    "BITS",
    "answered",
    "begin",
    "check_digits",
    "digits_of",
    "exact",
    "keep",
    "nearest",
    "rounded",
    "with_digits",
]

BITS = 64
_FEWEST, _MOST = 15, 22
"""How many digits are tried for a number of 64 bits; the last always suffice."""
_PLAIN = range(-4, 6)
"""The exponents that Go does not write."""


class _Kept(threading.local):
    """The fractions of the evaluation in this thread."""

    def __init__(self) -> None:
        self.numbers: dict[float, Fraction] = {}


_KEPT = _Kept()


def begin() -> None:
    """Forget the numbers of the evaluation before."""
    _KEPT.numbers.clear()


def keep(stand_in: float, number: Fraction) -> float:
    """Return a number of the engine that stands for another one from now on. Raises `ValueError`."""
    if _KEPT.numbers.setdefault(stand_in, number) != number:
        raise ValueError("two numbers that the engine cannot tell apart")
    return stand_in


def exact(value: object) -> Fraction:
    """Return what a number of the engine stands for, as OPA reads its digits. Raises `TypeError`."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError("not a number")
    kept = _KEPT.numbers.get(value) if isinstance(value, float) else None
    return rounded(Fraction(repr(value)), BITS) if kept is None else kept


def rounded(value: Fraction, bits: int) -> Fraction:
    """Return the nearest number of so many bits, of two the even one."""
    if value.denominator == 1 and abs(value.numerator) < 2**bits:
        return value
    scale = bits - (abs(value.numerator).bit_length() - value.denominator.bit_length())
    unit = Fraction(2) ** scale
    if abs(value * unit) >= 2**bits:
        unit /= 2
    return round(value * unit) / unit


def nearest(value: float) -> float:
    """Return the float that is next to what a number stands for."""
    kept = _KEPT.numbers.get(value)
    return value if kept is None else float(_shortest(kept))


def digits_of(value: float) -> str:
    """Write a number as OPA does: by its shortest digits, or as it stands in a request."""
    kept = _KEPT.numbers.get(value)
    return orjson.dumps(value).decode() if kept is None else with_digits(_shortest(kept))


def check_digits(value: Json) -> None:
    """Raise `ValueError` where the engine would write a number of a value with other digits than OPA."""
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, float) and digits_of(node) != orjson.dumps(node).decode():
            raise ValueError("a fraction that OPA writes in another way")
        if isinstance(node, dict | list):
            pending.extend(node.values() if isinstance(node, dict) else node)


def with_digits(number: Decimal) -> str:
    """Write a number as Go does, with an exponent where it has one."""
    sign, digits, _ = number.normalize().as_tuple()
    text, exponent = "".join(map(str, digits)), number.adjusted()
    if exponent not in _PLAIN:
        fraction = f".{text[1:]}" if text[1:] else ""
        written = f"{text[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    else:
        written = f"{abs(number.normalize()):f}"
    return f"-{written}" if sign else written


def answered(value: Json) -> Json:
    """Return an answer in which each number that stands for another one is the float next to that."""
    return _replaced(value) if _KEPT.numbers else value


def _replaced(value: Json) -> Json:
    if isinstance(value, float):
        return nearest(value)
    if isinstance(value, list):
        return [_replaced(item) for item in value]
    if isinstance(value, dict):
        return {name: _replaced(item) for name, item in value.items()}
    return value


def _shortest(number: Fraction) -> Decimal:
    """Return the shortest digits that stand for a number, as which OPA writes it."""
    for digits in range(_FEWEST, _MOST):
        text = Context(prec=digits).divide(Decimal(number.numerator), Decimal(number.denominator))
        if rounded(Fraction(text), BITS) == number:
            break
    return text
