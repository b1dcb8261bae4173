"""Text of a request as a value of a Cedar extension type that a schema declares (section 1.7.1).

Each reader returns what the engine's constructor of that name reads, or raises `ExtensionTextError`. What
one accepts the engine accepts: an attribute that no policy reads never reaches the engine.
"""

import datetime
import ipaddress
import re
from collections.abc import Callable, Mapping

__all__ = ["EXTENSION_TEXTS", "ExtensionTextError"]

_MIN_LONG, _MAX_LONG = -(2**63), 2**63 - 1

_DECIMAL = re.compile(r"(-?[0-9]{1,20})\.([0-9]{1,4})")
_DATE = r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
_DATETIME = re.compile(
    rf"{_DATE}(?:[Tt](?P<time>(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(?:\.(?P<fraction>[0-9]{{1,100}}))?"
    r"(?:[Zz]|(?P<sign>[+-])(?P<hours>[01][0-9]|2[0-3]):?(?P<minutes>[0-5][0-9])))?"
)
_DURATION = re.compile(
    r"(?P<sign>-?)(?:(?P<d>[0-9]{1,20})d)?(?:(?P<h>[0-9]{1,20})h)?(?:(?P<m>[0-9]{1,20})m)?"
    r"(?:(?P<s>[0-9]{1,20})s)?(?:(?P<ms>[0-9]{1,20})ms)?"
)
_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_ADDRESS = re.compile(r"(?P<address>[0-9A-Fa-f.:]{2,39})(?:/(?P<prefix>0|[1-9][0-9]{0,2}))?")


class ExtensionTextError(ValueError):
    """A text that is not of the form of its type; the message says which form that is."""


def _decimal(text: str) -> str:
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise ExtensionTextError("a decimal such as `12.5`, with one to four fractional digits")
    scaled = int(found[1] + found[2].ljust(4, "0"))
    if not _MIN_LONG <= scaled <= _MAX_LONG:
        raise ExtensionTextError("a decimal within the range of Cedar")
    return text


def _datetime(text: str) -> str:
    """Read RFC 3339, and the date alone that Cedar also has; write what Cedar reads, to the millisecond."""
    found = _DATETIME.fullmatch(text)
    if found is None:
        raise ExtensionTextError("a time of RFC 3339 such as `2026-01-31T09:30:00Z`, nor a date")
    year, day = found["date"][:4], found["date"][4:]
    try:
        # Python's calendar has no year 0, which has the days of every 400th.
        datetime.date.fromisoformat(f"{'2000' if year == '0000' else year}{day}")
    except ValueError:
        raise ExtensionTextError("a day of the calendar") from None
    if found["time"] is None:
        return text
    fraction = (found["fraction"] or "").rstrip("0")
    if len(fraction) > 3:
        raise ExtensionTextError("a time of whole milliseconds, which is the finest that Cedar holds")
    offset = f"{found['sign']}{found['hours']}{found['minutes']}" if found["sign"] else "Z"
    return f"{found['date']}T{found['time']}.{fraction.ljust(3, '0')}{offset}"


def _duration(text: str) -> str:
    found = _DURATION.fullmatch(text)
    if found is None or not any(found[unit] for unit in _MILLISECONDS):
        raise ExtensionTextError("a duration of Cedar such as `1d2h30m` or `1500ms`")
    total = sum(int(found[unit] or 0) * factor for unit, factor in _MILLISECONDS.items())
    if total > _MAX_LONG:
        raise ExtensionTextError("a duration within the range of Cedar")
    return text


def _ip_address(text: str) -> str:
    found = _ADDRESS.fullmatch(text)
    try:
        address = ipaddress.ip_address(found["address"] if found else "")
    except ValueError:
        raise ExtensionTextError("an IP address, or a range such as `10.0.0.0/8`") from None
    if found and found["prefix"] and int(found["prefix"]) > address.max_prefixlen:
        raise ExtensionTextError("an IP range with a prefix that the address has room for")
    if address.version == 6 and "." in text:
        raise ExtensionTextError("an IPv6 address in hexadecimal alone")
    return text


EXTENSION_TEXTS: Mapping[str, Callable[[str], str]] = {
    "datetime": _datetime,
    "decimal": _decimal,
    "duration": _duration,
    "ipaddr": _ip_address,
}
"""The reader of each extension type by its name in a schema."""
