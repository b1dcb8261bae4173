"""The words of a text (section 11.3)."""

import re
import sys
import unicodedata
from functools import cache

__all__ = ["clause_starts", "is_disguised", "is_word_list", "normalised", "quoted_words", "words_of"]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u02bc\u2032\u00b4`", "'"))
_QUOTE = re.compile(
    '"[^"]*"|\u201c[^\u201c\u201d]*\u201d|\u201e[^\u201e\u201c\u201d]*[\u201c\u201d]|\u00ab[^\u00ab\u00bb]*\u00bb'
)
_CLAUSE = re.compile("[,;:](?= )| [\u2013\u2014-] |\u2014")
_FEWEST_QUOTED = 3
_SPOKEN = frozenset({"i", "i'm", "we"})
_OTHER_SCRIPT = (
    "\u0250-\u02af\u0370-\u03bb\u03bd-\u1dbf\u2c60-\uabff"  # without \u03bc, which is a unit's prefix
)
_STRUCK = "\u0334-\u0338\u20d2-\u20e5"
_DISGUISE = re.compile(f"[a-z][{_OTHER_SCRIPT}]|[{_OTHER_SCRIPT}][a-z]|[{_STRUCK}]")
_CROSSES = str.maketrans(
    dict.fromkeys("\u274c\u2716\u2717\u2718\u2715\U0001f6ab\u26d4\u2610\u274e", " never ")
)
_PIECES = re.compile(r"[,|;/]")
_MOST_MARKS = 16
_FIRST_ASTRAL = 0x10000
_FEWEST_PIECES = 6
_LONGEST_PIECE = 1.6


@cache
def _unshown(first: int, end: int) -> re.Pattern[str]:
    """Return an expression for characters that only format, and for accents and other marks on letters.

    Strokes through letters are none of them: they disguise a text. A set of characters of one plane is quick.
    """
    found = [chr(code) for code in range(first, end) if _only_formats(chr(code))]
    return re.compile(f"[{''.join(map(re.escape, found))}]+")


def _only_formats(character: str) -> bool:
    if unicodedata.combining(character):
        return re.match(f"[{_STRUCK}]", character) is None
    return unicodedata.category(character) == "Cf"


@cache
def _long_marks() -> re.Pattern[str]:
    """Return an expression for more combining marks than any script writes: to order them takes long."""
    found = "".join(re.escape(chr(code)) for code in range(0x110000) if unicodedata.combining(chr(code)))
    return re.compile(f"([{found}]{{{_MOST_MARKS}}})[{found}]+")


def normalised(text: str) -> str:
    """Return a text in one spelling: NFKC, without marks and format characters, case-folded.

    Apostrophes are plain, and crosses are what they stand for: `never`.
    """
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", _long_marks().sub(r"\1", text))
        shown = _unshown(0, _FIRST_ASTRAL).sub("", apart)
        if max(shown, default="") >= chr(_FIRST_ASTRAL):
            shown = _unshown(_FIRST_ASTRAL, sys.maxunicode + 1).sub("", shown)
        text = unicodedata.normalize("NFC", shown).translate(_CROSSES)
    return text.translate(_APOSTROPHES).casefold()


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a normalised text: runs of letters and digits with inner apostrophes."""
    return tuple(_WORD.findall(text))


def is_disguised(text: str) -> bool:
    """True if a normalised text is not what a reader sees: letters that look like others, or struck ones."""
    return not text.isascii() and _DISGUISE.search(text) is not None


def is_word_list(text: str) -> bool:
    """True if a normalised text is an enumeration of words rather than a statement."""
    pieces = _PIECES.split(text)
    if len(pieces) < _FEWEST_PIECES:
        return False
    return len(_WORD.findall(text)) <= _LONGEST_PIECE * len(pieces)


def clause_starts(text: str) -> frozenset[int]:
    """Return the places of words that follow a comma, a semicolon, a colon or a dash."""
    found: set[int] = set()
    before = after = 0
    for mark in _CLAUSE.finditer(text):
        before += len(_WORD.findall(text, after, mark.end()))
        after = mark.end()
        found.add(before)
    return frozenset(found)


def quoted_words(text: str) -> frozenset[int]:
    """Return the places of words that are only quoted: three or more between quotation marks.

    What the agent itself is to speak (`"I am not sure"`) is not only quoted.
    """
    found: set[int] = set()
    before = after = 0
    for quote in _QUOTE.finditer(text):
        before += len(_WORD.findall(text, after, quote.start()))
        inside = _WORD.findall(quote[0])
        if len(inside) >= _FEWEST_QUOTED and inside[0] not in _SPOKEN:
            found.update(range(before, before + len(inside)))
        before, after = before + len(inside), quote.end()
    return frozenset(found)
