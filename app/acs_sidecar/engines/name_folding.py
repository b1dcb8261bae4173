"""Texts as block lists compare them: without case, width, and characters that do not show (section 9.3)."""

import re
import unicodedata

__all__ = ["folded"]

_PLAIN = re.compile(r"[ -~]*")
_HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""Letters, marks and unassigned characters that are shown as nothing (Default_Ignorable_Code_Point)."""


class _FoldedCharacters(dict[int, str]):
    """What each character is compared as, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        wide = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
        hidden = unicodedata.category(character) in ("Cc", "Cf") or _HIDDEN.match(character)
        found = "" if hidden else wide
        self[code] = found
        return found


_FOLDED = _FoldedCharacters()


def folded(text: str) -> str:
    """Return what all texts that look or sort alike have in common, in time linear in the text."""
    if _PLAIN.fullmatch(text):
        return text.lower()
    return unicodedata.normalize("NFD", text.translate(_FOLDED))
