"""Tables and values in Markdown."""

from collections.abc import Iterable, Sequence

__all__ = ["code", "listed", "paragraphs", "table"]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a `|` in a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def code(value: object) -> str:
    """Return a value in backticks."""
    return f"`{value}`"


def listed(values: Iterable[object], last: str = "or") -> str:
    """Return values in backticks as a list in a sentence."""
    *others, final = map(code, values)
    return f"{', '.join(others)} {last} {final}" if others else final


def paragraphs(*parts: str) -> str:
    """Return parts with an empty line between them."""
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
