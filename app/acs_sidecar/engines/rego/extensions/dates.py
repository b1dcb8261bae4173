"""`time.add_date`: a day that a month does not have runs into the next one, as in OPA."""

from datetime import date

from acs_sidecar.engines.rego.extensions.numbers import checked_integer

__all__ = ["add_date"]

_DAY = 86_400_000_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_MONTHS = 12
_RANGE = range(-(2**63), 2**63)


def add_date(moment: object, years: int, months: int, days: int) -> int:
    """Add years, months and days to a time in nanoseconds, in UTC alone."""
    if isinstance(moment, list) and len(moment) == 2 and moment[1] in ("", "UTC"):
        moment = moment[0]
    whole, rest = divmod(checked_integer(moment), _DAY)
    before = date.fromordinal(_EPOCH + whole)
    month = before.month - 1 + checked_integer(months)
    first = date(before.year + checked_integer(years) + month // _MONTHS, month % _MONTHS + 1, 1)
    after = (first.toordinal() - _EPOCH + before.day - 1 + checked_integer(days)) * _DAY + rest
    if after not in _RANGE:
        raise ValueError("a time that is out of range")
    return after
