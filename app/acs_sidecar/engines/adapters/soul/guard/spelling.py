"""The texts of a call as programs may read them, cut where names begin and end (section 11.7).

Everything here works on the whole text at once: a call may hold a million names.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import ClassVar

__all__ = ["CUT", "braced_words", "folded", "joined", "spellings", "variants_of"]

CUT = "\0"
"""Stands between names."""

_SEPARATORS = re.compile(r"[\s\"'`;|&<>=(),]")
_ASCII_CUTS = str.maketrans({chr(code): CUT for code in range(128) if _SEPARATORS.match(chr(code))})
_SPACES = "\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
_ALL_SEPARATORS = (*map(chr, _ASCII_CUTS), *_SPACES, *map(chr, range(0x2000, 0x200B)))
_QUOTES = str.maketrans("", "", "\"'`\\^")
_BRACES = re.compile(r"\{[^{}/\s]*\}")
_LIST = re.compile(r"\{[^{}]*[,{]")
_SEQUENCE = re.compile(r"\{([a-z])\.\.([a-z])(?:\.\.-?\d+)?\}", re.IGNORECASE)
_ESCAPE = re.compile(
    r"\\(?:[xu]\{\s*0*([0-9a-fA-F]{1,6})\s*\}|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3}))"
)
_SHORT_ESCAPE = re.compile(r"\\[uU]([0-9a-fA-F]{1,4})")
_CONTROL_ESCAPE = re.compile(r"\\[abefnrtv]")
_CONTINUED = re.compile(r"[\\^]\r?\n")
_CONTINUED_BY_BACK_QUOTE = re.compile(r"`\r?\n")
_DOLLAR = re.compile(r"\$(?=[\"'])")
_PARAMETER = re.compile(r"\$\{[!#]?\w*[-:=+?/#%^,@*]{0,2}")
_URL = re.compile(r"(://[^\0?#]*)(?:[?#][^\0]*)?")
_NAMED_CLASS = re.compile(r"\[[^\[\]\s/]*(?:\[[:.=][^\[\]\s/]*[:.=]\][^\[\]\s/]*)+\]")
_CLASS = re.compile(r"\[[\w*?.!^-]*+[^\[\]\s/\w*?.!^-][^\[\]\s/]*+\]")
_CLASS_SEPARATORS = re.compile(r"[\"'`;|&<>=(),:{}]")
_ENDING = "\x0e"
"""An encoded NUL or line end in decoded text: some programs drop it, others read no further."""
_ENCODED = {character: chr(15 + place) for place, character in enumerate(" \"'`;|&<>=(),")}
"""Separators that were percent-encoded, in decoded text."""
_LINES = str.maketrans("\t\n\v\f\r", "     ")
_CONTROLS = dict.fromkeys((*range(1, 32), 127))
_CLEANED = {code: None for code in _CONTROLS if not chr(code).isspace()} | {0: _ENDING}
_RESTORED = _CONTROLS | {ord(placed): character for character, placed in _ENCODED.items()}
_RESTORED_CHARACTERS = tuple((chr(code), character or "") for code, character in _RESTORED.items())
_NOT_ASCII = re.compile("[^\0-\x7f]+")
_MOSTLY_ASCII = 1.05
"""Bytes a character of a text in which the rest is folded faster alone."""
_ANY_ENCODED = re.compile(f"[{_ENDING}-\x1b]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_BYTES = re.compile("[\udc80-\udcff]")
_HEX = "0123456789abcdefABCDEF"
_LONGEST_KNOWN = 16
_OCTAL = 5
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


def _decoded_byte(code: int) -> str:
    """Return what decoded text has for a percent-encoded byte; those of other than ASCII are joined later."""
    character = chr(code)
    if code >= 128:
        return chr(0xDC00 + code)
    if character == CUT or (code < 32 and character.isspace()):
        return _ENDING
    return "" if code in _CONTROLS else _ENCODED.get(character, character)


class _Decoding(dict[str, str]):
    """Maps what stands behind a `%` to what both mean."""

    _bytes: ClassVar = {
        first + second: _decoded_byte(int(first + second, 16)) for first in _HEX for second in _HEX
    }

    def __missing__(self, behind: str) -> str:
        byte = self._bytes.get(behind[:2])
        decoded = f"%{behind}" if byte is None else byte + behind[2:]
        if len(behind) <= _LONGEST_KNOWN and len(self) < _MOST_KNOWN:
            self[behind] = decoded
        return decoded


_FOLDING = _Folding({code: plain or "" for code, plain in _RESTORED.items()})
_DECODING = _Decoding()


def joined(texts: Iterable[str]) -> str:
    """Return texts with cuts between them, without control characters that are not white space."""
    return CUT.join(text.translate(_CLEANED) for text in texts)


def folded(text: str) -> str:
    """Return a text percent-decoded twice, in compatibility form, case-folded, with `/` alone; cuts stay."""
    return _folded(_decoded(text))


def variants_of(text: str) -> Iterable[str]:
    """Return a text with and without quotes and escapes, and with its classes made simple, all decoded."""
    return dict.fromkeys(_decoded(variant) for variant in dict.fromkeys(_variants(text)))


def spellings(variants: Iterable[str], *, uncut: bool) -> Iterator[str]:
    """Yield variants of a text cut into names and folded; `uncut` adds each as it stands.

    They are cut before and after percent-encoded separators are read as such.
    """
    for variant in variants:
        pieces = _pieces(variant)
        cut = _folded(pieces)
        yield cut
        if "://" in cut and ("?" in cut or "#" in cut):
            yield _URL.sub(r"\1", cut)
        if _ANY_ENCODED.search(variant):
            yield _pieces(cut)
        if _ENDING in variant:
            yield _pieces(_folded(pieces.replace(_ENDING, CUT)))
        if "{" in variant and "/.." in variant:
            yield _folded(_pieces(_BRACES.sub("-", variant)))
        if uncut or "/.." in variant or "\\.." in variant:
            yield _folded(variant)


def braced_words(variants: Iterable[str]) -> Iterator[str]:
    """Yield the words of variants of a text that braces make several names of, folded."""
    for variant in variants:
        if "{" in variant and "," in variant:
            for word in set(_folded(variant.translate(_LINES)).split()):
                if _LIST.search(word):
                    yield word


def _decoded(text: str) -> str:
    """Return a text percent-decoded twice, in which encoded separators are told from others."""
    if "%" in text and not text.isascii():
        text = _SURROGATES.sub("\ufffd", text)
    for _ in range(2):
        if "%" not in text:
            break
        before, *behind = text.split("%")
        text = before + "".join(map(_DECODING.__getitem__, behind))
        if not text.isascii() and _BYTES.search(text):
            text = text.encode(errors="surrogateescape").decode(errors="replace")
    return text


def _folded(text: str) -> str:
    """Return a decoded text in compatibility form, case-folded, without control characters."""
    if not text.isascii():
        if len(text.encode(errors="surrogatepass")) > _MOSTLY_ASCII * len(text):
            return text.translate(_FOLDING).replace("\\", "/")
        text = _NOT_ASCII.sub(_folded_run, text.lower())
    if text.isascii():
        return text.translate(_RESTORED).lower().replace("\\", "/")
    for character, restored in _RESTORED_CHARACTERS:
        text = text.replace(character, restored)
    return text.replace("\\", "/")


def _folded_run(found: re.Match[str]) -> str:
    return found[0].translate(_FOLDING)


def _variants(text: str) -> Iterator[str]:
    yield text
    yield _bare(text)
    decoded = text
    if "\\" in text:
        decoded = _ESCAPE.sub(_character, text)
        yield decoded
        yield _bare(decoded)
        if _SHORT_ESCAPE.search(decoded):
            yield _bare(_SHORT_ESCAPE.sub(_character, decoded))
        if _CONTROL_ESCAPE.search(decoded):
            yield _bare(_CONTROL_ESCAPE.sub(CUT, decoded))
    if "[" in text or "{" in text:
        simple = _NAMED_CLASS.sub("?", _SEQUENCE.sub(_class_of, decoded))
        yield _CLASS.sub(_without_separators, simple)
        yield _CLASS.sub(_without_separators, _bare(simple))
    if "${" in text:
        yield _bare(_PARAMETER.sub(CUT, decoded).replace("}", CUT))
    if "`" in text and (continued := _CONTINUED_BY_BACK_QUOTE.sub("", text)) != text:
        yield _bare(continued)


def _bare(text: str) -> str:
    """Return a text without quotes and without continued line ends."""
    if "\n" in text:
        text = _CONTINUED.sub("", text)
    if "$" in text:
        text = _DOLLAR.sub("", text)
    if text.isascii():
        return text.translate(_QUOTES)
    for quote in map(chr, _QUOTES):
        text = text.replace(quote, "")
    return text


def _character(escape: re.Match[str]) -> str:
    """Return the character of an escape of a shell, of JSON or of a programming language."""
    digits = escape[escape.lastindex or 0]
    return chr(min(int(digits, 8 if escape.lastindex == _OCTAL else 16), 0x10FFFF))


def _class_of(sequence: re.Match[str]) -> str:
    first, last = sorted(sequence.groups())
    return first if first == last else f"[{first}-{last}]"


def _without_separators(found: re.Match[str]) -> str:
    """Return a class of characters without those that would cut it."""
    return f"[{_CLASS_SEPARATORS.sub('', found[0][1:-1])}]"


def _pieces(text: str) -> str:
    """Return a text cut where a name can begin or end."""
    if text.isascii():
        return text.translate(_ASCII_CUTS)
    for separator in _ALL_SEPARATORS:
        text = text.replace(separator, CUT)
    return text
