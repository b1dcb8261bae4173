"""Names as sets of places, on which a pattern is read (section 11.7).

Bit `n` of a set stands for the beginning of the `n`-th character of all names in a row, and a part of a
pattern moves every bit. So the work is linear in the pattern, whatever it is, and for all names at once.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from acs_sidecar.engines.adapters.soul.guard.characters import NAME_CODES, OTHER

__all__ = ["LONGEST_KNOWN", "MOST_KNOWN", "WILDCARD", "NamePlaces", "PatternParts"]

WILDCARD = re.compile(r"[*?\[]")
_RANGE = re.compile(r"(.)-(.)", re.DOTALL)
_CODED = NAME_CODES + OTHER
MOST_KNOWN = 4_096
LONGEST_KNOWN = 64
"""How many parts of patterns are remembered, and of how many characters: calls choose them."""


class PatternParts:
    """Cuts patterns into characters, runs of stars and classes; a `[` without `]` is a character."""

    def __init__(self, in_class: str, others: str) -> None:
        """`in_class` is what a class may hold, `others` what parts there are beside."""
        self._part = re.compile(rf"\[[!^]?\]?{in_class}*\]|{others}", re.DOTALL)
        self._without_classes = re.compile(others, re.DOTALL)
        self._opened = re.compile(rf"(?:\[(?:(?!\[){in_class})*+)++(\]?)")

    def of(self, pattern: str) -> list[str]:
        """Return the parts of a pattern, in time that is linear in it."""
        parts, start = list[str](), 0
        for opened in self._opened.finditer(pattern) if "[" in pattern else ():
            if not opened[1]:
                parts += self._part.findall(pattern, start, opened.start())
                parts += self._without_classes.findall(pattern, *opened.span())
                start = opened.end()
        return parts + self._part.findall(pattern, start)


class NamePlaces:
    """The places of names; no move goes from one name to the next, and a wildcard matches no `/`."""

    def __init__(self, names: Iterable[str]) -> None:
        self._characters: dict[str, int] = {}
        self._classes: dict[str, int] = {}
        self._ends: dict[str, int] = {}
        self.beginnings = self.ends = self.letters = self.stems = self._any = 0
        place = 0
        for name in names:
            self.beginnings |= 1 << place
            last = name.rpartition("/")[2]
            stem = len(name) - len(last) + len(last.rpartition(".")[0] or last)
            for offset, character in enumerate(name):
                here = 1 << (place + offset)
                self._characters[character] = self._characters.get(character, 0) | here
                self._any |= here if character != "/" else 0
                letter = here if character.isalpha() or character in NAME_CODES else 0
                self.letters |= letter
                self.stems |= letter if offset < stem else 0
            place += len(name)
            self._ends[name] = 1 << place
            self.ends |= 1 << place
            place += 1
        self.width = place
        self._sorted = sorted(self._characters)
        self._below = [0]
        """The places of the characters before the first, the second and so on."""
        for character in self._sorted:
            self._below.append(self._below[-1] | self._characters[character])

    def named(self, state: int) -> Sequence[str]:
        """Return the names that end at one of some places."""
        return [name for name, end in self._ends.items() if state & end]

    def of(self, character: str) -> int:
        """Return the places of a character."""
        return self._characters.get(character, 0)

    def after(self, state: int, wildcard: str) -> int:
        """Return the places that stars, `?` or a class lead to from some places."""
        if wildcard[0] == "*":
            # the carry of a sum runs from each place to the end of its segment
            return state | ((state & self._any) + self._any) ^ self._any
        if wildcard == "?":
            return (state & self._any) << 1
        found = self._classes.get(wildcard)
        if found is None:
            found = self._of_class(wildcard[1:-1]) & self._any
            if len(wildcard) <= LONGEST_KNOWN and len(self._classes) < MOST_KNOWN:
                self._classes[wildcard] = found
        return (state & found) << 1

    def _of_class(self, body: str) -> int:
        """Return the places of the characters that a class matches.

        Letters have lost their case: a class that excludes some, or that is no range any more, is
        any character.
        """
        if body[:1] in {"!", "^"} or "[" in body:
            return self._any
        found = 0
        for character in set(body):
            found |= self._characters.get(character, 0)
        for first, last in _RANGE.findall(body) if "-" in body else ():
            if first > last or last in _CODED:
                return self._any
            below = self._below[bisect_left(self._sorted, first)]
            found |= self._below[bisect_right(self._sorted, last)] & ~below
        return found
