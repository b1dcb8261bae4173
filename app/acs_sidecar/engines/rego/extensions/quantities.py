"""`units.*`: amounts with a unit, as OPA reads them: exact, and cut off where bytes are counted."""

import re
from fractions import Fraction

from acs_sidecar.engines.rego.extensions.exact import rounded
from acs_sidecar.engines.rego.extensions.numbers import held

__all__ = ["parse", "parse_bytes"]

_AMOUNT = re.compile(r"(?P<number>(?:[0-9.+-]|[eE][+-]|[eE](?=[0-9]))+)(?P<unit>[a-zA-Z]*)", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_BITS = 64
_PLACES = 10
"""Digits behind the point that OPA keeps."""
_FACTORS = {
    "": 1,
    **{symbol: 1000**power for power, symbol in enumerate("kmgtpe", 1)},
    **{f"{symbol}i": 1024**power for power, symbol in enumerate("kmgtpe", 1)},
}


def parse(text: str) -> float:
    """Read an amount: `m` is a thousandth, and `M` a million."""
    number, unit = _read(text)
    amount = number / 1000 if unit == "m" else number * _FACTORS[unit.lower()]
    if amount.denominator == 1:
        return held(amount.numerator)
    digits = int(abs(amount) * 10**_PLACES + Fraction(1, 2))
    return float(Fraction(digits if amount > 0 else -digits, 10**_PLACES))


def parse_bytes(text: str) -> float:
    """Read a number of bytes: `kb` are a thousand, and `kib` 1,024."""
    number, unit = _read(text)
    unit = unit.lower()
    factor = _FACTORS[unit if unit == "b" else unit.removesuffix("b")]
    return held(int(rounded(rounded(number, _BITS) * factor, _BITS)))


def _read(text: str) -> tuple[Fraction, str]:
    if not isinstance(text, str):
        raise TypeError("not a text")
    found = _AMOUNT.fullmatch(text.replace('"', ""))
    if found is None or _NUMBER.fullmatch(found["number"]) is None:
        raise ValueError("not an amount")
    return Fraction(found["number"]), found["unit"]
