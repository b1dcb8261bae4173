"""JSON values and the one measurement that is taken of them before anything else: their depth."""

from collections.abc import Mapping
from typing import TypeAlias

__all__ = ["Json", "JsonObject", "deeper_than", "nesting_bound"]

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
JsonObject: TypeAlias = Mapping[str, Json]

_SHORT, _FEW = 8_192, 60
_OPEN, _PAIR, _QUOTE = b"[", b"[]", b'"'
_AS_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_MARK = bytes(set(range(256)) - set(b'[]{}"'))


def deeper_than(value: Json, limit: int) -> bool:
    """True if containers nest more than `limit` levels in `value` (section 1.11).

    A scalar has depth 0, `{}` and `[]` have depth 1. The walk goes level by level, so a hostile
    value costs no stack and never more than `limit` passes.
    """
    level: list[dict[str, Json] | list[Json]] = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        if not level:
            return False
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, dict | list)
        ]
    return bool(level)


def nesting_bound(text: bytes) -> int:
    """Return an upper bound on the depth of the JSON value in `text`: all brackets, where they are few.

    A bound within a limit saves the walk of `deeper_than`, the dearest step for a long snapshot.
    """
    if len(text) <= _SHORT and (brackets := text.count(b"{") + text.count(b"[")) <= _FEW:
        return brackets
    return _levels(_brackets(text))


def _brackets(text: bytes) -> bytes:
    """Return the brackets of a JSON text, all square, without those in its strings."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = text.translate(_AS_SQUARE, _NO_MARK).replace(b'""', b"")
    return b"".join(marks.split(_QUOTE)[::2]) if _QUOTE in marks else marks


def _levels(brackets: bytes) -> int:
    """Return how often all innermost pairs can be taken away; where few go at a time, a bound on it."""
    levels = 0
    while brackets:
        outer = brackets.replace(_PAIR, b"")
        if len(brackets) - len(outer) <= len(brackets) // 16:
            return levels + brackets.count(_OPEN)
        brackets, levels = outer, levels + 1
    return levels
