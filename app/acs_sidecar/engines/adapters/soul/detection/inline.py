"""The text of a paragraph, a heading, an item or a cell, without what quotes (section 11.3)."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markdown_it.token import Token

__all__ = ["MARKER", "Piece", "comments_of", "follow_tags", "inline_text", "sentences", "split_markers"]

MARKER = re.compile(r"SOUL-[A-Z]{2}-[0-9]{3}")
_WITH_SIGN = re.compile(r"(?:#[ \t]*)?SOUL-[A-Z]{2}-[0-9]{3}")
_LEADING = re.compile(r"(?:[\s(#,;]*SOUL-[A-Z]{2}-[0-9]{3}[\s),;]*)+")
_SENTENCE_END = re.compile(r"[.!?]\s+(?=\S)")
_OPENING = frozenset("\"'([{#<\u2018\u2019\u201c\u201d\u201e\u201a\u00ab\u00bb\u2039\u203a")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)([^>]*)>")
_NOT_SHOWN = frozenset(
    {"del", "s", "strike", "script", "style", "template", "title", "noscript", "iframe", "textarea"}
)
_EMPTY = frozenset({"br", "hr", "img", "input", "wbr", "link", "meta"})
_HIDING = re.compile(
    r"\bhidden\b|display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0|font-size\s*:\s*0|line-through",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_COMMENT_START, _COMMENT_END = "<!--", "-->"


class Piece(NamedTuple):
    """A part of a text: its first and last line, counted from 0, its text without markers, and those."""

    first_line: int
    last_line: int
    text: str
    markers: tuple[str, ...]


def inline_text(children: Sequence[Token]) -> str:
    """Return the text of inline tokens: line ends kept, and of comments the markers.

    Images, tags, struck and hidden text and placeholders (text in square brackets that is no link)
    are left out.
    """
    parts: list[str] = []
    struck = 0
    hidden: list[str] = []
    for child in children:
        struck += {"s_open": 1, "s_close": -1}.get(child.type, 0)
        if child.type == "html_inline" and (tag := _TAG.match(child.content)):
            _follow_tag(tag, hidden)
        if child.type in {"softbreak", "hardbreak"}:
            parts.append("\n")
        elif child.type == "html_inline":
            markers = (MARKER.findall(comment) for comment in comments_of(child.content))
            parts.extend(f" # {marker} " for found in markers for marker in found)
            parts.append("\n" * child.content.count("\n"))
        elif child.type in {"text", "code_inline"} and not struck and not hidden:
            parts.append(child.content)
    return _without_placeholders("".join(parts))


def follow_tags(html: str, hidden: list[str]) -> None:
    """Note which elements of a block of HTML stay open whose text is not shown, or is struck."""
    for tag in _TAG.finditer(_COMMENT.sub("", html)):
        _follow_tag(tag, hidden)


def _follow_tag(tag: re.Match[str], hidden: list[str]) -> None:
    """Note which elements are open whose text is not shown, or is struck."""
    closing, name, attributes = tag[1], tag[2].lower(), tag[3]
    if closing:
        if name in hidden:
            del hidden[hidden.index(name) :]
    elif name not in _EMPTY and (name in _NOT_SHOWN or hidden or _HIDING.search(attributes)):
        hidden.append(name)


def comments_of(html: str) -> Iterator[str]:
    """Yield the content of each comment; one without an end goes to the end of the text."""
    start = html.find(_COMMENT_START)
    while start >= 0:
        end = html.find(_COMMENT_END, start)
        yield html[start + len(_COMMENT_START) : end if end >= 0 else None]
        start = html.find(_COMMENT_START, end) if end >= 0 else -1


def _without_placeholders(text: str) -> str:
    """Remove each pair of square brackets with what is in it; line ends stay."""
    if "[" not in text:
        return text
    open_at: list[int] = []
    kept: list[str] = []
    for character in text:
        if character == "[":
            open_at.append(len(kept))
        elif character == "]" and open_at:
            start = open_at.pop()
            inside = "".join(kept[start:])
            del kept[start:]
            kept.extend("\n" * inside.count("\n"))
            continue
        kept.append(character)
    return "".join(kept)


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
    """Return a text without its markers and the `#` before them, and the markers."""
    markers = tuple(MARKER.findall(text))
    return (_WITH_SIGN.sub("", text) if markers else text), markers


def _sentence_starts(text: str) -> Iterator[int]:
    for found in _SENTENCE_END.finditer(text):
        following = text[found.end()]
        if following.isupper() or following.isdigit() or following in _OPENING:
            yield found.end()
