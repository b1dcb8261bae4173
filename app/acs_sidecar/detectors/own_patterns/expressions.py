"""Regular expressions of a manifest's author, matched by RE2: in time linear in the text, whatever they say."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import re2

__all__ = ["MAX_EXPRESSION_CHARACTERS", "MAX_INSTRUCTIONS", "Expressions", "PatternSyntaxError"]

MAX_EXPRESSION_CHARACTERS = 4_096
MAX_INSTRUCTIONS = 200_000
"""What the expressions of one annotator compile to, all together: some 10 MB and a second."""

_ANYWHERE = re2._Anchor.UNANCHORED
_MEMORY = 4 << 20
_ANY_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\C")
_MAY_BE_ANCHORED = re.compile(r"\\[AzQ]|(?<!\[)\^|\$|\(\?[a-zA-Z-]*[m-]")
_CONTINUED = bytes(byte & 0xC0 == 0x80 for byte in range(256))
_WHOLE = frozenset({"missing )", "unexpected )", "missing ]"})


class PatternSyntaxError(ValueError):
    """An expression that RE2 does not read, with why and where: `index` is its place among those given."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index
        self.message = message


class Expressions:
    """Some expressions, compiled. Raises `PatternSyntaxError`.

    One pass over the text tells whether any of them occurs; each is searched for only where one does.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._each = [_compiled(index, pattern) for index, pattern in enumerate(patterns)]
        _check_size(self._each)
        any_of_them = "|".join(f"(?:{pattern})" for pattern in patterns)
        self._any = _options_compiled(any_of_them, 4 * _MEMORY)._regexp.Match
        self.anchored = any(map(_MAY_BE_ANCHORED.search, patterns))
        """Whether one may match a text alone and not within others that stand around it."""

    def occur(self, data: bytes) -> bool:
        """True if any of them matches somewhere in a text in UTF-8."""
        return bool(self._any(_ANYWHERE, data, 0, len(data))[0][0] >= 0)

    def matches(self, data: bytes) -> Iterator[tuple[int, int, int]]:
        """Yield each match: the index of the expression, and the span in code points. Some may be empty."""
        if not self.occur(data):
            return
        continued = None if data.isascii() else data.translate(_CONTINUED)
        for index, expression in enumerate(self._each):
            last = skipped = 0
            for start, end in _spans(expression._regexp.Match, data):
                if continued is None:
                    yield index, start, end
                    continue
                skipped += continued.count(1, last, start)
                last = start
                yield index, start - skipped, end - skipped - continued.count(1, start, end)


def _spans(search: Any, data: bytes) -> Iterator[tuple[int, int]]:  # noqa: ANN401  # native, without annotations
    position, length = 0, len(data)
    while position <= length:
        start, end = search(_ANYWHERE, data, position, length)[0]
        if start < 0:
            return
        yield start, end
        position = end if end > start else end + 1


def _compiled(index: int, pattern: str) -> Any:  # noqa: ANN401  # native, without annotations
    if len(pattern) > MAX_EXPRESSION_CHARACTERS:
        raise PatternSyntaxError(index, f"is longer than {MAX_EXPRESSION_CHARACTERS:,} characters")
    if found := _ANY_BYTE.search(pattern):
        raise PatternSyntaxError(index, f"`\\C` at column {found.end() - 1} matches part of a character")
    try:
        return _options_compiled(pattern, _MEMORY)
    except re2.error as error:
        raise PatternSyntaxError(index, _told(pattern, error)) from None
    except UnicodeEncodeError:
        raise PatternSyntaxError(index, "holds a lone surrogate") from None


def _check_size(expressions: Sequence[Any]) -> None:
    size = 0
    for index, expression in enumerate(expressions):
        size += expression._regexp.ProgramSize()
        if size > MAX_INSTRUCTIONS:
            message = (
                f"compiles, with those before it, to more than {MAX_INSTRUCTIONS:,} instructions: shorten it"
            )
            raise PatternSyntaxError(index, message)


def _options_compiled(pattern: str, memory: int) -> Any:  # noqa: ANN401  # native, without annotations
    options = re2.Options()
    options.max_mem = memory
    options.log_errors = False
    return re2.compile(pattern, options)


def _told(pattern: str, error: Exception) -> str:
    """Return what RE2 objects to, and at which column of the expression."""
    written = error.args[0] if error.args else b""
    what, _, fragment = (
        written.decode(errors="replace") if isinstance(written, bytes) else str(written)
    ).partition(": ")
    column = _unpaired(pattern) if what in _WHOLE else pattern.find(fragment) + 1 if fragment else 0
    shown = "" if what in _WHOLE or not fragment or fragment == pattern else f" `{fragment[:32]}`"
    return f"is not an expression of RE2: {what}{shown}" + (f" at column {column}" if column else "")


def _unpaired(pattern: str) -> int:
    """Return the column of the first bracket without its pair, 0 if there is none."""
    opened: list[int] = []
    in_class = first = position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1 + (character == "\\")
        if in_class:
            if character == "]" and position > first:
                in_class = 0
        elif character == "[":
            in_class = position
            first = position + 1 + pattern.startswith("^", position)
        elif character == "(":
            opened.append(position)
        elif character == ")":
            if not opened:
                return position
            opened.pop()
    return in_class or (opened[-1] if opened else 0)
