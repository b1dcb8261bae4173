"""The words of a text (section 11.3)."""

import re
import unicodedata
from functools import cache

__all__ = ["is_word_list", "normalised", "quoted_words", "words_of"]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u02bc\u2032\u00b4`", "'"))
_QUOTE = re.compile(
    '"[^"]*"|\u201c[^\u201c\u201d]*\u201d|\u201e[^\u201e\u201c\u201d]*[\u201c\u201d]|\u00ab[^\u00ab\u00bb]*\u00bb'
)
_FEWEST_QUOTED = 3
_SPOKEN = frozenset({"i", "i'm", "we"})
_PIECES = re.compile(r"[,|;/]")
_MOST_MARKS = 16
_FEWEST_PIECES = 6
_LONGEST_PIECE = 1.6


@cache
def _format_characters() -> re.Pattern[str]:
    """Return an expression for every character that only formats, and shows nothing."""
    found = (chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf")
    return re.compile(f"[{''.join(map(re.escape, found))}]")


@cache
def _long_marks() -> re.Pattern[str]:
    """Return an expression for more combining marks than any script writes: to order them takes long."""
    found = "".join(re.escape(chr(code)) for code in range(0x110000) if unicodedata.combining(chr(code)))
    return re.compile(f"([{found}]{{{_MOST_MARKS}}})[{found}]+")


def normalised(text: str) -> str:
    """Return a text in one spelling: NFKC, without format characters, plain apostrophes, case-folded."""
    if not text.isascii():
        text = _format_characters().sub("", unicodedata.normalize("NFKC", _long_marks().sub(r"\1", text)))
    return text.translate(_APOSTROPHES).casefold()


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a normalised text: runs of letters and digits with inner apostrophes."""
    return tuple(_WORD.findall(text))


def is_word_list(text: str) -> bool:
    """True if a normalised text is an enumeration of words rather than a statement."""
    pieces = _PIECES.split(text)
    if len(pieces) < _FEWEST_PIECES:
        return False
    return len(_WORD.findall(text)) <= _LONGEST_PIECE * len(pieces)


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
