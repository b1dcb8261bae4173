"""Shell patterns of names, matched against all guarded names at once (section 11.7)."""

import re
from collections.abc import Iterable, Sequence

from acs_sidecar.engines.adapters.soul.guard.places import WILDCARD, NamePlaces

__all__ = ["NamePatterns"]

_PART = re.compile(r"\[[!^]?\]?[^\]]*\]|\*+|.", re.DOTALL)


class NamePatterns:
    """The names that a pattern of one segment matches."""

    def __init__(self, names: Iterable[str]) -> None:
        given = tuple(names)
        self._places = NamePlaces(given)
        self._heads = frozenset(name[:end] for name in given for end in range(len(name) + 1))
        self._tails = frozenset(name[start:] for name in given for start in range(len(name) + 1))

    def is_plausible(self, pattern: str) -> bool:
        """True if a pattern begins and ends as one of the names does, which is quick to see."""
        last = max(pattern.rfind("*"), pattern.rfind("?"), pattern.rfind("]"))
        if pattern[last + 1 :] not in self._tails:
            return False
        first = WILDCARD.search(pattern)
        return first is None or pattern[: first.start()] in self._heads

    def matched_by(self, pattern: str) -> Sequence[str]:
        """Return the names that a pattern of folded text matches."""
        places = self._places
        state = places.beginnings
        for part in _PART.findall(pattern):
            if part in {"*", "?"} or len(part) > 1:
                state = places.after(state, part)
            else:
                state = (state & places.of(part)) << 1
            if not state:
                return ()
        return places.named(state)
