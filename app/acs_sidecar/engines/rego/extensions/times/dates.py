"""`time.add_date`, in which a day that a month lacks runs into the next one, and times as Go reads them."""

import re
from datetime import date

from acs_sidecar.engines.rego.extensions.numbers import checked_position

__all__ = ["add_date", "parse_duration", "parse_rfc3339"]

_MOMENT = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})T(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?"
    r"(?:Z|(?P<sign>[+-])(?P<hours>\d{2}):(?P<minutes>\d{2}))",
    re.ASCII,
)
_SECOND = 1_000_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": _SECOND,
    "m": _MINUTE,
    "h": _HOUR,
    "d": _DAY,
    "w": 7 * _DAY,
    "y": 365 * _DAY,
}
_PART = re.compile(r"(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?(?P<unit>[^0-9.]+)")
_EPOCH = date(1970, 1, 1).toordinal()
_MAX_DIGITS = 19
_MONTHS = 12
_RANGE = range(-(2**63), 2**63)


def add_date(moment: object, years: int, months: int, days: int) -> int:
    """Add years, months and days to a time in nanoseconds, in UTC alone."""
    if isinstance(moment, list) and len(moment) == 2 and moment[1] in ("", "UTC"):
        moment = moment[0]
    whole, rest = divmod(checked_position(moment), _DAY)
    before = date.fromordinal(_EPOCH + whole)
    month = before.month - 1 + checked_position(months)
    first = date(before.year + checked_position(years) + month // _MONTHS, month % _MONTHS + 1, 1)
    after = (first.toordinal() - _EPOCH + before.day - 1 + checked_position(days)) * _DAY + rest
    if after not in _RANGE:
        raise ValueError("a time that is out of range")
    return after


def parse_rfc3339(text: str) -> int:
    """Return the nanoseconds since 1970 of a time."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError("not a time as RFC 3339 writes it")
    clock = [int(found[name]) for name in ("hour", "minute", "second")]
    zone = [int(found[name] or 0) for name in ("hours", "minutes")]
    if clock >= [24] or max(clock[1:]) >= 60 or zone[0] > 24 or zone[1] > 60:
        raise ValueError("a time that no clock shows")
    day = date.fromisoformat(found["date"]).toordinal() - _EPOCH
    hour, minute, second = clock
    moment = day * _DAY + hour * _HOUR + minute * _MINUTE + second * _SECOND
    moment += int((found["fraction"] or "")[:9].ljust(9, "0"))
    offset = zone[0] * _HOUR + zone[1] * _MINUTE
    return _checked(moment + (offset if found["sign"] == "-" else -offset))


def parse_duration(text: str) -> int:
    """Return the nanoseconds of a duration: `1h30m`, `1.5s`, `2d`, a year as 365 days."""
    if not isinstance(text, str):
        raise TypeError("not a text")
    unsigned = text[1:] if text.startswith(("+", "-")) else text
    if unsigned == "0":
        return 0
    total = position = 0
    while position < len(unsigned) or not unsigned:
        found = _PART.match(unsigned, position)
        if found is None or not (found["whole"] or found["fraction"]) or found["unit"] not in _UNITS:
            raise ValueError("not a duration")
        total += _amount(found["whole"], found["fraction"] or "", _UNITS[found["unit"]])
        position = found.end()
    return _checked(-total if text.startswith("-") else total)


def _amount(whole: str, fraction: str, unit: int) -> int:
    """Return the nanoseconds of a part; of its fraction as many digits count as fit into 63 bits."""
    zeros = len(fraction) - len(fraction.lstrip("0"))
    fraction = fraction[: zeros + _MAX_DIGITS]
    if int(fraction or 0) not in _RANGE:
        fraction = fraction[:-1]
    return int(whole or 0) * unit + int(float(int(fraction or 0)) * (unit / 10.0 ** len(fraction)))


def _checked(nanoseconds: int) -> int:
    if nanoseconds not in _RANGE:
        raise ValueError("nanoseconds of more than 63 bits")
    return nanoseconds
