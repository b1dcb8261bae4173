"""Texts as block lists compare them: without case, width, and characters that do not show (section 9.3)."""

import re
import unicodedata

__all__ = ["folded"]

_PLAIN = re.compile(r"[ -~]*")


def folded(text: str) -> str:
    """Return what all texts that look or sort alike have in common."""
    if _PLAIN.fullmatch(text):
        return text.lower()
    shown = "".join(character for character in text if unicodedata.category(character) != "Cf")
    wide = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", shown).casefold())
    return unicodedata.normalize("NFKC", wide.casefold())
