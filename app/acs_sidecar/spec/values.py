"""JSON values and the one measurement that is taken of them before anything else: their depth."""

from collections.abc import Mapping
from typing import TypeAlias

__all__ = ["Json", "JsonObject", "deeper_than", "nesting_bound"]

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
JsonObject: TypeAlias = Mapping[str, Json]


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
    """Return an upper bound on the depth of whatever JSON `text` holds: the brackets in it.

    A bound within a limit saves the walk of `deeper_than`.
    """
    return text.count(b"{") + text.count(b"[")
