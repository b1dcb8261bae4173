"""Rules as regular expressions, all of them matched by RE2: in time linear in the text, whatever it says."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import re2

__all__ = ["Match", "Rule", "RuleSet"]

_ANYWHERE = re2._Anchor.UNANCHORED
_SHORT = 64
_WORD = re.compile(rb"[0-9A-Za-z\x80-\xff]+")
_MEMORY = 32 << 20  # of automaton states, per expression, allocated as they are needed


class Match(NamedTuple):
    """One match of a rule: `start` to `end` in code points."""

    rule: "Rule"
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One expression of a category, and how sure a match is (0 to 1).

    Where `pattern` has a group, that is what is meant. Repetitions are bounded, or consume what they
    look at, so that no match looks far ahead of its end. `accept` tells how many characters of what is
    meant are taken, 0 for none: checksums, ranges, lengths.
    """

    category: str
    pattern: str
    score: float = 1.0
    accept: Callable[[str], int] = len


class RuleSet:
    """Rules that are tried together: one pass tells which occur at all, and only those are searched for.

    The expressions are compiled at the first use, so that only who uses them waits for it.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)

    @cached_property
    def _expressions(self) -> list["re2._Regexp"]:
        return [re2.compile(rule.pattern, _options()) for rule in self._rules]

    @cached_property
    def _any(self) -> re2.Set:
        """What tells which rules occur. Compiles the expressions too, so that no later text waits for them."""
        occurring = re2.Set.SearchSet(_options())
        for rule, _ in zip(self._rules, self._expressions, strict=True):
            occurring.Add(rule.pattern)
        occurring.Compile()
        return occurring

    def matches(self, text: str) -> list[Match]:
        """Find every match of every rule; those of one rule do not overlap."""
        data = text.encode(errors="replace")  # a lone surrogate becomes one `?`
        found = [
            (self._rules[index], start, end)
            for index in self._any.Match(data) or ()
            for start, end in _accepted(self._expressions[index], self._rules[index].accept, data)
        ]
        if len(data) == len(text):
            return [Match(*each) for each in found]
        offsets = _code_points(data, {offset for _, *span in found for offset in span})
        return [Match(rule, offsets[start], offsets[end]) for rule, start, end in found]


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    return options


def _accepted(
    expression: "re2._Regexp", accept: Callable[[str], int], data: bytes
) -> Iterator[tuple[int, int]]:
    """Give the spans, in bytes, that an expression matches and `accept` takes."""
    group = expression.groups
    search = expression._regexp.Match  # the wrapper around it costs three times as much as a match
    position, length = 0, len(data)
    while True:
        start, end = search(_ANYWHERE, data, position, length)[group]
        if start < 0:
            return
        position = end
        if accept is not len:
            text = data[start:end].decode()
            kept = accept(text)
            if not kept:
                position = end if len(text) > _SHORT else _behind_word(data, start)
                continue
            if kept < len(text):
                end = start + len(text[:kept].encode())
            position = end
        yield start, end


def _behind_word(data: bytes, start: int) -> int:
    """Tell where to go on behind a rejected match that is short: another may start behind its first word."""
    word = _WORD.match(data, start)
    return word.end() if word else start + 1


def _code_points(data: bytes, offsets: Iterable[int]) -> dict[int, int]:
    """Translate offsets in UTF-8 into code points, in one pass."""
    counted: dict[int, int] = {}
    last = count = 0
    for offset in sorted(offsets):
        count += len(data[last:offset].decode())
        counted[offset] = count
        last = offset
    return counted
