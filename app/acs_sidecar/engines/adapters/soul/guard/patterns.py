"""Shell patterns of names, matched against all guarded names at once (section 11.7)."""

import re
from collections.abc import Iterable, Sequence

from acs_sidecar.engines.adapters.soul.guard.places import LONGEST_KNOWN, MOST_KNOWN, NamePlaces, PatternParts

__all__ = ["NamePatterns"]

_PARTS = PatternParts(r"[^\]]", r"\*+|.")
_ENDS = re.compile(r"([^*?\[]*+)[*?\[](?:.*[*?\]])?([^*?\]]*)\Z", re.DOTALL)


class NamePatterns:
    """The names that a pattern of one segment matches."""

    def __init__(self, names: Iterable[str]) -> None:
        given = tuple(names)
        self._places = NamePlaces(given)
        self._known: dict[tuple[int, str], int] = {}
        self._heads = frozenset(name[:end] for name in given for end in range(len(name) + 1))
        self._tails = frozenset(name[start:] for name in given for start in range(len(name) + 1))

    def is_plausible(self, pattern: str) -> bool:
        """True if a pattern begins and ends as one of the names does, which is quick to see."""
        ends = _ENDS.match(pattern)
        return ends is None or (ends[1] in self._heads and ends[2] in self._tails)

    def matched_by(self, pattern: str) -> Sequence[str]:
        """Return the names that a pattern of folded text matches."""
        state = self._places.beginnings
        for part in _PARTS.of(pattern):
            known = (state, part)
            following = self._known.get(known)
            if following is None:
                following = self._moved(state, part)
                if len(part) <= LONGEST_KNOWN and len(self._known) < MOST_KNOWN:
                    self._known[known] = following
            if not following:
                return ()
            state = following
        return self._places.named(state)

    def _moved(self, state: int, part: str) -> int:
        if part in {"*", "?"} or len(part) > 1:
            return self._places.after(state, part)
        return (state & self._places.of(part)) << 1
