"""The `regex.*` functions over RE2, which reads what Go's regular expressions read and is linear.

Classes such as `\\d` and `\\b` are ASCII there, as in OPA. A pattern of a request is bounded in memory.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import re2

from acs_sidecar.engines.rego.extensions.bounds import checked_length
from acs_sidecar.engines.rego.extensions.numbers import checked_position

__all__ = ["find_n", "find_submatches", "is_valid", "matches", "replaced", "split", "template_matches"]

_ANYWHERE = re2._Anchor.UNANCHORED
_MEMORY = 2 * 1024 * 1024
_CACHED = 256
_ANY_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\C")
_NAME = re.compile(r"\(\?P?<([^>]*)>")
_EXPANSION = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<braced>\w+)\}|(?P<bare>\w+))")

_Groups = list[tuple[int, int]]


@lru_cache(_CACHED)
def _compiled(pattern: str) -> Any:  # noqa: ANN401  # a native type without annotations
    """Compile a pattern, or raise `ValueError`."""
    if not isinstance(pattern, str) or _ANY_BYTE.search(pattern) or _foreign_name(pattern):
        raise ValueError("not a regular expression")
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise ValueError("not a regular expression, or one that takes too much memory") from None


def _foreign_name(pattern: str) -> bool:
    """True if a group has a name with letters that Go does not read in one."""
    return not pattern.isascii() and any(not name.isascii() for name in _NAME.findall(pattern))


def matches(pattern: str, text: str) -> bool:
    """True if the pattern matches anywhere in the text."""
    data = text.encode()
    return bool(_search(pattern, data)(_ANYWHERE, data, 0, len(data))[0][0] >= 0)


def is_valid(pattern: object) -> bool:
    """True if the pattern is a regular expression."""
    try:
        _compiled(pattern)
    except (TypeError, ValueError):
        return False
    return True


def find_n(pattern: str, text: str, number: int) -> list[str]:
    """Return the first `number` matches, all of them where it is negative."""
    data = text.encode()
    return [data[slice(*groups[0])].decode() for groups in _found(pattern, data, number)]


def find_submatches(pattern: str, text: str, number: int) -> list[list[str]]:
    """Return the matches with their groups, empty where one took no part."""
    data = text.encode()
    return [
        [data[slice(*group)].decode() if group[0] >= 0 else "" for group in groups]
        for groups in _found(pattern, data, number)
    ]


def split(pattern: str, text: str) -> list[str]:
    """Return what stands between the matches."""
    data = text.encode()
    _compiled(pattern)
    if pattern and not data:
        return [""]
    parts: list[str] = []
    begin = end = 0
    for groups in _found(pattern, data, -1):
        end, following = groups[0]
        if following:
            parts.append(data[begin:end].decode())
        begin = following
    if end != len(data):
        parts.append(data[begin:].decode())
    return parts


def replaced(text: str, pattern: str, template: str) -> str:
    """Replace each match by the template, in which `$1`, `${name}` and `$$` are expanded."""
    data, form = text.encode(), template.encode()
    names = _compiled(pattern).groupindex
    expands = b"$" in form
    parts: list[bytes] = []
    length = last = 0
    for groups in _replaceable(pattern, data):
        start, end = groups[0]
        parts.append(data[last:start])
        length += start - last
        if end > last or start == 0:
            part = _expanded(template, data, groups, names) if expands else form
            parts.append(part)
            length += len(part)
        checked_length(length)
        last = end
    return b"".join([*parts, data[last:]]).decode()


def template_matches(template: str, text: str, opening: str, closing: str) -> bool:
    """True if the text is the template, in which what stands between the delimiters is a pattern."""
    if len(opening.encode()) != 1 or len(closing.encode()) != 1:
        raise ValueError("a delimiter is one ASCII character")
    if opening == closing:
        raise ValueError("delimiters that are the same")
    parts: list[str] = []
    level = start = 0
    for position, symbol in enumerate(template):
        if symbol == opening:
            level += 1
            if level == 1:
                parts.append(re2.escape(template[start:position]))
                start = position + 1
        elif symbol == closing:
            level -= 1
            if level == 0:
                parts.append(f"({template[start:position]})")
                start = position + 1
            elif level < 0:
                raise ValueError("unbalanced delimiters")
    if level:
        raise ValueError("unbalanced delimiters")
    return matches(f"^{''.join(parts)}{re2.escape(template[start:])}$", text)


def _search(pattern: str, data: bytes) -> Callable[..., _Groups]:
    """Return the native search; RE2 finds `\\B` within a character, which Go does not."""
    if "\\B" in pattern and not data.isascii():
        raise ValueError("`\\B` over a text that is not ASCII")
    search: Callable[..., _Groups] = _compiled(pattern)._regexp.Match
    return search


def _found(pattern: str, data: bytes, number: int) -> Iterator[_Groups]:
    """Find matches from left to right; an empty one beside the match before it does not count."""
    search, most = _search(pattern, data), checked_position(number)
    position, previous, found = 0, -1, 0
    while position <= len(data) and found != most:
        groups: _Groups = search(_ANYWHERE, data, position, len(data))
        start, end = groups[0]
        if start < 0:
            return
        counts = end != position or start != previous
        position = _next(data, position) if end == position else end
        previous = end
        if counts:
            found += 1
            yield groups


def _replaceable(pattern: str, data: bytes) -> Iterator[_Groups]:
    search = _search(pattern, data)
    position = 0
    while position <= len(data):
        groups: _Groups = search(_ANYWHERE, data, position, len(data))
        if groups[0][0] < 0:
            return
        yield groups
        end = groups[0][1]
        position = end if end > position else _next(data, position)


def _next(data: bytes, position: int) -> int:
    position += 1
    while position < len(data) and data[position] & 0xC0 == 0x80:
        position += 1
    return position


def _expanded(template: str, data: bytes, groups: _Groups, names: dict[str, int]) -> bytes:
    def value(found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        name = found["braced"] or found["bare"]
        if not all(symbol == "_" or symbol.isalpha() or symbol.isdecimal() for symbol in name):
            raise ValueError("a name of other symbols than letters and digits")
        is_number = name == "0" or (name.isdigit() and name.isascii() and name[0] != "0")
        index = int(name) if is_number and len(name) < len("1000") else names.get(name, -1)
        if not 0 <= index < len(groups) or groups[index][0] < 0:
            return ""
        return data[slice(*groups[index])].decode()

    return _EXPANSION.sub(value, template).encode()
