"""The lexical part of Cedar: tokens, string literals, type names and entity UIDs (section 1.7.1).

The lexer agrees with the engine's on where strings and comments begin and end, so that what is
counted or split here is what the engine will see.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Literal, NamedTuple

__all__ = [
    "CedarSyntaxError",
    "EntityUid",
    "Lines",
    "NamedTokens",
    "Token",
    "is_type_name",
    "parse_uid",
    "quoted",
    "tokens",
    "unescape",
]

TokenKind = Literal["string", "word", "number", "mark"]

_TOKEN = re.compile(
    r"""(?P<skip>[^\S\x1c-\x1f]+|//[^\n\r]*)
      | (?P<string>"[^"\\]*(?:\\.[^"\\]*)*")
      | (?P<word>[_a-zA-Z][_a-zA-Z0-9]*)
      | (?P<number>[0-9]+)
      | (?P<mark>::|[=!<>]=|\|\||&&|[@.,;:(){}\[\]<>+\-*/%!=?])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"""\\(?:(?P<plain>[nrt0\\'"])|x(?P<byte>[0-7][0-9a-fA-F])|u\{(?P<point>[0-9a-fA-F][0-9a-fA-F_]{0,11})\})
      | (?P<wrong>\\)""",
    re.VERBOSE,
)
_TO_ESCAPE = re.compile(r'[\\"\x00-\x1f\x7f-\xa0\u2028\u2029]')
_PLAIN_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\", "'": "'", '"': '"'}
_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*(?:::[_a-zA-Z][_a-zA-Z0-9]*)*")
_UID = re.compile(rf'(?P<type>{_NAME.pattern})::"(?P<id>[^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_RESERVED = frozenset({"true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar"})


class CedarSyntaxError(ValueError):
    """A text that cannot be Cedar; `offset` counts characters from 0."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class Token(NamedTuple):
    """A token as written, strings with their quotes; `offset` counts characters from 0."""

    kind: TokenKind
    text: str
    offset: int


class EntityUid(NamedTuple):
    """A UID as the engine takes it: never joined into one text."""

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}::{quoted(self.id)}"


class Lines:
    """Where the lines of a text begin."""

    def __init__(self, text: str) -> None:
        self._ends = [match.start() for match in re.finditer("\n", text)]

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column, from 1, of the character at `offset`."""
        before = bisect_left(self._ends, offset)
        begin = self._ends[before - 1] + 1 if before else 0
        return before + 1, offset - begin + 1


def tokens(text: str, place: int = 0) -> Iterator[Token]:
    """Yield the tokens of a policy or schema text from `place` on. Raises `CedarSyntaxError`."""
    match_at = _TOKEN.match
    while place < len(text):
        found = match_at(text, place)
        if found is None:
            if text[place] == '"':
                raise CedarSyntaxError("a string is not closed", place)
            raise CedarSyntaxError(f"unexpected `{text[place]}`", place)
        match found.lastgroup:
            case "string" | "word" | "number" | "mark" as kind:
                yield Token(kind, found.group(), place)
        place = found.end()


class NamedTokens:
    """The tokens of a text by what is written, for the messages of the engine."""

    def __init__(self, text: str) -> None:
        self._places: dict[str, int | None] = {}
        try:
            for token in tokens(text):
                self._places[token.text] = None if token.text in self._places else token.offset
        except CedarSyntaxError:
            self._places = {}

    def offset(self, message: str) -> int | None:
        """Return the position of the token that a message names, if it is unambiguous.

        A message names a token in backticks, or as its last word.
        """
        named = {*re.findall(r"`([^`]+)`", message), *message.split()[-1:]} & self._places.keys()
        return self._places[named.pop()] if len(named) == 1 else None


def quoted(text: str) -> str:
    """Return a text as a string literal."""
    return f'"{_TO_ESCAPE.sub(_escaped, text)}"'


def unescape(quoted: str) -> str:
    """Return the value of what stands between the quotes of a string. Raises `CedarSyntaxError`."""
    return _ESCAPE.sub(_unescaped, quoted) if "\\" in quoted else quoted


def _escaped(character: re.Match[str]) -> str:
    found = character.group()
    return f"\\{found}" if found in '\\"' else f"\\u{{{ord(found):x}}}"


def _unescaped(escape: re.Match[str]) -> str:
    if plain := escape["plain"]:
        return _PLAIN_ESCAPES[plain]
    if escape["wrong"]:
        raise CedarSyntaxError("a string holds an unknown escape", escape.start())
    point = int((escape["byte"] or escape["point"]).replace("_", ""), 16)
    if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF:
        raise CedarSyntaxError("a string holds an escape that is not a character", escape.start())
    return chr(point)


def is_type_name(text: str) -> bool:
    """True if `text` can name an entity type: `User`, `Acme::User`."""
    return _NAME.fullmatch(text) is not None and _RESERVED.isdisjoint(text.split("::"))


def parse_uid(text: str) -> EntityUid:
    """Read `Type::"id"`. Raises `CedarSyntaxError`."""
    found = _UID.fullmatch(text)
    if found is None or not is_type_name(found["type"]):
        raise CedarSyntaxError('an entity is written `Type::"id"`')
    return EntityUid(found["type"], unescape(found["id"]))
