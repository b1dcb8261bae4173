"""The texts of a call as programs may read them, cut where names begin and end (section 11.7).

Everything here works on the whole text at once: a call may hold a million names.
"""

import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Set
from operator import itemgetter

from acs_sidecar.engines.adapters.soul.guard import work as costs
from acs_sidecar.engines.adapters.soul.guard.characters import (
    CUT,
    ENDING,
    LITERAL_SEPARATORS,
    NAME_CODES,
    NOTHING,
    OTHER,
    Alphabet,
)
from acs_sidecar.engines.adapters.soul.guard.work import Work

__all__ = ["braced_words", "cut_into_names", "folded", "joined", "texts_of", "words_of"]

_SEPARATORS = re.compile(r"[\s\"'`;|&<>=(),]")
_CODED = NAME_CODES + OTHER
_QUOTES = str.maketrans("", "", "\"'`\\^")
_BRACES = re.compile(r"\{[^{}/\s]*\}")
_LIST = re.compile(r"\{[^{},]*+(?:[,{]|\}[^{},]*+,[^{}]*+\})")
_SEQUENCE = re.compile(r"\{([a-z])\.\.([a-z])(?:\.\.-?\d+)?\}", re.IGNORECASE)
_ESCAPE = re.compile(
    r"\\(?:[xu]\{0*([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3}))"
)
_NOTABLE = re.compile(r"(?<!\S)[^\s.%*?\[\\]*+(?:\\(?![xuU0-7])[^\s.%*?\[\\]*+)*+[.%*?\[\\]\S*+")
"""A word with a dot, or with something that can mean one."""
_SPACED_ESCAPE = re.compile(r"(\\[xu]\{)\s*+([0-9a-fA-F]++)\s*+\}")
_SHORT_ESCAPE = re.compile(r"\\[uU]([0-9a-fA-F]{1,4})")
_CONTROL_ESCAPE = re.compile(r"\\[abefnrtv]")
_CONTINUED = re.compile(r"[\\^]\r?\n")
_CONTINUED_BY_BACK_QUOTE = re.compile(r"`\r?\n")
_PARAMETER = re.compile(rf"\$\{{[!#]?(?:[@*]|[\w{NOTHING}{_CODED}]*(?:\[[^\[\]\s]*\])?)[-:=+?/#%^,@*]{{0,2}}")
_URL = re.compile(r"(://[^\0?#]*)(?:[?#][^\0]*)?")
_NAMED_CLASS = re.compile(r"\[[^\[\]\s/]*+(?:\[[:.=][^\[\]\s/]++(?<=[:.=])\][^\[\]\s/]*+)++\]")
_CLASS = re.compile(r"\[[\w*?.!^-]*+[^\[\]\s/\w*?.!^-][^\[\]\s/]*+\]")
_CLASS_SEPARATORS = str.maketrans("", "", "\"'`;|&<>=(),:{}")
_CONTROLS = dict.fromkeys((*range(1, 32), 127))
_CLEANED = {code: None for code in _CONTROLS if not chr(code).isspace()} | {0: ENDING}
_ANY_ENCODED = re.compile(f"[{ENDING}-\x1b]")
_ENCODED = re.compile("%[0-9a-fA-F]{2}")
_NOT_ASCII = re.compile(r"[^\0-\x7f]+")
_UNREADABLE = "\ufffd"
_HEX = "0123456789abcdefABCDEF"
_OCTAL = 5

_LITERAL = (
    {code: None for code in _CONTROLS if chr(code) not in _CODED}
    | {ord(code): character for character, code in LITERAL_SEPARATORS.items()}
    | {code: chr(code).lower() for code in range(ord("A"), ord("Z") + 1)}
    | {ord("\\"): "/"}
)
"""How a text is folded that is not cut."""
_CUTS = {code: CUT for code in range(128) if _SEPARATORS.match(chr(code))}
_AT_SEPARATORS = _LITERAL | _CUTS
_AT_ENCODED = _AT_SEPARATORS | {ord(code): CUT for code in LITERAL_SEPARATORS.values()}
_AT_ENDINGS = _AT_SEPARATORS | {ord(ENDING): CUT}
_AT_BOTH = _AT_ENCODED | {ord(ENDING): CUT}
_IN_BRACES = _LITERAL | dict.fromkeys(map(ord, "\"'`\t\n\v\f\r"), " ") | {ord(ENDING): ENDING}


def _decoded_byte(code: int) -> str:
    """Return what decoded text has for a percent-encoded byte; those of other than ASCII are joined later."""
    character = chr(code)
    if code >= 128:
        return chr(0xDC00 + code)
    if character == CUT or (code < 32 and character.isspace()):
        return ENDING
    return "" if code in _CONTROLS else LITERAL_SEPARATORS.get(character, character)


_DECODED_BYTES = {first + second: _decoded_byte(int(first + second, 16)) for first in _HEX for second in _HEX}


def joined(texts: Iterable[str]) -> str:
    """Return texts with cuts between them, without control characters that are not white space."""
    return CUT.join(text.translate(_CLEANED) for text in texts)


def folded(text: str, alphabet: Alphabet) -> str:
    """Return a text in ASCII, percent-decoded twice, in lower case, with `/` alone; cuts stay."""
    return _decoded(alphabet.plain(text), alphabet, Work(sys.maxsize)).translate(_LITERAL)


def words_of(
    text: str, alphabet: Alphabet, work: Work, *, have_dots: bool
) -> Iterator[tuple[Set[str], Set[str]]]:
    """Yield the words of a text, then those that quotes, escapes and encodings make of them.

    Where all names `have_dots`, only words that can have one. The second of a pair are those in which braces
    are read.
    """
    read, known, braced = set[str](), set[str](), set[str]()
    for source in _sources(_plain(text, alphabet, work).replace(CUT, " "), work):
        work.spend(costs.SCAN * len(source))
        unread = set(_NOTABLE.findall(source) if have_dots else source.split()) - read
        read |= unread
        for variant, braces in (
            _variants(unread, alphabet, work, has_parameters="${" in source) if unread else ()
        ):
            work.spend(costs.SCAN * (len(variant) + len(braces)))
            words = variant.split(" ")
            work.spend(costs.WORD * len(words))
            found = set(words) - known
            known |= found
            opened = {word for word in braces.split(" ") if "{" in word} - braced
            braced |= opened
            if "%" in variant and _ENCODED.search(variant):
                others = {word for word in found if "{" in word}
                decoded = _decoded_words(found - others, alphabet, work)
                yield (
                    decoded | _decoded_words(others, alphabet, work),
                    {word for word in decoded if "{" in word} | _decoded_words(opened, alphabet, work),
                )
            else:
                yield found, opened


def texts_of(text: str, alphabet: Alphabet, work: Work) -> Iterator[str]:
    """Yield a text, and what quotes, escapes and encodings make of it, folded and not cut into names."""
    text = _plain(text, alphabet, work)
    for variant, _ in _variants([text], alphabet, work, has_parameters="${" in text):
        work.spend(costs.SCAN * len(variant))
        yield _decoded(variant, alphabet, work).translate(_LITERAL)


def cut_into_names(words: Iterable[str], work: Work) -> Iterator[str]:
    """Yield words folded and cut where names begin and end.

    They are cut before and after percent-encoded separators are read as such.
    """
    text = " ".join(words)
    cut = text.translate(_AT_SEPARATORS)
    yield cut
    if "://" in cut and ("?" in cut or "#" in cut):
        yield _replaced(_URL, itemgetter(1), cut, work)
    if _ANY_ENCODED.search(text):
        for cuts in (_AT_ENCODED, _AT_ENDINGS, _AT_BOTH) if ENDING in text else (_AT_ENCODED,):
            yield text.translate(cuts)
    if "{" in cut and "/.." in cut:
        yield _replaced(_BRACES, "-", text, work).translate(_AT_SEPARATORS)


def braced_words(words: Iterable[str], work: Work) -> Iterator[str]:
    """Yield the words that braces make several names of, cut at quotes and folded but for `ENDING`."""
    cut = " ".join(words).translate(_IN_BRACES).split(" ")
    work.spend(costs.NAME * len(cut))
    return filter(_LIST.search, cut)


def _plain(text: str, alphabet: Alphabet, work: Work) -> str:
    """Return a text in ASCII, without spaces in escapes. Raises `WorkSpentError`."""
    if not text.isascii():
        work.spend(costs.FOLD * len(text))
        text = alphabet.plain(text)
    return _replaced(_SPACED_ESCAPE, r"\1\2}", text, work) if "{" in text else text


def _replaced(
    pattern: re.Pattern[str], by: str | Callable[[re.Match[str]], str], text: str, work: Work
) -> str:
    """Return a text with what a pattern finds replaced. Raises `WorkSpentError`."""
    work.spend(costs.SCAN * len(text))
    text, count = pattern.subn(by, text)
    work.spend((costs.MATCH if isinstance(by, str) else costs.MADE) * count)
    return text


def _sources(text: str, work: Work) -> Iterator[str]:
    """Yield a text, and without continued line ends."""
    yield text
    if "\n" in text:
        continued = _replaced(_CONTINUED, "", text, work)
        if continued != text:
            yield continued
            yield _replaced(_CONTINUED, NOTHING, text, work)
        other = _replaced(_CONTINUED_BY_BACK_QUOTE, "", continued, work)
        if other != continued:
            yield other


def _decoded(text: str, alphabet: Alphabet, work: Work) -> str:
    """Return a text percent-decoded twice, in which encoded separators are told from others."""
    for _ in range(2):
        if "%" not in text:
            break
        before, *behind = text.split("%")
        work.spend(costs.PERCENT * len(behind) + costs.SCAN * len(text))
        text = before + "".join(
            [
                f"%{each}" if (byte := _DECODED_BYTES.get(each[:2])) is None else byte + each[2:]
                for each in behind
            ]
        )
        if not text.isascii():
            text = text.encode(errors="surrogateescape").decode(errors="replace")
            text = text.replace(_UNREADABLE, alphabet.of(ord(_UNREADABLE)))
            if not text.isascii():
                text = _replaced(_NOT_ASCII, lambda run: alphabet.plain(run[0]), text, work)
    return text


def _decoded_words(words: Set[str], alphabet: Alphabet, work: Work) -> Set[str]:
    """Return words percent-decoded."""
    if encoded := {word for word in words if "%" in word}:
        return (words - encoded) | set(_decoded(" ".join(encoded), alphabet, work).split(" "))
    return words


def _variants(
    words: Collection[str], alphabet: Alphabet, work: Work, *, has_parameters: bool
) -> Iterator[tuple[str, str]]:
    """Yield words with and without quotes, and those that have some with their escapes and classes read.

    The second of a pair is what braces are to be read in: what has a comma in braces is no class.
    """

    def character(escape: re.Match[str]) -> str:
        """Return the character of an escape of a shell, of JSON or of a programming language."""
        digits = escape[escape.lastindex or 0]
        return alphabet.of(min(int(digits, 8 if escape.lastindex == _OCTAL else 16), 0x10FFFF))

    text = " ".join(words)
    if not (escaped := " ".join([word for word in words if "\\" in word])):
        yield text, ""
        if (bare := _bare(text)) != text:
            yield bare, ""
    else:
        decoded = _replaced(_ESCAPE, character, escaped, work)
        yield text, escaped if decoded != escaped else ""
        yield (bare := _bare(text)), bare if decoded != escaped else ""
        if decoded != escaped:
            yield decoded, ""
            yield _bare(decoded), ""
        read = [decoded]
        short = _replaced(_SHORT_ESCAPE, character, decoded, work)
        if short != decoded:
            yield (bare := _bare(short)), bare
            read.append(short)
        cut = _replaced(_CONTROL_ESCAPE, CUT, decoded, work)
        if cut != decoded:
            yield (bare := _bare(cut)), bare
            read.append(cut)
        words = [*(word for word in words if "\\" not in word), f" {CUT} ".join(read)]
    if classes := " ".join([word for word in words if "[" in word or "{" in word]):
        simple = _replaced(_NAMED_CLASS, "?", _replaced(_SEQUENCE, _class_of, classes, work), work)
        yield _replaced(_CLASS, _without_separators, simple, work), simple
        bare = _bare(simple)
        yield _replaced(_CLASS, _without_separators, bare, work), bare
    if has_parameters:
        parameters = " ".join([word for word in words if "$" in word or "}" in word])
        bare = _bare(_replaced(_PARAMETER, CUT, parameters, work).replace("}", CUT))
        yield bare, bare


def _bare(text: str) -> str:
    """Return a text without quotes and without continued line ends."""
    if "\n" in text:
        text = _CONTINUED.sub("", text)
    if "$" in text:
        text = text.replace('$"', '"').replace("$'", "'")
    return text.translate(_QUOTES)


def _class_of(sequence: re.Match[str]) -> str:
    first, last = sorted(sequence.groups())
    return first if first == last else f"[{first}-{last}]"


def _without_separators(found: re.Match[str]) -> str:
    """Return a class of characters without those that would cut it."""
    return found[0].translate(_CLASS_SEPARATORS)
