"""Headings and statements of a governance file (section 11.3)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from acs_sidecar.engines.adapters.soul.detection.inline import (
    MARKER,
    Piece,
    TwoReadings,
    comments_of,
    inline_text,
    sentences,
    split_markers,
)
from acs_sidecar.engines.adapters.soul.detection.markup import Elements, with_tags
from acs_sidecar.engines.adapters.soul.detection.words import (
    is_disguised,
    is_word_list,
    normalised,
    words_of,
)

__all__ = [
    "GovernanceText",
    "Heading",
    "Marker",
    "Reading",
    "TextStatement",
    "TooComplexError",
    "read_text",
]

MAX_LINES = 8_192
MAX_MARKUP = 16_384
MAX_CELLS = 16_384
MAX_NESTED = 4_096

_MARKUP = re.compile(r"[\[\]<>*_`!\\&~]")
_NESTED_ITEMS = re.compile(r"[ \t]*(?:(?:[-+*]|\d{1,9}[.)])[ \t]+){2,}")
_DELIMITER_ROW = re.compile(r"[-:|>\s]*\|[-:|>\s]*")
_FRONT_MATTER_END = frozenset({"---", "..."})
_QUESTION = re.compile(r"\?[\W_]*$")
_TO_DO = re.compile(r"\s*\[[ \t]\]")
_SENTENCE_ENDS = (".", "!", "?")
_SHORTEST, _LONGEST = 3, 120
_SHORT_QUESTION = 6


class TooComplexError(ValueError):
    """A text with more structure than is read."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: its line, its normalised text, whether it is written with `#`, and its markers."""

    line: int
    text: str
    atx: bool
    markers: tuple[str, ...] = ()


class Reading(NamedTuple):
    """A normalised text as one reads it, and what it stands under: its heading, what introduces its lists.

    `above` are the headings above its heading, without the first of the document.
    """

    text: str
    heading: str
    lead_ins: tuple[str, ...]
    above: tuple[str, ...] = ()

    @property
    def context(self) -> tuple[str, ...]:
        """The texts that it stands under."""
        return (self.heading, *self.lead_ins)

    @property
    def words(self) -> tuple[str, ...]:
        """Its words; none where it is too short, too long, a list of words, a question or disguised."""
        words = words_of(self.text)
        if not _SHORTEST <= len(words) <= _LONGEST or ("?" in self.text and _QUESTION.search(self.text)):
            return ()
        return () if is_word_list(self.text) or is_disguised(self.text) else words


@dataclass(slots=True)
class TextStatement:
    """A normalised text; its readings differ where something is unsure in it or in what it stands under."""

    line: int
    readings: tuple[Reading, ...]
    heading: Heading | None = None
    markers: tuple[str, ...] = ()
    last_line: int = 0

    @property
    def text(self) -> str:
        """What it states."""
        return self.readings[0].text


class Marker(NamedTuple):
    """A marker that stands on no statement."""

    line: int
    control: str


@dataclass(slots=True)
class GovernanceText:
    """What a governance file says; `comments` are those of HTML, with their lines."""

    headings: list[Heading] = field(default_factory=list)
    statements: list[TextStatement] = field(default_factory=list)
    loose_markers: list[Marker] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)

    @property
    def characters(self) -> int:
        """How many characters its content has, white space left out."""
        texts = (*(each.text for each in self.headings), *(each.text for each in self.statements))
        return sum(len("".join(text.split())) for text in texts)


def read_text(text: str) -> GovernanceText:
    """Read Markdown. Raises `TooComplexError`."""
    lines = re.split(r"\r\n?|\n", text.removeprefix("\ufeff"))
    _blank_front_matter(lines)
    _check_bounds(lines)
    return _MarkdownReader(_parser().parse(with_tags("\n".join(lines)))).read()


def _parser() -> MarkdownIt:
    """Return a parser of CommonMark with tables; struck text is known, so that it can be left out.

    Links by reference are not: what a sentence says does not depend on another section.
    """
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.core.ruler.after("block", "forget_references", _forget_references)
    return parser


def _forget_references(state: StateCore) -> None:
    state.env.pop("references", None)


def _blank_front_matter(lines: list[str]) -> None:
    """Blank the YAML at the beginning, so that lines keep their numbers."""
    if lines[0].rstrip() != "---":
        return
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() in _FRONT_MATTER_END:
            lines[: number + 1] = [""] * (number + 1)
            return


def _check_bounds(lines: Sequence[str]) -> None:
    """Refuse what takes long to parse. Raises `TooComplexError`."""
    if len(lines) > MAX_LINES:
        raise TooComplexError(f"has more than {MAX_LINES} lines")
    if sum(len(_MARKUP.findall(line)) for line in lines) > MAX_MARKUP:
        raise TooComplexError(f"has more than {MAX_MARKUP} characters of markup")
    nested = sum(len(found[0].split()) for found in map(_NESTED_ITEMS.match, lines) if found)
    if nested > MAX_NESTED:
        raise TooComplexError(f"has more than {MAX_NESTED} lists within a line")
    columns = cells = 0
    for line in lines:
        if _DELIMITER_ROW.fullmatch(line):
            columns = line.count("|") + 1
        elif not line.strip():
            columns = 0
        cells += columns
    if cells > MAX_CELLS:
        raise TooComplexError(f"has tables of more than {MAX_CELLS} cells")


class _MarkdownReader:
    """Goes through the tokens of a document once."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._found = GovernanceText()
        self._heading: Heading | None = None
        self._heading_text = TwoReadings()
        self._outline: list[tuple[str, str]] = []
        self._lead_ins: list[TwoReadings] = []
        self._introduction = TwoReadings()
        self._row: list[str] | None = None
        self._row_line = 0
        self._block_comments: list[tuple[int, int, str]] = []
        self._elements = Elements()

    def read(self) -> GovernanceText:
        quotes = 0
        for index, token in enumerate(self._tokens):
            quotes += {"blockquote_open": 1, "blockquote_close": -1}.get(token.type, 0)
            if quotes:
                self._follow_elements(token)
            else:
                self._read_token(token, self._tokens[index - 1])
        self._attach_block_comments()
        return self._found

    def _read_token(self, token: Token, opening: Token) -> None:
        line = (token.map or [0])[0] + 1
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                self._lead_ins.append(self._introduction)
                self._introduction = TwoReadings()
            case "bullet_list_close" | "ordered_list_close":
                self._lead_ins.pop()
                self._introduction = TwoReadings()
            case "tr_open":
                self._row = []
            case "tr_close":
                self._add_row()
            case "html_block":
                last = (token.map or [0, 0])[1]
                self._block_comments.extend((line, last, comment) for comment in comments_of(token.content))
                self._add_html(token)
            case "inline":
                self._add_comments(token, line)
                text = inline_text(token.children or (), self._elements)
                if _TO_DO.match(token.content):
                    return
                if opening.type == "heading_open":
                    self._add_heading(text, line, opening)
                elif self._row is not None:
                    self._row.append(" ".join(text.split()))
                    self._row_line = line
                else:
                    self._add_paragraph(text, line)
            case "list_item_open" | "blockquote_close" | "fence" | "code_block" | "hr" | "table_close":
                self._introduction = TwoReadings()

    def _follow_elements(self, token: Token) -> None:
        """Follow elements that a quotation opens: the quotation may not close them."""
        for each in (token, *(token.children or ())):
            if each.type in {"html_block", "html_inline"}:
                self._elements.follow(each.content)

    def _add_html(self, token: Token) -> None:
        """Read a block of HTML: its text may deny what stands below, and declares nothing."""
        text = normalised(self._elements.follow(token.content)).strip()
        if text:
            self._introduction = TwoReadings("", text)
        if self._elements.heading:
            self._heading_text = self._heading_text._replace(written=normalised(self._elements.heading))

    def _add_heading(self, text: str, line: int, opening: Token) -> None:
        without, markers = split_markers(text)
        self._heading_text = TwoReadings.of(normalised(without).strip())
        self._heading = Heading(line, self._heading_text.stated, opening.markup.startswith("#"), markers)
        self._outline = [each for each in self._outline if each[0] < opening.tag]
        self._outline.append((opening.tag, self._heading_text.written if self._found.headings else ""))
        self._found.headings.append(self._heading)
        self._introduction = TwoReadings()

    def _add_paragraph(self, text: str, line: int) -> None:
        in_item = bool(self._lead_ins)
        introduced = self._introduction.written
        pieces = [*sentences(text)]
        last = TwoReadings.of(normalised(pieces[-1].text).strip() if pieces else "")
        is_sentence = last.stated.endswith(_SENTENCE_ENDS)
        self._introduction = TwoReadings() if is_sentence and not in_item else last
        if in_item and pieces:
            self._add(_joined(text, pieces), line)
            return
        question = TwoReadings("", introduced if introduced.endswith(":") else "")
        for piece in pieces:
            self._add(piece, line, question)
            question = _short_question(piece.text) if "?" in piece.text else TwoReadings()

    def _add_row(self) -> None:
        cells, self._row = self._row or [], None
        without, markers = split_markers(" | ".join(cells))
        self._add(Piece(0, 0, without, markers), self._row_line)

    def _add(self, piece: Piece, line: int, before: TwoReadings | None = None) -> None:
        """Add a statement; `before` introduces it, as a short question does: `Unclear? Ask.`"""
        text = TwoReadings.of(normalised(piece.text).strip())
        first = line + piece.first_line
        if not words_of(text.stated):
            self._found.loose_markers.extend(Marker(first, control) for control in piece.markers)
            return
        above = (text, self._heading_text, *self._lead_ins, *((before,) if before else ()))
        outline = tuple(each for _, each in self._outline[:-1] if each)
        readings = dict.fromkeys(
            Reading(own, heading, tuple(filter(None, lead_ins)), outline)
            for own, heading, *lead_ins in zip(*above, strict=True)
        )
        self._found.statements.append(
            TextStatement(first, (*readings,), self._heading, piece.markers, line + piece.last_line)
        )

    def _add_comments(self, token: Token, line: int) -> None:
        for child in token.children or ():
            if child.type == "html_inline":
                self._found.comments.extend((line, comment) for comment in comments_of(child.content))

    def _attach_block_comments(self) -> None:
        """Put the markers of comments on the statement that ends before them, or begins behind them."""
        ending = {each.last_line: each for each in self._found.statements}
        beginning = {each.line: each for each in reversed(self._found.statements)}
        for first, last, comment in self._block_comments:
            self._found.comments.append((first, comment))
            markers = tuple(MARKER.findall(comment))
            statement = ending.get(first - 1) or beginning.get(last + 1)
            if statement is not None:
                statement.markers += markers


def _short_question(text: str) -> TwoReadings:
    """Return a text that asks in a few words, normalised; nothing for another."""
    asked = TwoReadings.of(normalised(text).strip())
    is_short = len(words_of(asked.written)) <= _SHORT_QUESTION
    return asked if is_short and _QUESTION.search(asked.written) else TwoReadings()


def _joined(text: str, pieces: Sequence[Piece]) -> Piece:
    """Return an item's own text as one piece."""
    without, markers = split_markers(text)
    return Piece(pieces[0].first_line, pieces[-1].last_line, without, markers)
