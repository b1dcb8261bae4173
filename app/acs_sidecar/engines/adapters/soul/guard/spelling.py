"""The texts of a call in one spelling, cut where names begin and end (section 11.7).

Everything here works on the whole text at once: a call may hold a million names.
"""

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

__all__ = ["CUT", "MAX_BRACES", "TooManyNamesError", "expanded", "folded", "pieces", "without_quotes"]

CUT = "\0"
"""Stands between names; texts are without it."""

MAX_BRACES = 16
MAX_EXPANDED = 1_024

_SEPARATORS = re.compile(r"[\s\"'`;|&<>=(),]")
_QUOTES = str.maketrans("", "", "\"'`\\")
_BRACES = re.compile(r"\{([^{}]*)\}")
_EXPANDABLE = re.compile(r"[\w.*?-]\{[^{}\s]*,|\}[\w.*?{-]")
_CONTROLS = re.compile(r"[\x01-\x1f\x7f]")
_LONGEST_CHARACTER = 4
_MOST_KNOWN = 65_536


class TooManyNamesError(ValueError):
    """A call with more names that could be of a governance file than are looked at."""


class _Folding(dict[int, str]):
    """Maps a character to its plain form; format and control characters to nothing."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if character == CUT:
            plain = CUT
        elif unicodedata.category(character) in {"Cf", "Cc"}:
            plain = ""
        else:
            plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
            plain = plain if len(plain) <= _LONGEST_CHARACTER else "\ufffd"
        if len(self) < _MOST_KNOWN:
            self[code] = plain
        return plain


_FOLDING = _Folding()


def folded(text: str) -> str:
    """Return a text percent-decoded twice, in compatibility form, case-folded, with `/` alone; cuts stay."""
    for _ in range(2):
        text = unquote(text.replace("%00", ""), errors="replace") if "%" in text else text
    if text.isascii():
        text = _CONTROLS.sub("", text.lower()) if _CONTROLS.search(text) else text.lower()
    else:
        text = text.translate(_FOLDING)
    return text.replace("\\", "/")


def without_quotes(text: str) -> str:
    """Return a text without quotes and backslashes, as a shell would join its parts."""
    return text.translate(_QUOTES)


def pieces(text: str) -> str:
    """Return a text cut where a name can begin or end."""
    return _SEPARATORS.sub(CUT, text)


def expanded(text: str) -> Iterator[str]:
    """Yield what the words of a text with braces stand for: `{a,b}.md` is `a.md` and `b.md`.

    Raises `TooManyNamesError`.
    """
    if "{" not in text:
        return
    words = {word for word in text.split() if "{" in word and _EXPANDABLE.search(word)}
    if len(words) > MAX_EXPANDED:
        raise TooManyNamesError
    for word in words:
        yield from _expanded_word(word)


def _expanded_word(word: str) -> Iterator[str]:
    waiting, made = [word], 1
    while waiting:
        current = waiting.pop()
        group = next((found for found in _BRACES.finditer(current) if "," in found[1]), None)
        if group is None:
            yield current
            continue
        head, tail = current[: group.start()], current[group.end() :]
        alternatives = group[1].split(",", MAX_BRACES)[: MAX_BRACES + 1 - made]
        made += len(alternatives) - 1
        waiting.extend(f"{head}{alternative}{tail}" for alternative in alternatives)
