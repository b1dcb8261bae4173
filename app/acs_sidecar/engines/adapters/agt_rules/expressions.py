"""Regular expressions as the toolkit's authors write them, matched by RE2 in linear time (section 7.3)."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TypeAlias

import re2

__all__ = ["Expression", "ExpressionError", "Occurs", "Searches", "doubt_of"]

Occurs: TypeAlias = Callable[[bytes], bool]

_ANYWHERE = re2._Anchor.UNANCHORED
_MAX_REPEAT = 1_000
_MAX_BYTES = 8 * 1024 * 1024
"""What one compiled expression may hold, its cache of states included."""
_SPACE = (
    r"\t\n\x{0b}\f\r \x{1c}-\x{1f}\x{85}\x{a0}\x{1680}"
    r"\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
)
_CLASSES = {"s": _SPACE, "d": r"\p{Nd}", "w": r"\p{L}\p{N}_"}
"""What Python means by these: Unicode, where RE2 alone means ASCII."""

_PIECE = re.compile(
    r"\\(?:u(?P<four>[0-9a-fA-F]{4})|U(?P<eight>[0-9a-fA-F]{8})|x\{(?P<braced>[0-9a-fA-F]{1,6})\}|(?P<reference>[1-9])|(?P<escape>.))"
    r"|\{(?P<least>[0-9]*)(?P<range>,)?(?P<most>[0-9]*)\}"
    r"|\(\?(?P<group>P=|P<|P>|<[=!]|[=!]|>|\(|#|<|(?P<flags>[A-Za-z]*(?:-[A-Za-z]*)?)[:)])",
    re.DOTALL,
)
_BETWEEN_TEXTS = b"\n\0\n"
_OF_LINES = {"^": "(?m:^)", "$": "(?m:$)", r"\A": "(?m:^)", r"\z": "(?m:$)"}
"""Anchors of a text, and those of the lines that it is put between."""

_CONSTRUCTS = {
    "=": "look-ahead `(?=…)`",
    "!": "negative look-ahead `(?!…)`",
    "<=": "look-behind `(?<=…)`",
    "<!": "negative look-behind `(?<!…)`",
    "P=": "back-reference `(?P=…)`",
    ">": "atomic group `(?>…)`",
    "(": "conditional `(?(…)…)`",
    "#": "comment `(?#…)`",
}
_FLAGS = frozenset("imsU")
_CLASS_START = re.compile(r"\[\^?\]?")
_RANGE = re.compile(r"-[^\]]")
_WORD_BOUNDARY = re.compile(r"(?<!\\)(?:\\\\)*\\[bB]")
_WIDE = r"(?:\\[wSDpP]|(?<!\\)\.|\[\^(?:\\.|[^\]\\])+\]|\[(?:\\.|[^\]\\])*\\[wSDpP](?:\\.|[^\]\\])*\])"
"""What matches letters that are not ASCII."""
_WIDE_AFTER = re.compile(rf"(?:\A|[(|^ ,;:=/-]|\\s[+*?]?)\\b(?:\((?:\?:)?)*{_WIDE}")
_WIDE_BEFORE = re.compile(rf"{_WIDE}(?:[+*?]|\{{[0-9,]*\}})*\)*\\b(?![A-Za-z0-9_(\[])")
_FLAGS_FIRST = re.compile(r"(?:\(\?[A-Za-z]+\))*")
_YAML_ESCAPES = {"\b": "b", "\x85": "N", "\xa0": "_", "\u2028": "L", "\u2029": "P"}
"""Characters that double quotes make of an escape which means something else in an expression."""
_DELIMITED = re.compile(r"/.+/[gimsuy]+", re.DOTALL)
_GLOB = re.compile(r"\^?[A-Za-z0-9_:/-]+([A-Za-z0-9_:/-])\*\$?")
_NAMED_CLASS = re.compile(r"\[:\^?[a-z]+:\]")


class ExpressionError(ValueError):
    """An expression that RE2 does not match in linear time; the message names the construct."""


class Expression:
    """An expression and whether it matches anywhere in one of several UTF-8 texts."""

    __slots__ = ("_may_occur", "_occurs")

    def __init__(self, pattern: str) -> None:
        """Compile it. Raises `ExpressionError`."""
        exact = "".join(_translated(pattern, {}))
        by_lines = "".join(_translated(pattern, _OF_LINES))
        self._occurs = _occurrence(exact)
        self._may_occur = self._occurs if by_lines == exact else _occurrence(by_lines)

    @staticmethod
    def joined(texts: Sequence[bytes]) -> bytes:
        """Return the texts as lines of one; where no line can match, none of them does."""
        return _BETWEEN_TEXTS.join(texts)

    def occurs_in(self, texts: Sequence[bytes], joined: bytes) -> bool:
        """True if the expression matches in one of the texts.

        A search costs more than a short text is long: of many texts the lines are searched first, at once.
        """
        if len(texts) > 1 and not self._may_occur(joined):
            return False
        return any(map(self._occurs, texts))


Searches: TypeAlias = dict[str, Expression]
"""Compiled expressions by their text, shared by the rules and points of a policy."""


def doubt_of(pattern: str) -> str | None:
    """Return what an expression may not mean as it is written, or `None`."""
    if _DELIMITED.fullmatch(pattern):
        return "`/` is a character here, not a delimiter: write the expression alone, flags as `(?i)`"
    if found := _GLOB.fullmatch(pattern):
        repeated = found.group(1)
        return f"`{repeated}*` is any number of `{repeated}`, none too: write `.*` for any text"
    if _WIDE_AFTER.search(pattern) or _WIDE_BEFORE.search(pattern):
        return (
            r"`\b` knows ASCII words alone, and what stands beside it matches other letters too: "
            r"write `(^|\W)` and `(\W|$)`"
        )
    return None


def _occurrence(engine_pattern: str) -> Occurs:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MAX_BYTES
    try:
        search = re2.compile(engine_pattern, options)._regexp.Match
    except re2.error as error:
        raise ExpressionError(f"RE2 does not read it: {_engine_text(error)}") from None

    def occurs(data: bytes) -> bool:
        return bool(search(_ANYWHERE, data, 0, len(data))[0][0] >= 0)

    return occurs


def _translated(pattern: str, anchors: Mapping[str, str]) -> Iterator[str]:
    """Yield the pieces of RE2's form, with other `anchors`. Raises `ExpressionError` for what has none."""
    if _WORD_BOUNDARY.search(pattern) and any(_is_wide_letter(character) for character in pattern):
        raise ExpressionError(
            "`\\b` knows the boundaries of ASCII words alone, and the expression has other letters: "
            r"write `(^|\W)` and `(\W|$)`"
        )
    position, in_class = 0, False
    while position < len(pattern):
        character = pattern[position]
        piece = None
        if character == "\\" or (character in "{(" and not in_class):
            piece = _PIECE.match(pattern, position)
        if piece is not None:
            if piece.group() == f"(?{piece['flags']})" and not _FLAGS_FIRST.fullmatch(pattern, 0, position):
                raise ExpressionError(f"flags stand at the beginning: write `{piece.group()}` there")
            translated = _piece(piece, in_class)
            yield translated if in_class else anchors.get(translated, translated)
            position = piece.end()
            if in_class and (piece["escape"] or "").lower() in _CLASSES and _RANGE.match(pattern, position):
                raise ExpressionError(
                    f"no range begins with `{piece.group()}`: put the `-` at the end of the brackets"
                )
            continue
        if in_class and (named := _NAMED_CLASS.match(pattern, position)):
            yield named.group()
            position = named.end()
            continue
        if not in_class and (escape := _YAML_ESCAPES.get(character)):
            raise ExpressionError(
                f"in double quotes YAML reads `\\{escape}` as U+{ord(character):04X}: "
                f"use single quotes, or `\\\\{escape}`"
            )
        if in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
            # A bracket that comes first is itself, negated or not.
            opening = _CLASS_START.match(pattern, position)
            character = opening.group() if opening else character
        elif character in "*+?}" and pattern[position + 1 : position + 2] == "+":
            raise ExpressionError("possessive repetition `++` has no linear-time form")
        yield character if in_class else anchors.get(character, character)
        position += len(character)


def _is_wide_letter(character: str) -> bool:
    return not character.isascii() and character.isalnum()


def _piece(piece: "re.Match[str]", in_class: bool) -> str:
    if code := piece["four"] or piece["eight"] or piece["braced"]:
        return f"\\x{{{code}}}"
    if piece["reference"]:
        raise _refused(f"back-reference `\\{piece['reference']}`")
    if escape := piece["escape"]:
        return _escape(escape, in_class)
    if piece["group"] is not None:
        return _group(piece)
    return _repetition(piece)


def _escape(escape: str, in_class: bool) -> str:
    if escape in "QE":
        raise ExpressionError(r"quotation `\Q…\E` has no form here: escape each character")
    if escape == "C":
        raise ExpressionError(r"`\C` is a byte, which can be a part of a character: write `.`")
    if escape == "Z" and not in_class:
        return r"\z"
    if escape in _CLASSES:
        return _CLASSES[escape] if in_class else f"[{_CLASSES[escape]}]"
    if escape.lower() in _CLASSES:
        return _complement(escape) if in_class else f"[^{_CLASSES[escape.lower()]}]"
    if ord(escape) > 127:
        return escape
    return f"\\{escape}"


@cache
def _complement(escape: str) -> str:
    """Return the ranges of `\\S`, `\\D` or `\\W` for use inside brackets, where RE2 has no complement."""
    excluded = _EXCLUDED[escape]
    ranges: list[str] = []
    first: int | None = None
    for code in range(sys.maxunicode + 2):
        if code <= sys.maxunicode and not excluded(chr(code)):
            first = code if first is None else first
        elif first is not None:
            ranges.append(f"\\x{{{first:x}}}-\\x{{{code - 1:x}}}")
            first = None
    return "".join(ranges)


_EXCLUDED: dict[str, Callable[[str], bool]] = {
    "S": str.isspace,
    "D": str.isdecimal,
    "W": lambda character: character.isalnum() or character == "_",
}


def _group(piece: "re.Match[str]") -> str:
    if construct := _CONSTRUCTS.get(piece["group"]):
        raise _refused(construct)
    for flag in (piece["flags"] or "").replace("-", ""):
        if flag not in _FLAGS:
            raise ExpressionError(f"flag `{flag}` has no meaning here: there are `i`, `m`, `s` and `U`")
    return piece.group()


def _repetition(piece: "re.Match[str]") -> str:
    least, most = piece["least"], piece["most"]
    if piece.group() == "{}":
        return "\\{}"  # no repetition
    for bound in (least, most):
        if bound and (len(bound) > 4 or int(bound) > _MAX_REPEAT):
            raise ExpressionError(f"repetition `{piece.group()}` is over {_MAX_REPEAT}")
    return f"{{0,{most}}}" if not least else piece.group()


def _refused(construct: str) -> ExpressionError:
    return ExpressionError(f"{construct} cannot be matched in linear time: write the rule without it")


def _engine_text(error: Exception) -> str:
    """Return the engine's words in one printable line."""
    found = error.args[0] if error.args else error
    text = found.decode(errors="replace") if isinstance(found, bytes) else str(found)
    return "".join(character if character.isprintable() else "?" for character in text)[:160]
