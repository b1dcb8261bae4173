"""Functions over numbers, whole where bits are meant, as OPA has them."""

import re
from math import inf

__all__ = [
    "both",
    "ceil",
    "checked_integer",
    "checked_position",
    "either",
    "floor",
    "formatted_integer",
    "held",
    "negate",
    "shifted_left",
    "shifted_right",
    "to_number",
    "xor",
]

_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_MAX_BITS = 64
_RANGE = range(-(2**63), 2**64)
"""Whole numbers that the engine keeps exactly."""
_POSITIONS = range(-(2**63), 2**63)
_BASES = {2: "b", 8: "o", 10: "d", 16: "x"}


def checked_integer(value: object) -> int:
    """Return a value that is a whole number. Raises `TypeError`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not a whole number")
    return value


def checked_position(value: object) -> int:
    """Return a whole number that places and counts can be. Raises `TypeError`, `ValueError`."""
    number = checked_integer(value)
    if number not in _POSITIONS:
        raise ValueError("a number of more than 63 bits")
    return number


def formatted_integer(number: float, base: int) -> str:
    """Write a number in base 2, 8, 10 or 16; what is behind the point is cut off."""
    if base not in _BASES:
        raise ValueError("a base that is none of 2, 8, 10 and 16")
    return format(int(_number(number)), _BASES[base])


def both(one: int, other: int) -> int:
    """Return the bits that two numbers have."""
    return _kept(checked_integer(one) & checked_integer(other))


def either(one: int, other: int) -> int:
    """Return the bits that one of two numbers has."""
    return _kept(checked_integer(one) | checked_integer(other))


def ceil(number: float) -> float:
    """Round up; as in OPA, numbers between -1 and 0 become 1."""
    return held(int(_number(number)) + (number > -1 and number != int(number)))


def floor(number: float) -> float:
    """Round down; as in OPA, numbers between -1 and 0 become 0."""
    return held(int(_number(number)) - (number <= -1 and number != int(number)))


def negate(number: int) -> int:
    """Invert all bits."""
    return _kept(~checked_integer(number))


def to_number(value: object) -> float:
    """Return the number that a text writes, 0 or 1 for `false` or `true`, 0 for `null`."""
    if value is None or isinstance(value, bool):
        return int(value or 0)
    if not isinstance(value, str):
        return _number(value)
    if _DECIMAL.fullmatch(value) is None:
        raise ValueError("not a number")
    if value.lstrip("+-").isdigit():
        return held(int(value))
    number = float(value)
    if number in (inf, -inf):
        raise ValueError("a number out of range")
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def xor(one: int, other: int) -> int:
    """Return the bits in which two numbers differ."""
    return _kept(checked_integer(one) ^ checked_integer(other))


def shifted_left(number: int, places: int) -> int:
    """Multiply by a power of two; what needs more than 64 bits fails."""
    if not 0 <= checked_integer(places) <= _MAX_BITS and number != 0:
        raise ValueError("a negative shift, or one by more than 64 places")
    return _kept(checked_integer(number) << min(places, _MAX_BITS))


def shifted_right(number: int, places: int) -> int:
    """Divide by a power of two, and round down."""
    return checked_integer(number) >> min(checked_integer(places), _MAX_BITS)


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError("not a number")
    return value


def held(number: int) -> float:
    """Return a whole number as the engine can hold it."""
    return number if number in _RANGE else float(number)


def _kept(number: int) -> int:
    if number not in _RANGE:
        raise ValueError("a number of more than 64 bits")
    return number
