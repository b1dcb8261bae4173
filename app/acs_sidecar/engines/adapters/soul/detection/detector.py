"""Which controls a statement declares (section 11.4)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from acs_sidecar.engines.adapters.soul.detection.document import TextStatement
from acs_sidecar.engines.adapters.soul.detection.polarity import Context, FoundHits, Polarity
from acs_sidecar.engines.adapters.soul.detection.rules import (
    ANYTHING,
    Alternative,
    ControlRule,
    RuleBook,
    RuleMode,
)
from acs_sidecar.engines.adapters.soul.detection.terms import TermFinder
from acs_sidecar.engines.adapters.soul.detection.words import words_of

__all__ = ["MOST_CONTROLS", "Declared", "Detector"]

MOST_CONTROLS = 4
"""A statement that satisfies more declares none."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a statement declares by itself and with its markers; `counts`: it is a statement at all."""

    counts: bool = False
    by_rule: tuple[str, ...] = ()
    by_marker: tuple[str, ...] = ()

    @property
    def is_stuffed(self) -> bool:
        """True if it satisfies more controls than one statement can declare."""
        return len({*self.by_rule, *self.by_marker}) > MOST_CONTROLS


@dataclass(slots=True)
class Detector:
    """Detects the controls of statements; made for one document, whose words it remembers."""

    book: RuleBook
    _finder: TermFinder = field(init=False)
    _contexts: dict[tuple[str, ...], Context] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._finder = TermFinder(self.book.index)

    def declared(self, statement: TextStatement) -> Declared:
        """Return what a statement declares, before the bound on how much one can declare."""
        words = statement.words
        if not words:
            return Declared()
        hits = self._finder.hits(words)
        if self.book.words.commitments not in hits:
            return Declared()
        context = self._context(statement.context)
        if context.disclaims or self.book.words.disclaimers in hits:
            return Declared(counts=True)
        polarity = Polarity(words, hits, self.book.words, context)
        marked = {*statement.markers, *(statement.heading.markers if statement.heading else ())}
        by_rule, by_marker = [], []
        for rule in self.book.rules:
            if any(_declares(each, hits, polarity) for each in rule.alternatives):
                by_rule.append(rule.control)
            elif rule.control in marked and _is_supported(rule, hits, polarity):
                by_marker.append(rule.control)
        return Declared(counts=True, by_rule=tuple(by_rule), by_marker=tuple(by_marker))

    def _context(self, texts: tuple[str, ...]) -> Context:
        if texts not in self._contexts:
            self._contexts[texts] = self._read_context(texts)
        return self._contexts[texts]

    def _read_context(self, texts: Sequence[str]) -> Context:
        named = self.book.words
        sets: set[int] = set()
        bans = weak_bans = False
        for text in texts:
            words = words_of(text)
            hits = self._finder.hits(words)
            sets |= hits.keys()
            polarity = Polarity(words, hits, named, Context())
            bans = bans or bool(polarity.bans(strong=True))
            weak_bans = weak_bans or bool(polarity.bans(strong=False))
        return Context(frozenset(sets), bans, weak_bans, named.disclaimers in sets)


def _declares(alternative: Alternative, hits: FoundHits, polarity: Polarity) -> bool:
    if alternative.topic not in hits and alternative.topic not in polarity.context.sets:
        return False
    if any(group not in hits and group != ANYTHING for group in alternative.groups):
        return False
    return _has_polarity(alternative, polarity)


def _is_supported(rule: ControlRule, hits: FoundHits, polarity: Polarity) -> bool:
    """True if a statement with a marker has one of the sets of an alternative, in its polarity."""
    return any(
        any(number in hits for number in each.sets) and _has_polarity(each, polarity)
        for each in rule.alternatives
    )


def _has_polarity(alternative: Alternative, polarity: Polarity) -> bool:
    if alternative.mode is RuleMode.ASSERT:
        return polarity.affirms(alternative, alternative.sets)
    return polarity.forbids(alternative, alternative.sets)
