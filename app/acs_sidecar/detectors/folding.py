"""A text as a reader takes it: without case, accents, invisible characters and look-alikes, offsets kept.

Digits that pass for letters are those letters, here and in what is looked for, so that `1gn0re` is a word.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice

from acs_sidecar.detectors.rules import occurrence, utf8
from acs_sidecar.detectors.text_offsets import Remaining

__all__ = ["INVISIBLE", "Folded", "fold", "folded_pattern"]

UNSEEN = "\0"
_JOINER = "\1"
INVISIBLE = {
    *(0x00AD, 0x034F, 0x061C, 0x0640, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x2800, 0x3164, 0xFEFF, 0xFFA0),
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xFE00, 0xFE10),
    *range(0xE0000, 0xE01F0),
}
_ALIKE = "авсԁеһіјкӏмнорԛѕтхуԝгαβεηικνορτυχωγ"
_LOOK_ALIKES = str.maketrans(_ALIKE, "abcdehijklmhopqstxywrabenikvoptuxwy")
_PLAIN = dict(zip("013457ıłøđħŧæœ", "oieastilodhtao", strict=True))
_JOINERS = "-._*~|·•"
_JOINED = re.compile(f"[^\\W\\d_]{_JOINER}[^\\W\\d_]")
_LATIN = re.compile(r"[a-z]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_mixes = occurrence(f"[a-z][0-9]*[{_ALIKE}]|[{_ALIKE}][0-9]*[a-z]")
_SPLIT = 3
_BMP = 0x10000
_HANGUL = range(0xAC00, 0xD7B0)  # decomposing a syllable would leave its first sound


def _folded(code: int) -> int:
    """Fold one character into one."""
    if code in INVISIBLE:
        return ord(UNSEEN)
    if code in _HANGUL:
        return code
    character = chr(code)
    if character in _JOINERS:
        return ord(_JOINER)
    first = unicodedata.normalize("NFKD", character)[0].casefold()[0]
    first = _PLAIN.get(first, first)
    if ord(first) in INVISIBLE:
        return ord(UNSEEN)
    category = unicodedata.category(first)
    if category in ("Mn", "Me"):
        return ord(UNSEEN)
    return ord(first) if category[0] in "LN" or category == "Mc" else ord(" ")


class _Table(dict[int, int]):
    """Folds what it was not asked yet; remembers as many characters as the basic plane has."""

    def __missing__(self, code: int) -> int:
        folded = _folded(code)
        if code < _BMP:
            self[code] = folded
        return folded


_TABLE = _Table(
    {code: _folded(code) for code in (*range(0x80), *range(0x1D400, 0x1D800), *range(0xE0000, 0xE01F0))}
)


_ASCII = bytes(range(0x80))
_FOLDED_ASCII = bytes(_TABLE[code] for code in _ASCII) + bytes(range(0x80, 0x100))
_FEW = 16


@dataclass(frozen=True)
class Folded:
    """A folded text of lower-case letters, digits and spaces.

    `shown` is as long as what was folded, and has `UNSEEN` where that has what nobody sees. `marked` has
    besides `_JOINER` where that has a sign that may split a word.
    """

    text: str
    shown: str
    marked: str

    def joined(self) -> "Folded | None":
        """Read the text without the signs that split its words (`ig-nore`, `i.g.n.o.r.e`); `None` where few do."""
        split = _JOINED.finditer(self.marked)
        few = self.marked.count(_JOINER) < _SPLIT or not next(islice(split, _SPLIT - 1, None), None)
        return None if few else _read(self.marked, UNSEEN)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span in the text that was folded."""
        if len(self.text) == len(self.shown):
            return start, end
        return self._seen.span(start, end)

    @cached_property
    def _seen(self) -> Remaining:
        return Remaining(self.shown.split(UNSEEN))


def fold(text: str) -> Folded:
    """Fold a text. What is not a letter or digit becomes a space, what nobody sees disappears."""
    return _read(_marked(text), " ")


def _marked(text: str) -> str:
    """Translate by the table; one by one where there are few others than ASCII, which is several times as fast."""
    data = utf8(text)
    others = data.translate(None, _ASCII)
    if len(others) > len(text) * 2 // 3 or len(distinct := set(others.decode())) > _FEW:
        return text.translate(_TABLE)
    marked = data.translate(_FOLDED_ASCII).decode()
    for character in distinct:
        marked = marked.replace(character, chr(_TABLE[ord(character)]))
    return marked


def _read(marked: str, joiner: str) -> Folded:
    shown = marked.replace(_JOINER, joiner)
    folded = shown.replace(UNSEEN, "")
    if not folded.isascii() and _mixes(folded):
        words = folded.split(" ")
        folded = " ".join([word if word.isascii() else _in_latin(word) for word in words])
    return Folded(folded, shown, marked)


def folded_pattern(pattern: str) -> str:
    """Fold the letters of an expression that are not ASCII, so that it matches what is folded."""
    return _NOT_ASCII.sub(lambda found: _folded_character(found[0]), pattern)


@cache
def _folded_character(character: str) -> str:
    return fold(character).text


def _in_latin(word: str) -> str:
    """Return a word that mixes Latin letters with others that look like them in Latin letters."""
    return word.translate(_LOOK_ALIKES) if _LATIN.search(word) else word
