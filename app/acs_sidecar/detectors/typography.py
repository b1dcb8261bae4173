"""Text as a keyboard would have typed it: what typesetting, pages and PDFs made of spaces, hyphens, quotes and digits."""

import unicodedata
from dataclasses import dataclass
from functools import cached_property

from acs_sidecar.detectors.folding import INVISIBLE
from acs_sidecar.detectors.rules import utf8
from acs_sidecar.detectors.text_offsets import Remaining

__all__ = ["Typed", "typed", "typed_character"]

_GONE = "\x01"
_KEPT = {0, 0x09, 0x0A, 0x0D}
_VARIANTS = {
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2e3a\u2e3b\u30fc\ufe58\ufe63\uff0d",
    " ": "\x0b\x0c\u1680",
    ".": "\u2024\u3002\uff61",
    "'": "\u2018\u2019\u201a\u201b\u2032",
    '"': "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb",
    "/": "\u2044\u2215",
    "@": "\ufe6b",
    "+": "\ufe62",
    "(": "\u207d",
    ")": "\u207e",
}
_TYPED = {ord(variant): ord(plain) for plain, variants in _VARIANTS.items() for variant in variants}
_WIDE = range(0xFF01, 0xFF5F)
_BMP = 0x10000


def _typed(code: int) -> int:
    """Map one character to one."""
    if code in _TYPED:
        return _TYPED[code]
    if code in _WIDE:
        return code - 0xFEE0
    character = chr(code)
    category = unicodedata.category(character)
    if code in INVISIBLE or (category == "Cc" and code not in _KEPT):
        return ord(_GONE)
    if category == "Nd":
        return ord("0") + unicodedata.digit(character)
    return ord(" ") if category == "Zs" else code


class _TypographyTable(dict[int, int]):
    """Maps what it was not asked yet; remembers as many characters as the basic plane has."""

    def __missing__(self, code: int) -> int:
        mapped = _typed(code)
        if code < _BMP:
            self[code] = mapped
        return mapped


_TABLE = _TypographyTable()
_ASCII = bytes(_typed(code) for code in range(0x80)) + bytes(range(0x80, 0x100))


def typed_character(code: int) -> int | None:
    """Return the character of a keyboard that one stands for, itself if none, `None` for one that is not seen."""
    mapped = _TABLE[code]
    return None if mapped == ord(_GONE) else mapped


@dataclass(frozen=True)
class Typed:
    """A text without typographic variants. `shown` is as long as the original, with a mark where something is gone."""

    text: str
    shown: str

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span in the original."""
        return (start, end) if len(self.text) == len(self.shown) else self._seen.span(start, end)

    @cached_property
    def _seen(self) -> Remaining:
        return Remaining(self.shown.split(_GONE))


def typed(text: str) -> Typed:
    """Replace typographic variants by what is on a keyboard, decimal digits of any script by ASCII ones.

    Invisible and control characters disappear, but for NUL, tabs and line ends.
    """
    shown = utf8(text).translate(_ASCII).decode() if text.isascii() else text.translate(_TABLE)
    return Typed(shown.replace(_GONE, ""), shown)
