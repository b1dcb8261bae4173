"""Functions over texts, as OPA has them; what they build is bounded."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote_plus

import re2

from acs_sidecar.engines.rego.extensions.bounds import checked_length
from acs_sidecar.engines.rego.extensions.numbers import checked_position

__all__ = [
    "concat",
    "count_matches",
    "counted",
    "indexof",
    "indexof_n",
    "lower",
    "replace",
    "replace_n",
    "split_n",
    "substring",
    "traced",
    "upper",
    "urlquery_encode",
]

# What has two cases since Unicode 16, which newer interpreters know and OPA does not.
_CASED_LATER = frozenset(
    "\u019b\u0264\u1c89\u1c8a\ua7cb\ua7cc\ua7cd\ua7da\ua7db\ua7dc"
    + "".join(map(chr, (*range(0x10D50, 0x10D66), *range(0x10D70, 0x10D86))))
)


def lower(text: str) -> str:
    """Map each code point to lower case by itself: no code point becomes two, and none minds its place."""
    _check_texts(text)
    if text.isascii():
        return text.lower()
    return "".join(_mapped(symbol, symbol.lower(), "i" if symbol == "\u0130" else symbol) for symbol in text)


def upper(text: str) -> str:
    """Map each code point to upper case by itself."""
    _check_texts(text)
    if text.isascii():
        return text.upper()
    return "".join(
        _mapped(symbol, symbol.upper(), _mapped(symbol, symbol.title(), symbol)) for symbol in text
    )


def replace(text: str, old: str, new: str) -> str:
    """Replace every occurrence of `old`."""
    _check_texts(text, old, new)
    if not old and not text.isascii():
        raise ValueError("an empty text cannot be replaced in a text that is not ASCII")
    checked_length(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def replace_n(replacements: Mapping[str, str], text: str) -> str:
    """Replace many texts in one pass: at each place the first one by name, and never in a replacement."""
    _check_texts(text, *replacements, *replacements.values())
    if "" in replacements:
        raise ValueError("an empty text cannot be replaced")
    if not replacements:
        return text
    pattern = re2.compile("|".join(re2.escape(old) for old in sorted(replacements)))
    checked_length(len(text) + sum(text.count(old) * len(new) for old, new in replacements.items()))
    return str(pattern.sub(lambda found: replacements[found.group()], text))


def concat(delimiter: str, texts: Iterable[str]) -> str:
    """Join an array of texts, or a set of them in their order."""
    if not isinstance(texts, list | set):
        raise TypeError("neither an array nor a set")
    parts = sorted(texts) if isinstance(texts, set) else texts
    _check_texts(delimiter, *parts)
    checked_length(sum(map(len, parts)) + len(delimiter) * len(parts))
    return delimiter.join(parts)


def count_matches(text: str, part: str) -> int:
    """Count the occurrences of `part` that do not overlap."""
    _check_texts(text, part)
    return text.count(part)


def counted(text: str, answer: object) -> object:
    """Return how many characters a text has where `answer` is how many units of UTF-16, or else `answer`."""
    units = len(text.encode("utf_16_le")) // 2
    is_engines = isinstance(answer, int | float) and not isinstance(answer, bool) and answer == units
    return len(text) if is_engines else answer


def indexof(text: str, part: str) -> int:
    """Return the place of the first occurrence in code points, -1 where there is none."""
    _check_searched(text, part)
    return text.find(part)


def indexof_n(text: str, part: str) -> list[int]:
    """Return the places of all occurrences, those that overlap included."""
    _check_searched(text, part)
    places: list[int] = []
    place = text.find(part)
    while place >= 0:
        places.append(place)
        place = text.find(part, place + 1)
    return places


def split_n(text: str, delimiter: str, number: int) -> list[str]:
    """Split a text and return the first `number` parts, the last ones where it is negative."""
    _check_texts(text, delimiter)
    parts = text.split(delimiter) if delimiter else list(text)
    return parts[:number] if checked_position(number) >= 0 else parts[number:]


def substring(text: str, offset: int, length: int) -> str:
    """Return `length` code points from `offset` on, all of them where it is negative."""
    _check_texts(text)
    if checked_position(offset) < 0:
        raise ValueError("a negative offset")
    return text[offset:] if checked_position(length) < 0 else text[offset : offset + length]


def traced(note: str) -> bool:
    """Answer `true`; nobody reads the note."""
    _check_texts(note)
    return True


def urlquery_encode(text: str) -> str:
    """Encode a text for the query of a URL."""
    _check_texts(text)
    return quote_plus(text)


def _check_searched(text: str, part: str) -> None:
    _check_texts(text, part)
    if not part:
        raise ValueError("an empty text is everywhere")


def _mapped(symbol: str, mapped: str, otherwise: str) -> str:
    if symbol in _CASED_LATER:
        return symbol
    return mapped if len(mapped) == 1 else otherwise


def _check_texts(*values: object) -> None:
    if not all(isinstance(value, str) for value in values):
        raise TypeError("not a text")
