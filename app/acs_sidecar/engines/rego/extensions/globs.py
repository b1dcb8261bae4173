"""`glob.match` as OPA has it: a pattern is read as its library reads it, and matched by RE2."""

import re
from collections.abc import Iterator
from functools import lru_cache

import re2

__all__ = ["glob_matches", "quoted"]

_CACHED = 256
_SPECIAL = frozenset("*?\\[]{}")
_LONE = re.compile(r"\?|\[!(?:[^]\\\[-]+|.-.)\]", re.DOTALL)
"""A pattern of one character: OPA lets it match nothing too."""
_MEMORY = 2 * 1024 * 1024


def glob_matches(pattern: str, delimiters: list[str] | None, text: str) -> bool:
    """True if the whole text is matched; without delimiters `*` stops at `.`, with `null` at nothing."""
    if delimiters is not None and not isinstance(delimiters, list):
        raise TypeError("delimiters are an array, or null")
    if any(not isinstance(part, str) or len(part) != 1 for part in delimiters or []):
        raise TypeError("a delimiter is one character")
    separators = "" if delimiters is None else "".join(delimiters) or "."
    found = _compiled(pattern, separators).fullmatch(text) is not None
    return found or (not text and _LONE.fullmatch(pattern) is not None)


def quoted(text: str) -> str:
    """Return a pattern that matches the text alone."""
    if not isinstance(text, str):
        raise TypeError("not a text")
    return "".join(f"\\{symbol}" if symbol in _SPECIAL else symbol for symbol in text)


@lru_cache(_CACHED)
def _compiled(pattern: str, separators: str) -> "re2._Regexp":
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    single = f"[^{_class(separators)}]" if separators else "."
    return re2.compile("(?s)" + "".join(_translated(pattern, single)), options)


def _translated(pattern: str, single: str) -> Iterator[str]:
    position = depth = 0
    while position < len(pattern):
        symbol = pattern[position]
        position += 1
        if symbol == "\\":
            if position == len(pattern):
                raise ValueError("a pattern ends with a backslash")
            yield re2.escape(pattern[position])
            position += 1
        elif symbol == "*":
            stars = position
            while stars < len(pattern) and pattern[stars] == "*":
                stars += 1
            yield ".*" if stars > position else f"{single}*"
            position = stars
        elif symbol == "?":
            yield single
        elif symbol == "[":
            text, position = _range(pattern, position)
            yield text
        elif symbol == "{":
            depth += 1
            yield "(?:"
        elif symbol == "," and depth:
            yield "|"
        elif symbol == "}" and depth:
            depth -= 1
            yield ")"
        else:
            yield re2.escape(symbol)
    if depth:
        raise ValueError("a pattern does not close its `{`")


def _range(pattern: str, position: int) -> tuple[str, int]:
    """Read `[abc]`, `[!abc]`, `[a-c]` or `[!a-c]` behind its bracket."""
    negated = pattern.startswith("!", position)
    position += negated
    end = pattern.find("]", position)
    content = pattern[position:end]
    if end <= position or "\\" in content or "[" in content:
        raise ValueError("a pattern holds a range that cannot be read")
    if "-" in content:
        if len(content) != len("a-c") or content[1] != "-" or content[0] > content[2]:
            raise ValueError("a pattern holds a range that cannot be read")
        inner = f"{_class(content[0])}-{_class(content[2])}"
    else:
        inner = _class(content)
    return f"[{'^' if negated else ''}{inner}]", end + 1


def _class(symbols: str) -> str:
    return "".join(f"\\x{{{ord(symbol):x}}}" for symbol in symbols)
