"""Characters of a call in plain ASCII, so that everything after works on ASCII (section 11.7).

A character that no guarded name has is as good as any other: `OTHER` stands for each. Those that names
have beside ASCII share a few codes, and two that share one are taken for each other.
"""

import unicodedata
from collections.abc import Iterable

__all__ = [
    "CUT",
    "ENDING",
    "LITERAL_SEPARATORS",
    "NAME_CODES",
    "NOTHING",
    "OTHER",
    "Alphabet",
]

CUT = "\0"
"""Stands between names."""
NOTHING = "\1"
"""Stands where a character is dropped, and before a letter or digit that is none of an escape."""
NAME_CODES = "\2\3\4\5\6\7\x08"
ENDING = "\x0e"
"""An encoded NUL or line end: some programs drop it, others read no further."""
LITERAL_SEPARATORS = {character: chr(15 + place) for place, character in enumerate(" \"'`;|&<>=(),")}
"""Separators that were percent-encoded, or that are the compatibility form of another character."""
OTHER = "\x7f"

_CODES = frozenset(map(ord, NOTHING + NAME_CODES + OTHER))
_LONGEST_CHARACTER = 4
_PLAIN_IDEOGRAPHS = range(0x20000, 0x2F800)
_LAST_FOLDED = 0x2FA1F
"""Ideographs above the first two planes fold to themselves, and so does what follows the last of them."""


def _folded_character(character: str) -> str:
    """Return the compatibility form of a character, case-folded; of format and control characters nothing."""
    if unicodedata.category(character) in {"Cf", "Cc"}:
        return ""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return plain if len(plain) <= _LONGEST_CHARACTER else OTHER


class Alphabet(dict[int, str]):
    """Maps a character to what stands for it: ASCII to itself, others to their folded form."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__({code: chr(code) for code in range(128)})
        folded = {plain for name in names for character in name for plain in _folded_character(character)}
        others = sorted(plain for plain in folded if not plain.isascii())
        self._codes = {plain: NAME_CODES[place % len(NAME_CODES)] for place, plain in enumerate(others)}

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if (code in _PLAIN_IDEOGRAPHS or code > _LAST_FOLDED) and character not in self._codes:
            return NOTHING if unicodedata.category(character) == "Cf" else OTHER
        if character.isspace():
            plain = " "
        else:
            plain = "".join(map(self._coded, _folded_character(character))) or NOTHING
            plain = NOTHING + plain if plain[0].isalnum() else plain
        self[code] = plain
        return plain

    def plain(self, text: str) -> str:
        """Return a text in ASCII; ASCII text is returned as it is."""
        return text if text.isascii() else text.translate(self)

    def of(self, code: int) -> str:
        """Return what stands for the character of a code."""
        return NOTHING if code in _CODES else self[code]

    def _coded(self, plain: str) -> str:
        if plain == "\\":
            return "/"
        if plain.isascii():
            return LITERAL_SEPARATORS.get(plain, plain)
        return self._codes.get(plain, OTHER)
