"""Text as a reader takes it, its case kept: no invisible characters, accents, wide forms, ligatures and look-alikes.

Unlike `folding` it keeps case, digits and punctuation, so that an expression for plain text matches what
only looks like plain text.
"""

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from acs_sidecar.detectors.folding import INVISIBLE
from acs_sidecar.detectors.typography import typed_character

__all__ = ["Legible", "legible"]

_BMP = 0x10000
_HANGUL = range(0xAC00, 0xD7B0)  # decomposing a syllable would leave its parts
_MARKS = frozenset({"Mn", "Me"})
_STROKED = str.maketrans(
    "ıłøđħŧŁØĐĦŦƀɓƈȼɗƌɇƒꞙǥɠɨɉƙƚɲƞɵƥɍʂȿƭʉʋⱳɏƴƶʐⱥ",
    "ilodhtLODHTbbccddeffggijklnnoprsstuvwyyzza",
)
_ALIKE = str.maketrans(
    "авсԁеһіјкӏмнорԛѕтхуԝгαβεηικνορτυχωγАВЕЅІЈКМНОРСТХУΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "abcdehijklmhopqstxywrabenikvoptuxwyABESIJKMHOPCTXYABEZHIKMNOPTYX",
)
_LATIN = re.compile(r"[A-Za-z]")
_WORD = re.compile(r"\w+")


def _shown(code: int) -> str:
    """Return what a reader takes one character for, nothing for what is not seen."""
    plain = typed_character(code)
    if not plain:
        return ""
    if plain < 0x80 or code in _HANGUL:
        return chr(plain)
    kept = [each for each in unicodedata.normalize("NFKD", chr(plain)) if ord(each) not in INVISIBLE]
    return "".join(each for each in kept if unicodedata.category(each) not in _MARKS).translate(_STROKED)


class _LegibleTable(dict[int, str]):
    """Maps what it was not asked yet; remembers as many characters as the basic plane has."""

    def __missing__(self, code: int) -> str:
        shown = _shown(code)
        if code < _BMP:
            self[code] = shown
        return shown


_TABLE = _LegibleTable()
_PLAIN = frozenset(chr(code) for code in range(0x80) if _shown(code) == chr(code))


@dataclass(frozen=True)
class Legible:
    """What a reader sees of the text `original`."""

    text: str
    original: str

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span in the original of one that is not empty; of an empty one, where it would be."""
        first = bisect_right(self._ends, start)
        return first, bisect_right(self._ends, end - 1) + 1 if end > start else first

    @cached_property
    def _ends(self) -> list[int]:
        """How many characters are seen up to the end of each of the original."""
        return list(accumulate(len(_TABLE[ord(character)]) for character in self.original))


def legible(text: str) -> Legible | None:
    """Read a text as it is seen; `None` if it is what it seems."""
    if text.isascii() and _PLAIN.issuperset(text):
        return None
    shown = text.translate(_TABLE)
    if not shown.isascii():
        shown = _WORD.sub(lambda word: _in_latin(word[0]), shown)
    return Legible(shown, text) if shown != text else None


def _in_latin(word: str) -> str:
    """Return a word that mixes Latin letters with others that look like them in Latin letters."""
    return word if word.isascii() or not _LATIN.search(word) else word.translate(_ALIKE)
