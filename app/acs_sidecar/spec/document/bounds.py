"""Bounds on the text of a manifest, and the errors for a text that exceeds them (section 1.3)."""

import math

from acs_sidecar.spec.values import Json, deeper_than

__all__ = [
    "MAX_DEPTH",
    "MAX_EXPANDED_BYTES",
    "MAX_NODES",
    "DocumentBoundError",
    "DocumentError",
    "Members",
    "Position",
    "check_bounds",
    "check_totals",
    "parse_float",
    "parse_integer",
]

MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_EXPANDED_BYTES = 1024 * 1024

Position = tuple[int, int]
"""Line and column, from 1."""

Members = tuple[str | int, ...]
"""The path of a member."""


class DocumentError(ValueError):
    """A text that is not one JSON value; `line` and `column` count from 1 where they are known."""

    def __init__(self, message: str, place: Position | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = place[0] if place else None
        self.column = place[1] if place else None


class DocumentBoundError(DocumentError):
    """A text exceeds a bound on depth, nodes or size."""


def check_bounds(value: Json, max_nodes: int | None = None, max_bytes: int | None = None) -> None:
    """Check a parsed value against the bounds of a text, or other ones. Raises `DocumentBoundError`."""
    if deeper_than(value, MAX_DEPTH):
        raise DocumentBoundError(f"nested deeper than {MAX_DEPTH} levels")
    nodes = size = 0
    pending = [value]
    while pending:
        node = pending.pop()
        nodes += 1
        if isinstance(node, dict):
            pending.extend(node.values())
            nodes += len(node)
            size += 2 + sum(len(name) + 4 for name in node)
        elif isinstance(node, list):
            pending.extend(node)
            size += 2 + len(node)
        else:
            size += len(node) + 2 if isinstance(node, str) else 8
        check_totals(nodes, size, None, max_nodes, max_bytes)


def check_totals(
    nodes: int,
    size: int,
    place: Position | None = None,
    max_nodes: int | None = None,
    max_bytes: int | None = None,
) -> None:
    """Check what was read so far against the bounds. Raises `DocumentBoundError`."""
    most_nodes, most_bytes = max_nodes or MAX_NODES, max_bytes or MAX_EXPANDED_BYTES
    if nodes > most_nodes:
        raise DocumentBoundError(f"more than {most_nodes} nodes after aliases are expanded", place)
    if size > most_bytes:
        raise DocumentBoundError(f"more than {most_bytes} bytes after aliases are expanded", place)


def parse_integer(text: str, place: Position | None = None, base: int = 10) -> int:
    """Parse an integer within the range of JSON numbers. Raises `DocumentError`."""
    if len(text) > 24:
        raise DocumentError("an integer does not fit 64 bits", place)
    value = int(text, base)
    if not -(2**63) <= value < 2**64:
        raise DocumentError(f"`{text}` does not fit 64 bits", place)
    return value


def parse_float(text: str, place: Position | None = None) -> float:
    """Parse a finite number. Raises `DocumentError`."""
    value = float(text)
    if not math.isfinite(value):
        raise DocumentError("a number is not finite", place)
    return value
