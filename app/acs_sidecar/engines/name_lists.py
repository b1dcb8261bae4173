"""Lists of names of tools, models, providers and services (section 9.3)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from acs_sidecar.engines.name_folding import folded

__all__ = ["NameList", "name_problem", "pattern_doubt"]

_PATTERN = re.compile(r"[?\[\]{}()|^$\\+!]|\.\*")
"""What globs and regular expressions are written with, and names are not."""


def name_problem(entry: str) -> str | None:
    """Return why an entry of a list is not allowed, or `None`."""
    if not entry.strip():
        return "must not be blank"
    if "*" in entry[:-1]:
        return "`*` may stand at the end alone"
    return None


def pattern_doubt(entry: str) -> str | None:
    """Return why a blocked name may block nothing that its author means, or `None`."""
    if any(character.isspace() for character in entry.strip()):
        return "has a space, and names have none: what a command does is not compared"
    if _PATTERN.search(entry):
        return "is compared as it is written: `*` at the end is the only pattern"
    return None


@dataclass(frozen=True, slots=True)
class NameList:
    """Names, and beginnings of names, each as written and folded."""

    names: frozenset[str]
    beginnings: tuple[str, ...]
    folded_names: frozenset[str]
    folded_beginnings: tuple[str, ...]

    @classmethod
    def of(cls, entries: Iterable[str]) -> "NameList":
        """Read valid entries."""
        given = list(entries)
        names = frozenset(entry for entry in given if not entry.endswith("*"))
        beginnings = tuple(entry[:-1] for entry in given if entry.endswith("*"))
        return cls(
            names,
            beginnings,
            frozenset(folded(name).strip() for name in names),
            tuple(folded(start).lstrip() for start in beginnings),
        )

    def allows(self, name: str) -> bool:
        """True if a name is listed exactly."""
        return name in self.names or name.startswith(self.beginnings)

    def blocks(self, name: str) -> bool:
        """True if a name, however it is written, is listed."""
        wide = folded(name).lstrip()
        return (
            self.allows(name) or wide.rstrip() in self.folded_names or wide.startswith(self.folded_beginnings)
        )
