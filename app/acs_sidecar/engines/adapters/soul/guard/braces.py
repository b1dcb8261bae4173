"""Words with braces, of which each expansion is a name: `{a,b}.md` is `a.md` and `b.md` (section 11.7).

Expansions can be more than anybody can count, so none is made: the alternatives of braces are read side by
side, as sets of places in the guarded names. A state has three such sets in a row: what a text leads to with
a letter of the stem, without a letter, and without one but by a wildcard. No name ends in the last: `*.md`.
"""

import re
from collections.abc import Iterable
from operator import itemgetter

from acs_sidecar.engines.adapters.soul.guard import work as costs
from acs_sidecar.engines.adapters.soul.guard.characters import ENDING
from acs_sidecar.engines.adapters.soul.guard.places import LONGEST_KNOWN, MOST_KNOWN, NamePlaces, PatternParts
from acs_sidecar.engines.adapters.soul.guard.work import Work

__all__ = ["BracedNames"]

_SEPARATORS = rf"\s\"'`;|&<>=()\0{ENDING},:/}}"
_OTHERS = rf"\*+|[^][{{*?{_SEPARATORS}]+|."
_PARTS = PatternParts(r"[^\]/\s\"'`\0]", _OTHERS)
_PARTS_APART = PatternParts(r"[^][/\s\"'`\0]", _OTHERS)
"""Here a `[` ends what another began."""
_CUTS = frozenset("\"'`;|&<>=()\0,}: \t\n\r\f\v")
_WITHOUT_LIST = re.compile(r"\{([^{},]*)\}")
_LISTED = frozenset("{,}")
_SLASH = "/"
_LIVE = _CUTS | {"{", _SLASH, ENDING}
"""What changes something where no name has begun."""


class BracedNames:
    """Guarded names, looked for in words with braces."""

    def __init__(self, names: Iterable[str]) -> None:
        given = tuple(names)
        self._heads = frozenset(name[:end] for name in given for end in range(len(name) + 1))
        finals = "".join(sorted({re.escape(name[-1]) for name in given}))
        self._ends = re.compile(
            rf"[{finals}*?\]][. ]*+(?:[{_SEPARATORS}]|\Z|\{{(?!(?:\w[^{{}},]*+,)*+\w[^{{}},]*+\}}))"
        )
        """Where a name can end: before an alternative that may be empty, but not before others."""
        self._letters = {frozenset(name.rpartition("/")[2]) for name in given}
        self._places = places = NamePlaces(given)
        self._width = places.width
        self._start = places.beginnings << self._width
        self._end = places.ends | places.ends << self._width
        self._low = (1 << self._width) - 1
        self._known: dict[tuple[int, str, bool], int] = {}
        self._moves: dict[tuple[str, bool], tuple[int, int, int]] = {}

    def are_in(self, word: str, work: Work) -> bool:
        """True if an expansion of a folded word has a name as its last segments. Raises `WorkSpentError`."""
        work.spend(costs.BRACES + costs.SCAN * len(word))
        if word.count("}") > word.count("{"):
            # a shell takes the first `}` of `{a},SOUL}.md` for a letter
            listed = _WITHOUT_LIST.sub(r"{\1,", word)
            if listed != word and self.are_in(listed, work):
                return True
        word = _WITHOUT_LIST.sub(itemgetter(1), word)
        if not self._ends.search(word):
            return False
        work.spend(costs.BRACES)
        letters = set(word)
        if letters.isdisjoint("*?[") and not any(each <= letters for each in self._letters):
            return False
        parts = _PARTS.of(word)
        work.spend(costs.BRACED + costs.BRACE * len(parts))
        work.spend(costs.OPENED * max(0, word.count("[") - word.count("]")))
        opened = [(0, 0)]
        state = self._read(parts, self._start, opened, work, dotted="." in word)
        return any(each & self._end for each in (state, *(alternatives for _, alternatives in opened)))

    def _read(
        self, parts: Iterable[str], state: int, opened: list[tuple[int, int]], work: Work, *, dotted: bool
    ) -> int:
        """Return the state behind some parts. Raises `WorkSpentError`.

        `opened` has the states before each open brace and behind its alternatives so far, and first what
        has ended before.
        """
        spent = 0
        for part in parts:
            if not state and part not in _LIVE and not (len(opened) > 1 and part[0] == "["):
                continue
            if part == "{":
                opened.append((state, 0))
            elif part == "," and len(opened) > 1:
                before, alternatives = opened[-1]
                opened[-1] = (before, alternatives | state)
                state = before
            elif part == "}" and len(opened) > 1:
                state |= opened.pop()[1]
            elif part in _CUTS or part == ENDING:
                opened[0] = (0, opened[0][1] | state & self._end)
                state = self._start | (state if part == ENDING else 0)
            elif len(opened) > 1 and part[0] == "[" and not _LISTED.isdisjoint(part):
                # a class, or alternatives of which the first begins with a bracket and the last ends with one
                work.spend(costs.LAST + costs.BRACE * len(part))
                behind = self._moved(state, part, dotted=dotted)
                apart = _PARTS_APART.of(part) if "[" in part[1:] else part
                state = self._read(apart, state, opened, work, dotted=dotted) | behind
            elif state == self._start and part[0].isalnum() and part[-1] != "." and part not in self._heads:
                state = 0
            elif state or part == _SLASH:
                spent += costs.PATTERN_CHARACTER * len(part)
                if spent > work.left:
                    break
                known = (state, part, dotted)
                moved = self._known.get(known)
                if moved is None:
                    moved = self._moved(state, part, dotted=dotted)
                    if len(part) <= LONGEST_KNOWN and len(self._known) < MOST_KNOWN:
                        self._known[known] = moved
                state = moved
        work.spend(spent)
        return state

    def _moved(self, state: int, part: str, *, dotted: bool) -> int:
        """Return the state behind a part that is not a brace."""
        width = self._width
        if part == _SLASH:
            inside = (state | state >> width | state >> 2 * width) & self._places.of(_SLASH)
            return self._start | (inside << 1) << width | state & self._end
        if part == "?" or part[0] == "*" or (part[0] == "[" and len(part) > 1):
            lettered, others = state & self._low, (state >> width | state >> 2 * width) & self._low
            return self._places.after(lettered, part) | self._places.after(others, part) << 2 * width
        for character in part:
            kept, lettered, ended = self._moves.get((character, dotted)) or self._move(character, dotted)
            without = state >> width | state >> 2 * width
            state = (state & kept | without & lettered) << 1 | state & ended
            if not state:
                break
        return state

    def _move(self, character: str, dotted: bool) -> tuple[int, int, int]:
        """Return which places stay in their set, which go to that of letters, and which stay where they are.

        Behind a name, dots and spaces change nothing. In a word without a dot, every letter is in the stem.
        """
        here = self._places.of(character)
        lettered = here & (self._places.stems if dotted else self._places.letters)
        others = here & ~lettered
        kept = here | others << self._width | others << 2 * self._width
        move = (kept, lettered, self._end if character in ". " else 0)
        if here or character in ". ":
            self._moves[character, dotted] = move
        return move
