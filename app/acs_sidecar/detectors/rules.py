"""Rules as regular expressions, all of them matched by RE2: in time linear in the text, whatever it says."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import TypeAlias

import re2

__all__ = ["DetectorRule", "Match", "RuleSet", "occurrence", "utf8"]

_ANYWHERE = re2._Anchor.UNANCHORED
_SHORT = 64
_WORD = re.compile(rb"[0-9A-Za-z\x80-\xff]+")
_CONTINUED = bytes(byte & 0xC0 == 0x80 for byte in range(256))
_MEMORY = 4 << 20  # of states, for each automaton: whoever sends new words all the time fills them


@dataclass(frozen=True, slots=True, eq=False)
class DetectorRule:
    """One expression of a category, and how sure a match is (0 to 1).

    Where `pattern` has a group, that is what is meant; an alternative that leaves the group out passes over
    what it matches. A match of score 0 takes back others (see `findings.standing`). Repetitions are bounded, or consume what they
    look at, so that no match looks far ahead of its end. `accept` tells how many characters of what is
    meant are taken, 0 for none: checksums, ranges, lengths.
    """

    category: str
    pattern: str
    score: float = 1.0
    accept: Callable[[str], int] = len


Match: TypeAlias = tuple[DetectorRule, int, int]
"""One match of a rule: from where to where, in code points. A plain tuple, as there can be thousands."""


class RuleSet:
    """Rules that are tried together: one pass tells which occur at all, and only those are searched for.

    Each group shares an automaton. Many rules in one cost little where they are words; where words may stand
    between the words of a rule, few should be together: the states of the automaton are multiplied.

    What tells which occur is compiled at the first use, a rule's own expression where the rule first occurs: most
    never do.
    """

    def __init__(self, *groups: Iterable[DetectorRule]) -> None:
        self._groups = [tuple(group) for group in groups]

    @cached_property
    def _automata(self) -> list[tuple[list["_Expression"], Callable[[bytes], list[int]]]]:
        """The rules of each group, and what tells the indices of those that occur."""
        automata = []
        for group in self._groups:
            occurring = re2.Set.SearchSet(_options())
            for rule in group:
                occurring.Add(rule.pattern)
            occurring.Compile()
            automata.append(([_Expression(rule) for rule in group], occurring._set.Match))
        return automata

    def occurring(self, text: str) -> list[DetectorRule]:
        """Return the rules that match anywhere, without applying their `accept` checks."""
        data = utf8(text)
        return [group[index].rule for group, occurring in self._automata for index in occurring(data)]

    def matches(self, text: str) -> list[Match]:
        """Find every match of every rule; those of one rule do not overlap."""
        data = utf8(text)
        found: list[Match] = []
        for group, occurring in self._automata:
            for index in occurring(data):
                _search(group[index].rule, group[index].compiled, data, found)
        return found if len(data) == len(text) else _in_code_points(found, data)


@dataclass(frozen=True)
class _Expression:
    """A rule with its expression, which is compiled where the rule first occurs."""

    rule: DetectorRule

    @cached_property
    def compiled(self) -> "re2._Regexp":
        return re2.compile(self.rule.pattern, _options())


def occurrence(pattern: str) -> Callable[[str], bool]:
    """Return a predicate: does an expression match anywhere in a text?"""
    search = re2.compile(pattern, _options())._regexp.Match

    def occurs(text: str) -> bool:
        data = utf8(text)
        return bool(search(_ANYWHERE, data, 0, len(data))[0][0] >= 0)

    return occurs


def utf8(text: str) -> bytes:
    """Encode a text; a lone surrogate becomes one `?`."""
    return text.encode(errors="replace")


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    return options


def _search(rule: DetectorRule, expression: "re2._Regexp", data: bytes, found: list[Match]) -> None:
    """Add the matches of a rule that it accepts, their offsets in bytes."""
    accept, group = rule.accept, expression.groups
    search = expression._regexp.Match  # the wrapper around it costs three times as much as a match
    finds_next_word = rule.pattern.startswith(r"\b")
    position, length = 0, len(data)
    while True:
        spans = search(_ANYWHERE, data, position, length)
        start, end = spans[group]
        if start < 0:
            position = spans[0][1]
            if position <= 0:
                return
            continue
        position = end
        if accept is not len:
            text = data[start:end].decode()
            kept = accept(text)
            if not kept:
                if len(text) <= _SHORT:  # another may start behind its first word
                    position = start + 1 if finds_next_word else _behind_word(data, start)
                continue
            if kept < len(text):
                position = end = start + len(text[:kept].encode())
        found.append((rule, start, end))


def _behind_word(data: bytes, start: int) -> int:
    word = _WORD.match(data, start)
    return word.end() if word else start + 1


def _in_code_points(found: Iterable[Match], data: bytes) -> list[Match]:
    """Translate offsets in UTF-8 into code points."""
    continued = data.translate(_CONTINUED)
    translated = []
    last = skipped = 0
    for rule, start, end in sorted(found, key=itemgetter(1)):
        skipped += continued.count(1, last, start)
        last = start
        translated.append((rule, start - skipped, end - skipped - continued.count(1, start, end)))
    return translated
