"""Patterns of names."""

import re
from collections.abc import Iterable
from fnmatch import translate

from acs_sidecar.spec.values import Json

__all__ = ["Globs"]


class Globs:
    """Patterns of names, of which one must match the whole: `*` is any text, `?` one character."""

    __slots__ = ("_matches",)

    def __init__(self, patterns: Iterable[str]) -> None:
        translated = (translate(pattern.replace("[", "[[]")) for pattern in patterns)
        # An empty set of patterns matches nothing.
        self._matches = re.compile("|".join(translated) or r"(?!)").match

    def match(self, name: Json) -> bool:
        """True if `name` is a string that one of the patterns matches."""
        return isinstance(name, str) and self._matches(name) is not None
