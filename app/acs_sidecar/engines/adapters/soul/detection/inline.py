"""The text of a paragraph, a heading, an item or a cell, with what quotes marked as unsure (section 11.3).

What is unsure a reader may or may not take as said: a placeholder, struck, hidden or quoted text. A text has
two readings then, without and with it, and it declares what both of them declare.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self

from markdown_it.token import Token

from acs_sidecar.engines.adapters.soul.detection.markup import Elements
from acs_sidecar.engines.adapters.soul.detection.words import quotes

__all__ = [
    "MARKER",
    "Piece",
    "TwoReadings",
    "comments_of",
    "inline_text",
    "sentences",
    "split_markers",
]

MARKER = re.compile(r"SOUL-[A-Z]{2}-[0-9]{3}")
_WITH_SIGN = re.compile(r"(?:#[ \t]*)?SOUL-[A-Z]{2}-[0-9]{3}")
_LEADING = re.compile(r"(?:[\s(#,;]*SOUL-[A-Z]{2}-[0-9]{3}[\s),;]*)+")
_SENTENCE_END = re.compile(r"[.!?]\s+(?=\S)")
_OPENING = frozenset("\"'([{#<\u2018\u2019\u201c\u201d\u201e\u201a\u00ab\u00bb\u2039\u203a")
_COMMENT_START, _COMMENT_END = "<!--", "-->"
_START, _END = "\ue000", "\ue001"
_UNSURE = re.compile(f"{_START}([^{_END}]*){_END}")
_NOT_IN_TEXT = str.maketrans(_START + _END, "\ufffc\ufffc")
_BRACKET = re.compile(r"[\[\]]")
_STRUCK = re.compile(r"~(?=[^\s~])[^~]*(?<=[^\s~])~")
_FEWEST_OF_CODE = 3


class Piece(NamedTuple):
    """A part of a text: its first and last line, counted from 0, its text without markers, and those."""

    first_line: int
    last_line: int
    text: str
    markers: tuple[str, ...]


class TwoReadings(NamedTuple):
    """What a text states, without what is unsure in it, and all that is written."""

    stated: str = ""
    written: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the readings of a text with marks."""
        return cls(_stated(text).strip(), _written(text).strip()) if _START in text else cls(text, text)


def inline_text(children: Sequence[Token], elements: Elements) -> str:
    """Return the text of inline tokens: line ends kept, and of comments the markers.

    Images and tags are left out. Unsure is what stands in square brackets that are no link (a placeholder),
    what is struck or concealed by elements, and three or more words of code.
    """
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    length = struck = 0
    for child in children:
        struck += {"s_open": 1, "s_close": -1}.get(child.type, 0)
        part = ""
        if child.type in {"softbreak", "hardbreak"}:
            part = "\n"
        elif child.type == "html_inline":
            markers = (MARKER.findall(comment) for comment in comments_of(child.content))
            part = elements.follow_inline(child.content)
            part += "".join(f" # {marker} " for found in markers for marker in found)
            part += "\n" * child.content.count("\n")
        elif child.type in {"text", "code_inline"}:
            part = child.content.translate(_NOT_IN_TEXT)
            is_quoted = child.type == "code_inline" and len(part.split()) >= _FEWEST_OF_CODE
            if struck or elements.conceal or is_quoted:
                places.append((length, length + len(part)))
        parts.append(part)
        length += len(part)
    text = "".join(parts)
    places += _in_brackets(text)
    places += (found.span() for found in _STRUCK.finditer(text))
    return _marked(text, places)


def _in_brackets(text: str) -> Iterator[tuple[int, int]]:
    """Yield from where to where each pair of square brackets goes."""
    open_at: list[int] = []
    for bracket in _BRACKET.finditer(text):
        if bracket[0] == "[":
            open_at.append(bracket.start())
        elif open_at:
            yield open_at.pop(), bracket.end()


def _marked(text: str, places: Iterable[tuple[int, int]]) -> str:
    """Mark places of a text as unsure; those that touch are one."""
    parts: list[str] = []
    begun = done = 0
    for start, end in sorted(places):
        if start > done:
            parts += (_unsure(text[begun:done]), text[done:start])
            begun = start
        done = max(done, end)
    return "".join((*parts, _unsure(text[begun:done]), text[done:]))


def _unsure(text: str) -> str:
    """Return a text that is unsure as a whole."""
    return f"{_START}{text}{_END}" if text else ""


def _stated(text: str) -> str:
    """Return a text without what is unsure in it; line ends stay."""
    return _UNSURE.sub(lambda found: "\n" * found[1].count("\n"), text)


def _written(text: str) -> str:
    """Return a text with what is unsure in it: a word of its own unless it is a letter, as in `[n]ever`."""

    def _shown(found: re.Match[str]) -> str:
        inside = found[1].strip("[]~")
        return inside if len(inside) == 1 else f" {inside} "

    return _UNSURE.sub(_shown, text)


def comments_of(html: str) -> Iterator[str]:
    """Yield the content of each comment; one without an end goes to the end of the text."""
    start = html.find(_COMMENT_START)
    while start >= 0:
        end = html.find(_COMMENT_END, start)
        yield html[start + len(_COMMENT_START) : end if end >= 0 else None]
        start = html.find(_COMMENT_START, end) if end >= 0 else -1


def sentences(text: str) -> Iterator[Piece]:
    """Yield the sentences of a text; markers in front of one belong to the one before it."""
    pending: Piece | None = None
    line = start = 0
    for end in (*_sentence_starts(text), len(text)):
        raw = text[start:end]
        blank = len(raw) - len(raw.lstrip())
        first = line + raw.count("\n", 0, blank)
        line += raw.count("\n")
        start = end
        leading = _LEADING.match(raw) if pending else None
        if pending and leading:
            pending = pending._replace(markers=(*pending.markers, *MARKER.findall(leading[0])))
            raw = raw[leading.end() :]
        if not raw.strip():
            continue
        if pending:
            yield pending
        without, markers = split_markers(raw)
        trailing = raw[len(raw.rstrip()) :].count("\n")
        pending = Piece(first, line - trailing, without, markers)
    if pending:
        yield pending


def split_markers(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text without its markers and the `#` before them, and those that are not unsure."""
    if not MARKER.search(text):
        return text, ()
    return _WITH_SIGN.sub("", text), tuple(MARKER.findall(_stated(text)))


def _sentence_starts(text: str) -> Iterator[int]:
    """Yield where sentences begin but for the first; within what is unsure or quoted none does."""
    sure = _UNSURE.sub(lambda found: " " * len(found[0]), text) if _START in text else text
    done, parts = 0, list[str]()
    for start, end in quotes(sure):
        parts += (sure[done : start + 1], "x" * (end - start - 2))
        done = max(start + 1, end - 1)
    sure = "".join((*parts, sure[done:]))
    for found in _SENTENCE_END.finditer(sure):
        following = sure[found.end()]
        if following.isupper() or following.isdigit() or following in _OPENING:
            yield found.end()
