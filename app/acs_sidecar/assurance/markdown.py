"""Markdown out of text that somebody else wrote: nothing in it becomes markup, HTML or a second cell."""

import re
from collections.abc import Iterable, Sequence

from acs_sidecar.spec.printable import printable

__all__ = ["code", "row", "table", "text"]

_MARKUP = re.compile(r"[\\`*_{}\[\]<>#!|~&$@:]|(?<=www)\.", re.IGNORECASE)
_ENTITY = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def text(value: str) -> str:
    """Return a text that reads as it is: markup escaped, what does not print written out."""
    return _MARKUP.sub(lambda found: _ENTITY.get(found[0], f"\\{found[0]}"), printable(value))


def code(value: str) -> str:
    """Return a text as code that no backtick in it ends; bars are written out, so that no cell ends."""
    shown = printable(value)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    inner = shown.replace("|", r"\u007c")
    padding = " " if shown.startswith("`") or shown.endswith("`") or shown.strip() != shown else ""
    return f"{fence}{padding}{inner}{padding}{fence}" if shown else "&nbsp;"


def row(*cells: str) -> str:
    """Return a row of a table out of cells that are Markdown already."""
    return f"| {' | '.join(cells)} |\n"


def table(heads: Sequence[str], rows: Iterable[str]) -> str:
    """Return a table."""
    return row(*heads) + row(*("---" for _ in heads)) + "".join(rows)
