"""The words of a text (section 11.3)."""

import re
import unicodedata
from functools import cache

__all__ = ["is_word_list", "normalised", "words_of"]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u02bc\u2032\u00b4`", "'"))
_PIECES = re.compile(r"[,|;/]")
_FEWEST_PIECES = 6
_LONGEST_PIECE = 1.6


@cache
def _format_characters() -> re.Pattern[str]:
    """Return an expression for every character that only formats, and shows nothing."""
    found = (chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf")
    return re.compile(f"[{''.join(map(re.escape, found))}]")


def normalised(text: str) -> str:
    """Return a text in one spelling: NFKC, without format characters, plain apostrophes, case-folded."""
    if not text.isascii():
        text = _format_characters().sub("", unicodedata.normalize("NFKC", text))
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
