"""Texts as block lists compare them: without case, width, and characters that do not show (section 9.3)."""

import re
import unicodedata

__all__ = ["folded"]

_PLAIN = re.compile(r"[ -~]*")


class _FoldedCharacters(dict[int, str]):
    """What each character is compared as, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        wide = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
        found = "" if unicodedata.category(character) == "Cf" else wide
        self[code] = found
        return found


_FOLDED = _FoldedCharacters()


def folded(text: str) -> str:
    """Return what all texts that look or sort alike have in common, in time linear in the text."""
    if _PLAIN.fullmatch(text):
        return text.lower()
    return unicodedata.normalize("NFD", text.translate(_FOLDED))
