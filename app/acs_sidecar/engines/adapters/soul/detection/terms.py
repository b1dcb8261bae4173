"""Terms of rules, and where they stand in a text (section 11.4).

A term is words in order; `*` ends a stem; `|` parts words of which any may stand; `..` lets up to four words
stand between.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
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


Hits = Mapping[int, Sequence[TermSpan]]
"""The number of a set of terms → where its terms stand."""


class _Part(NamedTuple):
    """One word of a term, or what it begins with; `gap`: up to four words may stand before it."""

    words: frozenset[str]
    stems: tuple[str, ...]
    gap: bool

    def matches(self, word: str) -> bool:
        return word in self.words or word.startswith(self.stems)


@dataclass(frozen=True, slots=True)
class Term:
    """A term that was read."""

    text: str
    parts: tuple[_Part, ...]

    def end(self, words: Sequence[str], start: int, part: int = 1) -> int | None:
        """Return the last word of the nearest occurrence that begins at `start`; `None` for none."""
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
        words = frozenset(each for each in choices if not each.endswith("*"))
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


class _Beginning(NamedTuple):
    """What may begin with a word: sets with it alone, terms by the word that must follow, and other terms."""

    alone: tuple[int, ...]
    followed: Mapping[str, Sequence[tuple[Term, tuple[int, ...]]]]
    others: Sequence[tuple[Term, tuple[int, ...]]]


class TermFinder:
    """Finds terms in texts; it remembers what each word begins, so it is made for one document."""

    def __init__(self, index: TermIndex) -> None:
        self._index = index
        self._known: dict[str, _Beginning] = {}

    def hits(self, words: Sequence[str]) -> dict[int, list[TermSpan]]:
        """Return where the terms of each set stand in a text."""
        found: dict[int, list[TermSpan]] = {}
        for place, word in enumerate(words):
            known = self._known.get(word) or self._know(word)
            span = TermSpan(place, place)
            for number in known.alone:
                found.setdefault(number, []).append(span)
            following = words[place + 1] if place + 1 < len(words) else ""
            for terms in (known.followed.get(following, ()), known.others):
                for term, numbers in terms:
                    end = term.end(words, place)
                    if end is not None:
                        for number in numbers:
                            found.setdefault(number, []).append(TermSpan(place, end))
        return found

    def _know(self, word: str) -> _Beginning:
        terms = self._index.beginning_with(word)
        alone = dict.fromkeys(number for term, numbers in terms if len(term.parts) == 1 for number in numbers)
        followed: dict[str, list[tuple[Term, tuple[int, ...]]]] = {}
        others = []
        for term, numbers in terms:
            if len(term.parts) > 1:
                second = term.parts[1]
                if second.gap or second.stems:
                    others.append((term, numbers))
                else:
                    for following in second.words:
                        followed.setdefault(following, []).append((term, numbers))
        known = self._known[word] = _Beginning(tuple(alone), followed, others)
        return known
