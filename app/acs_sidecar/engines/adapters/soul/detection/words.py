"""The words of a text (section 11.3)."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

__all__ = [
    "clause_starts",
    "is_disguised",
    "is_word_list",
    "normalised",
    "quotations",
    "quoted_words",
    "quotes",
    "words_of",
]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u02bc\u2032\u00b4`", "'"))
_QUOTE_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u201f", '"'),
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u275b\u275c", "'"),
        **dict.fromkeys("\u275d\u275e\u301d\u301e\u301f", "\u275d"),
        **dict.fromkeys("\u300c\u300d\u300e\u300f", "\u300c"),
        "\u00bb": "\u00ab",
        "\u203a": "\u2039",
    }
)
_QUOTING = re.compile("[\"'\u00ab\u00bb\u2018-\u201f\u2039\u203a\u275b-\u275e\u300c-\u300f\u301d-\u301f]")
_QUOTE = re.compile(
    "|".join(rf"(?<!\d){sign}[^{sign}]*(?:{sign}|\Z)" for sign in '"\u00ab\u2039\u275d\u300c')
    + r"|(?<![^\W_])'(?=[^\W_])(?:[^']|(?<=[^\W_])'(?=[^\W_]))*'(?![^\W_])"
)
_CLOSING = re.compile(r'(?<=[^\s\d])["\u00ab\u2039\u275d\u300c](?=\W|\Z)')
_CLAUSE = re.compile("[,;:](?= )| [\u2013\u2014-] |\u2014")
_FEWEST_QUOTED = 3
_SPOKEN = frozenset({"i", "i'm", "we"})
_OTHER_SCRIPTS = "\u0590-\u06ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_STRUCK = "\u0334-\u0338\u20d2-\u20e5"
_REVERSING = "\u202d\u202e"
_UNREADABLE = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ue000-\uf8ff\ufffc\U000f0000-\U0010ffff"
_AS_SYMBOLS = "\U0001f110-\U0001f189\U0001f1e6-\U0001f1ff"
_DISGUISE = re.compile(
    rf"[^\W\d_a-z\u00e6\u0153\u00fe\u00f0\u03bc{_OTHER_SCRIPTS}]|[a-z][{_OTHER_SCRIPTS}]|[{_OTHER_SCRIPTS}][a-z]"
    rf"|[{_STRUCK}{_REVERSING}{_UNREADABLE}{_AS_SYMBOLS}]"
)
_DENYING = ("no", "not", "never", "nor", "none", "nobody", "nothing", "without")
_DIGITS = {"e": "[e3]", "h": "[h4]", "i": "[i1]", "o": "[o0]", "t": "[t7]"}
_SPELLED = re.compile(
    r"(?<![^\W_])(?:"
    + "|".join(
        form
        for word in _DENYING
        for form in (r"[\W_]{0,3}".join(word), "".join(_DIGITS.get(letter, letter) for letter in word))
    )
    + r")(?![^\W_])"
)
_LETTERS = str.maketrans(dict(zip("\u00f8\u0142\u0111\u0127\u0167\u0131", "oldhti", strict=True)))
_CROSSES = str.maketrans(
    dict.fromkeys("\u274c\u2716\u2717\u2718\u2715\U0001f6ab\u26d4\u2610\u274e", " never ")
)
_PIECES = re.compile(r"[,|;/]")
_MOST_MARKS = 16
_FEWEST_PIECES = 6
_LONGEST_PIECE = 1.6


def _unshown(character: str) -> bool:
    """True for characters that only format, and for accents and other marks on letters.

    Strokes through letters and reversed writing are none of them: they disguise a text.
    """
    is_mark = unicodedata.combining(character) or unicodedata.category(character) in {"Cf", "Mn", "Me"}
    return bool(is_mark) and re.match(f"[{_STRUCK}{_REVERSING}]", character) is None


def _with_few_marks(text: str) -> str:
    """Return a text without more combining marks at once than any script writes: to order them takes long."""
    marks = "".join(re.escape(each) for each in sorted(set(text)) if unicodedata.combining(each))
    return re.sub(f"([{marks}]{{{_MOST_MARKS}}})[{marks}]+", r"\1", text) if marks else text


def _translated(text: str, table: Mapping[int, str]) -> str:
    """Return a text with what a table has for its characters: `str.translate`, quick where they are few."""
    return _any_of(tuple(table)).sub(lambda found: table[ord(found[0])], text)


@cache
def _any_of(characters: tuple[int, ...]) -> re.Pattern[str]:
    return re.compile(f"[{''.join(map(re.escape, map(chr, characters)))}]")


def normalised(text: str) -> str:
    """Return a text in one spelling: NFKC, without marks and format characters, case-folded.

    Apostrophes are plain, and crosses are what they stand for: `never`.
    """
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", _with_few_marks(text))
        unshown = {ord(each): None for each in set(apart) if _unshown(each)}
        shown = apart.translate(unshown) if unshown else apart
        crossed = _translated(unicodedata.normalize("NFC", shown), _CROSSES)
        text = _translated(crossed.casefold(), _LETTERS)
    return _translated(text, _APOSTROPHES).casefold()


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a normalised text: runs of letters and digits with inner apostrophes."""
    return tuple(_WORD.findall(text))


def is_disguised(text: str) -> bool:
    """True if a normalised text is not what a reader sees: letters that look like others, struck or apart."""
    if _DISGUISE.search(text) is not None:
        return True
    return any(found[0] not in _DENYING for found in _SPELLED.finditer(text))


def is_word_list(text: str) -> bool:
    """True if a normalised text is an enumeration of words rather than a statement."""
    pieces = _PIECES.split(text)
    if len(pieces) < _FEWEST_PIECES:
        return False
    return len(_WORD.findall(text)) <= _LONGEST_PIECE * len(pieces)


def clause_starts(text: str) -> frozenset[int]:
    """Return the places of words that follow a comma, a semicolon, a colon or a dash."""
    found: set[int] = set()
    before = after = 0
    for mark in _CLAUSE.finditer(text):
        before += len(_WORD.findall(text, after, mark.end()))
        after = mark.end()
        found.add(before)
    return frozenset(found)


def quotes(text: str) -> Iterator[tuple[int, int]]:
    """Yield from where to where each quotation goes; one without an end to the end of the text.

    One that begins before the text goes to a single closing sign.
    """
    plain = _translated(text, _QUOTE_SIGNS)
    closing = _CLOSING.search(plain)
    if closing and plain.count(closing[0]) == 1:
        yield 0, closing.end()
    else:
        yield from (found.span() for found in _QUOTE.finditer(plain))


def quotations(text: str) -> list[range]:
    """Return the places of the words of each quotation that has three or more."""
    found: list[range] = []
    if _QUOTING.search(text) is None:
        return found
    before = after = 0
    for start, end in quotes(text):
        before += len(_WORD.findall(text, after, start))
        inside = len(_WORD.findall(text, start, end))
        if inside >= _FEWEST_QUOTED:
            found.append(range(before, before + inside))
        before, after = before + inside, end
    return found


def quoted_words(words: Sequence[str], quoted: Iterable[range]) -> frozenset[int]:
    """Return the places of words that are only quoted.

    What the agent itself is to speak (`"I am not sure"`) is not only quoted.
    """
    return frozenset(place for each in quoted if words[each.start] not in _SPOKEN for place in each)
