"""`time.parse_ns`: times in a layout of Go, which is how it would write 2006-01-02 15:04:05."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

__all__ = ["parse_time"]

_NAMED = {
    "ANSIC": "Mon Jan _2 15:04:05 2006",
    "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST",
    "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700",
    "RFC3339": "2006-01-02T15:04:05Z07:00",
    "RFC3339Nano": "2006-01-02T15:04:05.999999999Z07:00",
    "RFC822": "02 Jan 06 15:04 MST",
    "RFC822Z": "02 Jan 06 15:04 -0700",
    "RFC850": "Monday, 02-Jan-06 15:04:05 MST",
    "RubyDate": "Mon Jan 02 15:04:05 -0700 2006",
    "UnixDate": "Mon Jan _2 15:04:05 MST 2006",
}
"""The layouts that OPA knows by name."""

_ELEMENT = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|2|_(?=2006)|__2|_2|[345]|PM|pm"
    r"|-(?:070000|07:00:00|0700|07:00|07)|Z(?:070000|07:00:00|0700|07:00|07)"
    r"|[.,](?P<digits>0+|9+)(?![0-9])",
    re.ASCII,
)
_ZONES = {
    "07": r"(?P<sign>[+-])(?P<hours>[0-9]{2})",
    "0700": r"(?P<sign>[+-])(?P<hours>[0-9]{2})(?P<minutes>[0-9]{2})",
    "07:00": r"(?P<sign>[+-])(?P<hours>[0-9]{2}):(?P<minutes>[0-9]{2})",
    "070000": r"(?P<sign>[+-])(?P<hours>[0-9]{2})(?P<minutes>[0-9]{2})(?P<seconds>[0-9]{2})",
    "07:00:00": r"(?P<sign>[+-])(?P<hours>[0-9]{2}):(?P<minutes>[0-9]{2}):(?P<seconds>[0-9]{2})",
}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_SHORT = 3
_NUMBERS = {
    "01": ("month", 2),
    "1": ("month", 1),
    "02": ("day", 2),
    "2": ("day", 1),
    "_2": ("day", 1),
    "15": ("hour", 1),
    "03": ("hour12", 2),
    "3": ("hour12", 1),
    "04": ("minute", 2),
    "4": ("minute", 1),
    "05": ("second", 2),
    "5": ("second", 1),
}
"""The member that an element stands for, and how many digits it has at least."""
_LIMITS = {
    "month": range(1, 13),
    "hour": range(24),
    "hour12": range(13),
    "minute": range(60),
    "second": range(60),
}
_OFFSETS = {"hours": 24, "minutes": 60, "seconds": 60}
_EPOCH = date(1970, 1, 1)
_RANGE = range(-(2**63), 2**63)
_FIRST_OF_1900 = 69
_NOON = 12


def parse_time(layout: str, text: str) -> int:
    """Return the nanoseconds since 1970 of a time.

    Raises `ValueError` where Go does, and for the abbreviation of a zone other than UTC and GMT: what Go
    takes it for depends on the machine.
    """
    if not isinstance(layout, str) or not isinstance(text, str):
        raise TypeError("not a text")
    return _TimeText(text).nanoseconds(_NAMED.get(layout, layout))


class _TimeText:
    """A text while it is read, element by element."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: dict[str, int] = {}
        self._offset = 0
        self._is_utc = False

    def nanoseconds(self, layout: str) -> int:
        """Return the time that the text is by a layout."""
        elements = list(_elements(layout))
        for at, (prefix, element) in enumerate(elements):
            self._skip(prefix)
            if element:
                self._element(element, following=elements[at + 1][1])
        if self._text:
            raise ValueError("more than a time")
        return self._moment()

    def _skip(self, prefix: str) -> None:
        """Read what stands between elements; a space stands for any number of them."""
        while prefix:
            if prefix.startswith(" "):
                if self._text and not self._text.startswith(" "):
                    raise ValueError("no space")
                prefix, self._text = prefix.lstrip(" "), self._text.lstrip(" ")
            elif self._text.startswith(prefix[0]):
                prefix, self._text = prefix[1:], self._text[1:]
            else:
                raise ValueError("another text than that of the layout")

    def _element(self, element: str, following: str) -> None:
        if element in _NUMBERS:
            self._member(element)
            if element in ("05", "5") and not following.startswith((".", ",")):
                self._fraction(optional=True)
        elif element[0] in ".,":
            self._fraction(optional=element[1] == "9", digits=len(element) - 1)
        elif element == "2006":
            self._found["year"] = int(self._take("[0-9]{4}"))
        elif element == "06":
            year = int(self._take("[0-9]{2}|[+][0-9]"))
            self._found["year"] = year + (1900 if year >= _FIRST_OF_1900 else 2000)
        elif element in ("002", "__2"):
            if element == "__2":
                self._take(" {0,2}")
            self._found["day of year"] = int(self._take("[0-9]{3}" if element == "002" else "[0-9]{1,3}"))
        elif element in ("PM", "pm"):
            morning, afternoon = ("AM", "PM") if element == "PM" else ("am", "pm")
            is_afternoon = self._take(f"{morning}|{afternoon}") == afternoon
            self._found["afternoon" if is_afternoon else "morning"] = 1
        elif element in ("January", "Jan"):
            self._found["month"] = 1 + self._name(_MONTHS, short=element == "Jan")
        elif element in ("Monday", "Mon"):
            self._name(_DAYS, short=element == "Mon")
        elif element == "MST":
            self._is_utc |= self._take(r"UTC|GMT(?![+-])") == "UTC"
        else:
            self._zone(element)

    def _member(self, element: str) -> None:
        name, digits = _NUMBERS[element]
        if element == "_2":
            self._take(" ?")
        number = int(self._take(f"[0-9]{{{digits},2}}"))
        if number not in _LIMITS.get(name, range(100)):
            raise ValueError(f"a number that no {name} has")
        self._found["hour" if name == "hour12" else name] = number

    def _fraction(self, *, optional: bool, digits: int | None = None) -> None:
        if written := self._take(r"([.,][0-9]+)?" if optional else f"[.,][0-9]{{{digits}}}"):
            self._found["fraction"] = int(written[1:10].ljust(9, "0"))

    def _name(self, names: Sequence[str], *, short: bool) -> int:
        for number, name in enumerate(names):
            form = name[:_SHORT] if short else name
            start = self._text[: len(form)]
            if start.isascii() and start.lower() == form.lower():
                self._text = self._text[len(form) :]
                return number
        raise ValueError("not a name")

    def _zone(self, element: str) -> None:
        if element.startswith("Z") and self._text.startswith("Z"):
            self._text = self._text[1:]
            self._is_utc = True
            return
        found = re.match(_ZONES[element[1:]], self._text, re.ASCII)
        if found is None:
            raise ValueError("not a zone")
        self._text = self._text[found.end() :]
        parts = {name: int(found.groupdict().get(name) or 0) for name in _OFFSETS}
        if any(parts[name] > limit for name, limit in _OFFSETS.items()):
            raise ValueError("a zone that no place has")
        offset = (parts["hours"] * 60 + parts["minutes"]) * 60 + parts["seconds"]
        self._offset = -offset if found["sign"] == "-" else offset

    def _take(self, pattern: str) -> str:
        found = re.match(pattern, self._text, re.ASCII)
        if found is None:
            raise ValueError("another text than that of the layout")
        self._text = self._text[found.end() :]
        return found.group()

    def _moment(self) -> int:
        given = self._found
        day = date(given.get("year", 0), given.get("month", 1), 1)
        if (number := given.get("day of year")) is not None:
            first = date(day.year, 1, 1)
            found = first + timedelta(number - 1)
            members = ("month", found.month), ("day", found.day)
            if found.year != day.year or any(given.get(name, value) != value for name, value in members):
                raise ValueError("a day that the year does not have there")
        else:
            found = date(day.year, day.month, given.get("day", 1))
        hour = given.get("hour", 0)
        if "afternoon" in given and hour < _NOON:
            hour += _NOON
        elif "morning" in given and hour == _NOON:
            hour = 0
        offset = 0 if self._is_utc else self._offset
        seconds = (found - _EPOCH).days * 86_400 + hour * 3_600 + given.get("minute", 0) * 60
        moment = (seconds + given.get("second", 0) - offset) * 1_000_000_000 + given.get("fraction", 0)
        if moment not in _RANGE:
            raise ValueError("nanoseconds of more than 63 bits")
        return moment


def _elements(layout: str) -> Iterator[tuple[str, str]]:
    """Yield each element of a layout with what stands before it, and at last what stands behind them."""
    position = 0
    for found in _ELEMENT.finditer(layout):
        if found.group() != "_":
            yield layout[position : found.start()], found.group()
            position = found.end()
    yield layout[position:], ""
