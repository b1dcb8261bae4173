"""The texts of a call as programs may read them, cut where names begin and end (section 11.7).

Everything here works on the whole text at once: a call may hold a million names.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

__all__ = ["CUT", "braced_words", "folded", "spellings"]

CUT = "\0"
"""Stands between names."""

_SEPARATORS = re.compile(r"[\s\"'`;|&<>=(),]")
_ASCII_CUTS = str.maketrans({chr(code): CUT for code in range(128) if _SEPARATORS.match(chr(code))})
_QUOTES = str.maketrans("", "", "\"'`\\^")
_BRACES = re.compile(r"\{[^{}/\s]*\}")
_SEQUENCE = re.compile(r"\{([a-z])\.\.([a-z])(?:\.\.-?\d+)?\}", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{1,2})|u\{?([0-9a-f]{2,6})\}?|([0-7]{1,3}))", re.IGNORECASE)
_NAMED_CLASS = re.compile(r"\[[^\[\]\s/]*(?:\[[:.=][^\[\]\s/]*[:.=]\][^\[\]\s/]*)+\]")
_CLASS = re.compile(r"\[[^\[\]\s/]*[^\[\]\s/\w*?.!^-][^\[\]\s/]*\]")
_CLASS_SEPARATORS = re.compile(r"[\"'`;|&<>=(),:{}]")
_CONTROLS = re.compile(r"[\x01-\x1f\x7f]")
_LONGEST_CHARACTER = 4
_MOST_KNOWN = 65_536


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


def folded(text: str, nul: str = "") -> str:
    """Return a text percent-decoded twice, in compatibility form, case-folded, with `/` alone; cuts stay.

    An escaped NUL becomes `nul`: some programs drop it, others read no further.
    """
    for _ in range(2):
        text = unquote(text.replace("%00", nul), errors="replace") if "%" in text else text
    if text.isascii():
        text = _CONTROLS.sub("", text.lower()) if _CONTROLS.search(text) else text.lower()
    else:
        text = text.translate(_FOLDING)
    return text.replace("\\", "/")


def spellings(text: str, *, uncut: bool) -> Iterator[str]:
    """Yield a text as programs may read it, cut into names and folded; `uncut` adds it as it stands.

    It is read with and without quotes and escapes, and cut before and after it is decoded.
    """
    for variant in _spelt(text):
        cut = folded(_pieces(variant))
        yield cut
        if "%" in variant:
            yield _pieces(cut)
        if "00" in variant:
            yield _pieces(folded(variant, CUT))
        if "{" in variant and "/.." in variant:
            yield folded(_pieces(_BRACES.sub("-", variant)))
        if uncut or "/.." in variant or "\\.." in variant:
            yield folded(variant)


def braced_words(text: str) -> Iterator[str]:
    """Yield the words of a text that braces make several names of, folded."""
    if "{" in text:
        for variant in _spelt(text):
            for word in set(folded(variant).split()):
                if "{" in word and "," in word:
                    yield word


def _spelt(text: str) -> Iterable[str]:
    """Return a text with and without quotes and escapes, and with its classes of characters made simple."""
    return dict.fromkeys(_variants(text))


def _variants(text: str) -> Iterator[str]:
    yield text
    plain = text.translate(_QUOTES)
    yield plain
    if "\\" in text and (decoded := _ESCAPE.sub(_character, text)) != text:
        yield decoded
        yield decoded.translate(_QUOTES)
    if "[" in text or "{" in text:
        simple = _NAMED_CLASS.sub("?", _SEQUENCE.sub(_class_of, text))
        yield _CLASS.sub(_without_separators, simple)
        yield _CLASS.sub(_without_separators, simple.translate(_QUOTES))


def _character(escape: re.Match[str]) -> str:
    """Return the character of an escape of a shell, of JSON or of a programming language."""
    digits, base = (escape[3], 8) if escape[3] else (escape[1] or escape[2], 16)
    return chr(min(int(digits, base), 0x10FFFF))


def _class_of(sequence: re.Match[str]) -> str:
    first, last = sorted(sequence.groups())
    return first if first == last else f"[{first}-{last}]"


def _without_separators(found: re.Match[str]) -> str:
    """Return a class of characters without those that would cut it."""
    return f"[{_CLASS_SEPARATORS.sub('', found[0][1:-1])}]"


def _pieces(text: str) -> str:
    """Return a text cut where a name can begin or end."""
    return text.translate(_ASCII_CUTS) if text.isascii() else _SEPARATORS.sub(CUT, text)
