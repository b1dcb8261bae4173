"""Numbers of requests, configurations and entities as Cedar's `decimal` (section 8.1)."""

from decimal import ROUND_FLOOR, Decimal

from acs_sidecar.engines.cedar.values import extension
from acs_sidecar.spec.values import Json

__all__ = ["MAX_DECIMAL", "fits_decimal", "floored"]

MAX_DECIMAL = Decimal("922337203685477.5807")
_STEP = Decimal("0.0001")
_SURELY_FITS = 10**14


def floored(value: int | float) -> Json:
    """Return the greatest `decimal` that is no more than a number, or the least or greatest there is.

    A limit that is a `decimal` is reached by a number if and only if it is reached by this one.
    """
    if isinstance(value, int) and -_SURELY_FITS < value < _SURELY_FITS:
        return extension("decimal", f"{value}.0")
    exact = Decimal(repr(value))
    if not -MAX_DECIMAL <= exact <= MAX_DECIMAL:
        exact = MAX_DECIMAL.copy_sign(exact)
    return extension("decimal", f"{exact.quantize(_STEP, ROUND_FLOOR):f}")


def fits_decimal(value: int | float) -> bool:
    """True if a number is exactly a `decimal`."""
    exact = Decimal(repr(value))
    return abs(exact) <= MAX_DECIMAL and exact == exact.quantize(_STEP, ROUND_FLOOR)
