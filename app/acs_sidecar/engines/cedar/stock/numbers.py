"""Numbers of requests, configurations and entities in ten-thousandths, as Cedar's `Long` (section 8.1)."""

from decimal import ROUND_FLOOR, Decimal

__all__ = ["MAX_NUMBER", "fits", "ten_thousandths"]

_SCALE = 10_000
_MAX_LONG = 2**63 - 1
MAX_NUMBER = Decimal(_MAX_LONG) / _SCALE
_SURELY_FITS = 10**14


def ten_thousandths(value: int | float | Decimal) -> int:
    """Return the greatest count of ten-thousandths that is no more than a number, within a `Long`.

    A limit of whole ten-thousandths is reached by a number if and only if it is reached by this one.
    """
    if isinstance(value, int) and -_SURELY_FITS < value < _SURELY_FITS:
        return value * _SCALE
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not -MAX_NUMBER <= exact <= MAX_NUMBER:
        return _MAX_LONG if exact > 0 else -_MAX_LONG
    return int((exact * _SCALE).to_integral_value(ROUND_FLOOR))


def fits(value: int | float | Decimal) -> bool:
    """True if a number is exactly so many ten-thousandths."""
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return abs(exact) <= MAX_NUMBER and exact * _SCALE == (exact * _SCALE).to_integral_value(ROUND_FLOOR)
