"""Terms of rules, and where they stand in a text (section 11.4).

A term is words in order; `*` ends a stem; `|` parts words of which any may stand; `..` lets up to four words
stand between.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

from acs_sidecar.engines.adapters.soul.detection.words import words_of

__all__ = ["Hits", "Term", "TermFinder", "TermIndex", "TermSpan", "TermSyntaxError", "parse_term"]

_GAP = ".."
_MOST_BETWEEN = 4


class TermSyntaxError(ValueError):
    """A text that is no term."""


class TermSpan(NamedTuple):
    """Where a term stands: its first word, and its last."""

    start: int
    end: int


class Hits:
    """Where the terms of each set stand in a text; `numbers` are those of the sets that stand anywhere.

    `alone` has the places of words that are terms by themselves, with their sets; `longer` the other spans.
    """

    __slots__ = ("_alone", "_found", "_longer", "numbers")

    def __init__(
        self,
        alone: Sequence[tuple[int, frozenset[int]]] = (),
        longer: Mapping[int, Sequence[TermSpan]] = MappingProxyType({}),
    ) -> None:
        self.numbers = frozenset(longer).union(*(sets for _, sets in alone))
        self._alone = alone
        self._longer = longer
        self._found: dict[int, Sequence[TermSpan]] = {}

    def __contains__(self, number: int) -> bool:
        return number in self.numbers

    def of(self, number: int) -> Sequence[TermSpan]:
        """Return where the terms of a set stand, in order."""
        if number not in self.numbers:
            return ()
        if number not in self._found:
            spans = [TermSpan(place, place) for place, sets in self._alone if number in sets]
            self._found[number] = sorted([*spans, *self._longer.get(number, ())])
        return self._found[number]

    def outside(self, places: Collection[int]) -> "Hits":
        """Return the hits that do not begin at one of these places."""
        if not places:
            return self
        alone = [(place, sets) for place, sets in self._alone if place not in places]
        longer = {
            number: left
            for number, spans in self._longer.items()
            if (left := [span for span in spans if span.start not in places])
        }
        return Hits(alone, longer)


class _Part(NamedTuple):
    """One word of a term, or what it begins with; `gap`: up to four words may stand before it."""

    words: tuple[str, ...]
    stems: tuple[str, ...]
    gap: bool

    def matches(self, word: str) -> bool:
        return word in self.words or word.startswith(self.stems)


@dataclass(frozen=True, slots=True)
class Term:
    """A term that was read."""

    text: str
    parts: tuple[_Part, ...]

    def end(self, words: Sequence[str], start: int, part: int) -> int | None:
        """Return the last word of the nearest occurrence whose parts before `part` end at `start`."""
        if part == len(self.parts):
            return start
        wanted = self.parts[part]
        last = min(len(words), start + 2 + (_MOST_BETWEEN if wanted.gap else 0))
        for place in range(start + 1, last):
            if wanted.matches(words[place]) and (end := self.end(words, place, part + 1)) is not None:
                return end
        return None


@cache
def parse_term(text: str) -> Term:
    """Read a term. Raises `TermSyntaxError`."""
    parts: list[_Part] = []
    gap = False
    for piece in text.split():
        if piece == _GAP:
            gap = True
            continue
        choices = piece.split("|")
        if (gap and not parts) or not all(_is_word(each.removesuffix("*")) for each in choices):
            raise TermSyntaxError(
                f"`{text}` is not a term: lower-case words, `word*`, `one|other`, `..` between two"
            )
        words = tuple(each for each in choices if not each.endswith("*"))
        stems = tuple(each.removesuffix("*") for each in choices if each.endswith("*"))
        parts.append(_Part(words, stems, gap))
        gap = False
    if not parts or gap:
        raise TermSyntaxError(f"`{text}` is not a term: it must begin and end with a word")
    return Term(text, tuple(parts))


def _is_word(text: str) -> bool:
    return words_of(text.casefold()) == (text,)


@dataclass(slots=True)
class TermIndex:
    """Sets of terms by number, arranged by the word that a term begins with; terms are read when met."""

    sets: list[tuple[str, ...]] = field(default_factory=list)
    _numbers: dict[tuple[str, ...], int] = field(default_factory=dict)
    _sets_of: dict[str, list[int]] = field(default_factory=dict)
    _words: dict[str, list[str]] = field(default_factory=dict)
    _stems: dict[str, list[str]] = field(default_factory=dict)
    _longest_stem: int = 0

    def number(self, texts: Iterable[str]) -> int:
        """Return the number of a set of terms; it is added where it is new."""
        key = tuple(texts)
        if key in self._numbers:
            return self._numbers[key]
        number = self._numbers[key] = len(self.sets)
        self.sets.append(key)
        for text in dict.fromkeys(key):
            if text in self._sets_of:
                self._sets_of[text].append(number)
            else:
                self._sets_of[text] = [number]
                self._arrange(text)
        return number

    def _arrange(self, text: str) -> None:
        for beginning in text.partition(" ")[0].split("|"):
            if beginning.endswith("*"):
                stem = beginning.removesuffix("*")
                self._stems.setdefault(stem, []).append(text)
                self._longest_stem = max(self._longest_stem, len(stem))
            else:
                self._words.setdefault(beginning, []).append(text)

    def beginning_with(self, word: str) -> tuple[tuple[Term, tuple[int, ...]], ...]:
        """Return the terms that may begin with a word, with the numbers of their sets.

        Raises `TermSyntaxError`.
        """
        longest = min(len(word), self._longest_stem)
        stems = (self._stems.get(word[:length], ()) for length in range(1, longest + 1))
        found = dict.fromkeys(chain(self._words.get(word, ()), *stems))
        return tuple((parse_term(text), tuple(self._sets_of[text])) for text in found)


class _PartLookup:
    """Numbers of terms by what one part of them may be: a word, or what a word begins with."""

    def __init__(self) -> None:
        self._words: dict[str, list[int]] = {}
        self._stems: dict[str, list[int]] = {}
        self._longest_stem = 0

    def add(self, term: int, part: _Part) -> None:
        for table, beginnings in ((self._words, part.words), (self._stems, part.stems)):
            for beginning in beginnings:
                table.setdefault(beginning, []).append(term)
        self._longest_stem = max(self._longest_stem, *map(len, part.stems), 0)

    def matching(self, word: str) -> tuple[int, ...]:
        """Return the terms of which the part may be a word, in order."""
        longest = min(len(word), self._longest_stem)
        stems = (self._stems.get(word[:length], ()) for length in range(1, longest + 1))
        return tuple(sorted({*self._words.get(word, ()), *chain.from_iterable(stems)}))


class _Beginning(NamedTuple):
    """What may begin with a word: sets with it alone, and longer terms by their second word.

    `near` and `far` remember which terms go on with a word: the next one, or one of the four behind it.
    """

    alone: frozenset[int]
    longer: Sequence[tuple[Term, tuple[int, ...]]]
    seconds: _PartLookup
    skipping: _PartLookup | None
    near: dict[str, Sequence[int]]
    far: dict[str, Sequence[int]]


class TermFinder:
    """Finds terms in texts; it remembers what each word begins, so it is made for one document."""

    def __init__(self, index: TermIndex) -> None:
        self._index = index
        self._known: dict[str, _Beginning] = {}

    def hits(self, words: Sequence[str]) -> Hits:
        """Return where the terms of each set stand in a text."""
        alone: list[tuple[int, frozenset[int]]] = []
        longer: dict[int, list[TermSpan]] = {}
        for place, word in enumerate(words):
            known = self._known.get(word) or self._know(word)
            if known.alone:
                alone.append((place, known.alone))
            if known.longer:
                for numbers, end in _longer(known, words, place):
                    for number in numbers:
                        longer.setdefault(number, []).append(TermSpan(place, end))
        return Hits(alone, longer)

    def _know(self, word: str) -> _Beginning:
        terms = self._index.beginning_with(word)
        alone = frozenset(number for term, numbers in terms if len(term.parts) == 1 for number in numbers)
        longer = [(term, numbers) for term, numbers in terms if len(term.parts) > 1]
        seconds, skipping = _PartLookup(), _PartLookup()
        for at, (term, _) in enumerate(longer):
            seconds.add(at, term.parts[1])
            if term.parts[1].gap:
                skipping.add(at, term.parts[1])
        skips = any(term.parts[1].gap for term, _ in longer)
        known = _Beginning(alone, longer, seconds, skipping if skips else None, {}, {})
        self._known[word] = known
        return known


def _longer(known: _Beginning, words: Sequence[str], place: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield the sets of longer terms that begin at a word, with the last word of the nearest occurrence."""
    ended: set[int] = set()
    places, after = known.seconds, known.near
    for second in range(place + 1, min(len(words), place + 2 + _MOST_BETWEEN)):
        word = words[second]
        going_on = after.get(word)
        if going_on is None:
            going_on = after[word] = places.matching(word)
        for at in going_on:
            term, numbers = known.longer[at]
            if at not in ended and (end := term.end(words, second, 2)) is not None:
                ended.add(at)
                yield numbers, end
        if known.skipping is None:
            return
        places, after = known.skipping, known.far
