"""`glob.match` as OPA has it: a pattern is read as its library reads it, and matched by RE2."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import re2

__all__ = ["glob_matches", "quoted"]

_CACHED = 256
_SPECIAL = frozenset("*?\\[]{}")
_LONE = re.compile(r"\?|\[!(?:[^]\\\[-]+|.-.)\]", re.DOTALL)
"""A pattern of one character: OPA lets it match nothing too."""
_PLAIN = frozenset({"text", "or"})
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
    parts = list(_parts(pattern, separators))
    _check(parts, separators)
    forms = ["".join(part.regex for part in parts), *_overlapping(parts)]
    return re2.compile(f"(?s){'|'.join(forms)}", options)


class _GlobPart(NamedTuple):
    """A part of a pattern: what kind it is, a symbol that stands for itself or its brackets, its regex."""

    kind: str
    symbol: str
    regex: str


def _parts(pattern: str, separators: str) -> Iterator[_GlobPart]:
    single = f"[^{_class(separators)}]" if separators else "."
    position = depth = 0
    while position < len(pattern):
        symbol = pattern[position]
        position += 1
        if symbol == "\\":
            if position == len(pattern):
                raise ValueError("a pattern ends with a backslash")
            yield _GlobPart("text", pattern[position], re2.escape(pattern[position]))
            position += 1
        elif symbol == "*":
            stars = len(pattern) - len(pattern[position:].lstrip("*")) - position
            if stars > 1:
                raise ValueError("a pattern with more than two `*` in a row")
            wide = stars or not separators
            yield _GlobPart("all" if wide else "some", "", ".*" if wide else f"{single}*")
            position += stars
        elif symbol == "?":
            yield _GlobPart("one", "", single)
        elif symbol == "[":
            text, end = _range(pattern, position)
            yield _GlobPart("range", pattern[position:end], text)
            position = end
        elif symbol == "{":
            depth += 1
            yield _GlobPart("open", "", "(?:")
        elif symbol == "," and depth:
            yield _GlobPart("or", "", "|")
        elif symbol == "}" and depth:
            depth -= 1
            yield _GlobPart("close", "", ")")
        else:
            yield _GlobPart("text", symbol, re2.escape(symbol))
    if depth:
        raise ValueError("a pattern does not close its `{`")


def _check(parts: list[_GlobPart], separators: str) -> None:
    """Refuse what OPA's library matches in other ways than it says."""
    kinds = [part.kind for part in parts]
    inner = list(_alternatives(kinds))
    if not _PLAIN.issuperset(inner if len(inner) < len(kinds) - 2 else {*inner} - {"all", "some"}):
        raise ValueError("a pattern with wildcards or braces in a part of it that has alternatives")
    if any(before in {"open", "or"} and after in {"or", "close"} for before, after in pairwise(kinds)):
        raise ValueError("a pattern with an empty alternative")
    joined = [_unmatched(part, separators) for part in parts]
    if any(one and other and max(one, other) > 1 for one, other in pairwise(joined)):
        raise ValueError("a pattern with wildcards in a row that several symbols do not match")


def _unmatched(part: _GlobPart, separators: str) -> int:
    """Count the symbols that a wildcard does not match: the library looks for them as one text."""
    if part.kind == "range":
        return len(part.symbol) - len("!]") if part.symbol.startswith("!") else 0
    return len(separators) if part.kind in {"one", "some"} else 0


def _alternatives(kinds: list[str]) -> Iterator[str]:
    """Yield the kinds of the parts in braces."""
    depth = 0
    for kind in kinds:
        depth -= kind == "close"
        if depth:
            yield kind
        depth += kind == "open"


def _overlapping(parts: list[_GlobPart]) -> Iterator[str]:
    """Yield the texts that `a**b` matches in OPA too: those in which the texts around `**` overlap."""
    kinds = [part.kind for part in parts]
    if kinds.count("all") == 1 and {*kinds} == {"text", "all"}:
        middle = kinds.index("all")
        left = "".join(part.symbol for part in parts[:middle])
        right = "".join(part.symbol for part in parts[middle + 1 :])
        for size in range(1, min(len(left), len(right)) + 1):
            if left.endswith(right[:size]):
                yield re2.escape(left + right[size:])


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
