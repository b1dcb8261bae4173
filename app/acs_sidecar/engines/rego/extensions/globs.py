"""`glob.match` as OPA has it: a pattern is read as its library reads it, and matched by RE2."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from typing import NamedTuple

import re2

__all__ = ["glob_matches", "quoted"]

_CACHED = 256
_SPECIAL = frozenset("*?\\[]{}")
_LONE = re.compile(r"\?|\[!(?:[^]\\\[-]+|.-.)\]", re.DOTALL)
"""A pattern of one character: OPA lets it match nothing too."""
_STARS = frozenset({"all", "some"})
_WILD = _STARS | {"one", "range"}
_MEMORY = 2 * 1024 * 1024


def glob_matches(pattern: str, delimiters: list[str] | None, text: str) -> bool:
    """True if the whole text is matched; without delimiters `*` stops at `.`, with `null` at nothing."""
    if delimiters is not None and not isinstance(delimiters, list):
        raise TypeError("delimiters are an array, or null")
    if any(not isinstance(part, str) or len(part) != 1 for part in delimiters or []):
        raise TypeError("a delimiter is one character")
    separators = "" if delimiters is None else "".join(delimiters) or "."
    forms = _compiled(pattern, separators)
    if forms.rows is not None and forms.around is not None and not text.isascii():
        return _matches_rows(forms.rows, forms.around, text)
    found = forms.exact.fullmatch(text) is not None
    return found or (not text and _LONE.fullmatch(pattern) is not None)


def quoted(text: str) -> str:
    """Return a pattern that matches the text alone."""
    if not isinstance(text, str):
        raise TypeError("not a text")
    return "".join(f"\\{symbol}" if symbol in _SPECIAL else symbol for symbol in text)


def _matches_rows(rows: "re2._Regexp", around: "re2._Regexp", text: str) -> bool:
    """Match a text that is not ASCII: what the rows match is, or what is around them does not match."""
    found = rows.fullmatch(text)
    if found is not None and all(map(str.isascii, found.groups())):
        return True
    if around.fullmatch(text) is not None:
        raise ValueError("parts of a pattern side by side, and a text that is not ASCII")
    return False


class _GlobPart(NamedTuple):
    """A part of a pattern: its kind, its text or what is in its brackets, its regex, its alternatives."""

    kind: str
    text: str
    regex: str
    choices: tuple[tuple["_GlobPart", ...], ...] = ()


class _GlobForms(NamedTuple):
    """A pattern for RE2; for texts that are not ASCII the same with its rows as groups, and without these."""

    exact: "re2._Regexp"
    rows: "re2._Regexp | None"
    around: "re2._Regexp | None"


@lru_cache(_CACHED)
def _compiled(pattern: str, separators: str) -> _GlobForms:
    sequences = list(_sequences(list(_parts(pattern, separators))))
    for parts in sequences:
        _check(parts, separators)
    exact = _regex("|".join(form for parts in sequences for form in (_joined(parts), *_overlapping(parts))))
    rows = [row for parts in sequences for row in _rows(parts)]
    if len(sequences) > 1 or not any(map(_is_cut, rows)):
        return _GlobForms(exact, None, None)
    groups = "".join(f"({_joined(row)})" if _is_cut(row) else _joined(row) for row in rows)
    around = "".join(".*" if _is_cut(row) or row[0].kind in _WILD else _joined(row) for row in rows)
    return _GlobForms(exact, _regex(groups), _regex(around))


def _joined(parts: Iterable[_GlobPart]) -> str:
    return "".join(part.regex for part in parts)


def _regex(form: str) -> "re2._Regexp":
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    return re2.compile(f"(?s){form}", options)


def _parts(pattern: str, separators: str) -> Iterator[_GlobPart]:
    position = 0
    while position < len(pattern):
        if pattern[position] == "{":
            choices: list[tuple[_GlobPart, ...]] = []
            while not choices or pattern[position] == ",":
                choice, position = _run(pattern, position + 1, separators, ",}")
                choices.append(tuple(choice))
                if position == len(pattern):
                    raise ValueError("a pattern does not close its `{`")
            if not all(choices):
                raise ValueError("a pattern with an empty alternative")
            position += 1
            yield _GlobPart("group", "", f"(?:{'|'.join(map(_joined, choices))})", tuple(choices))
        else:
            parts, position = _run(pattern, position, separators, "{")
            yield from parts


def _run(pattern: str, position: int, separators: str, ends: str) -> tuple[list[_GlobPart], int]:
    """Read parts up to one of some symbols, and return them with its position."""
    single = f"[^{_class(separators)}]" if separators else "."
    parts: list[_GlobPart] = []
    text = ""
    while position < len(pattern) and pattern[position] not in ends:
        symbol = pattern[position]
        position += 1
        if symbol not in "*?[{":
            if symbol == "\\":
                if position == len(pattern):
                    raise ValueError("a pattern ends with a backslash")
                symbol = pattern[position]
                position += 1
            text += symbol
            continue
        if text:
            parts.append(_GlobPart("text", text, re2.escape(text)))
            text = ""
        if symbol == "*":
            stars = len(pattern) - len(pattern[position:].lstrip("*")) - position
            if stars > 1:
                raise ValueError("a pattern with more than two `*` in a row")
            wide = stars or not separators
            parts.append(_GlobPart("all" if wide else "some", "", ".*" if wide else f"{single}*"))
            position += stars
        elif symbol == "?":
            parts.append(_GlobPart("one", "", single))
        elif symbol == "[":
            regex, end = _range(pattern, position)
            parts.append(_GlobPart("range", pattern[position : end - 1], regex))
            position = end
        else:
            raise ValueError("a pattern with braces in braces")
    if text:
        parts.append(_GlobPart("text", text, re2.escape(text)))
    return parts, position


def _sequences(parts: list[_GlobPart]) -> Iterator[list[_GlobPart]]:
    """Yield a pattern, or if it is nothing but alternatives with `*`, each of these.

    What all of them begin or end with, the library takes out of them: `*{a,b}` for `{*a,*b}`.
    """
    choices = parts[0].choices if len(parts) == 1 else ()
    kinds = {part.kind for choice in choices for part in choice}
    if kinds.isdisjoint(_STARS) or not kinds <= _STARS | {"text"}:
        yield parts
        return
    left = _shared([choice[:1] for choice in choices])
    right = _shared([choice[-1:] for choice in choices])
    if len(choices) == 1 or not (left or right):
        yield from map(list, choices)
        return
    rests = [choice[len(left) : len(choice) - len(right)] for choice in choices]
    if any([part.kind for part in rest] != ["text"] for rest in rests):
        raise ValueError("a pattern with alternatives that have more than a text of their own")
    group = _GlobPart("group", "", f"(?:{'|'.join(map(_joined, rests))})", tuple(rests))
    yield [*left, group, *right]


def _shared(ends: list[tuple[_GlobPart, ...]]) -> tuple[_GlobPart, ...]:
    return ends[0] if len({*ends}) == 1 else ()


def _check(parts: list[_GlobPart], separators: str) -> None:
    """Refuse what OPA's library matches in other ways than it says."""
    groups = [part.choices for part in parts if part.choices]
    if any(part.kind != "text" for choices in groups for choice in choices for part in choice):
        raise ValueError("a pattern with wildcards or braces in a part of it that has alternatives")
    unmatched = [_unmatched(part, separators) for part in parts]
    if any(one and other and max(one, other) > 1 for one, other in pairwise(unmatched)):
        raise ValueError("a pattern with wildcards in a row that several symbols do not match")
    for one, other in pairwise(parts):
        if one.kind == "some" and len(separators) > 1 and len({*map(_length, other.choices)}) > 1:
            raise ValueError(
                "a pattern with `*` before alternatives of several lengths, and several delimiters"
            )


def _length(choice: Sequence[_GlobPart]) -> int:
    return sum(len(part.text) for part in choice)


def _unmatched(part: _GlobPart, separators: str) -> int:
    """Count the symbols that a wildcard does not match: the library looks for them as one text."""
    if part.kind == "range":
        return len(part.text) - len("!") if part.text.startswith("!") else 0
    return len(separators) if part.kind in {"one", "some"} else 0


def _rows(parts: list[_GlobPart]) -> Iterator[list[_GlobPart]]:
    """Yield the parts by rows: what matches texts of one length, side by side, and what lies between."""
    for _, row in groupby(parts, key=lambda part: part.kind in _STARS):
        yield list(row)


def _is_cut(row: list[_GlobPart]) -> bool:
    """True if OPA's library takes bytes for symbols, as it does from one part of a row to the next."""
    kinds = [part.kind for part in row]
    if len(row) == 1 or {*kinds} == {"one"}:
        return False
    texts = [
        part.text for part in [*row, *(text for part in row for choice in part.choices for text in choice)]
    ]
    return not _WILD.isdisjoint(kinds) or not all(map(str.isascii, texts))


def _overlapping(parts: list[_GlobPart]) -> Iterator[str]:
    """Yield the texts that `a**b` matches in OPA too: those in which the texts around `**` overlap."""
    if [part.kind for part in parts][1:-1] == ["all"]:
        left, right = _text(parts[0]), _text(parts[-1])
        for size in range(1, min(len(left), len(right)) + 1):
            if left.endswith(right[:size]):
                yield re2.escape(left + right[size:])


def _text(part: _GlobPart) -> str:
    """Return the text that a part stands for, which `[a]` does too."""
    return part.text if part.kind == "text" or (part.kind == "range" and len(part.text) == 1) else ""


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
