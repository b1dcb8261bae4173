"""Which controls a statement declares (section 11.4)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from acs_sidecar.engines.adapters.soul.detection.delegation import delegated_words
from acs_sidecar.engines.adapters.soul.detection.document import (
    Heading,
    Reading,
    TextStatement,
)
from acs_sidecar.engines.adapters.soul.detection.polarity import Context, Polarity
from acs_sidecar.engines.adapters.soul.detection.rules import (
    ANYTHING,
    Alternative,
    ControlRule,
    RuleBook,
    RuleMode,
)
from acs_sidecar.engines.adapters.soul.detection.terms import Hits, TermFinder, TermSpan
from acs_sidecar.engines.adapters.soul.detection.words import (
    clause_starts,
    is_disguised,
    quotations,
    quoted_words,
    words_of,
)

__all__ = ["MOST_CONTROLS", "Declared", "Detector"]

_SUBJECT_WITHIN = 3
_RELATIVE_BEFORE = 3
_CONDITION_BEFORE = 7
_DENIAL_BEFORE = 8
_ATTRIBUTED_WITHIN = 2
_REMEMBERED = 4
_PRONOUNS = frozenset({"it", "they", "you", "he", "she", "one"})
_NOT_OF_SUBJECT = frozenset({"to", "from", "with", "of", "when", "if", "while", "whenever"})
_DETERMINERS = frozenset({"a", "an", "the", "each", "every", "any", "all", "its"})

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
    _by_topic: dict[int, list[tuple[int, Alternative, frozenset[int]]]] = field(default_factory=dict)
    _contexts: dict[tuple[str, ...], Context] = field(default_factory=dict)
    _last: dict[tuple[str, ...], Hits] = field(default_factory=dict)
    _void: Heading | Literal[False] | None = False

    def __post_init__(self) -> None:
        self._finder = TermFinder(self.book.index)
        for index, rule in enumerate(self.book.rules):
            for each in rule.alternatives:
                groups = frozenset(group for group in each.groups if group != ANYTHING)
                self._by_topic.setdefault(each.topic, []).append((index, each, groups))

    def declared(self, statement: TextStatement) -> Declared:
        """Return what a statement declares in every reading, before the bound on how much one can declare."""
        heading = statement.heading
        if self._void is not False and self._void is heading:
            return Declared(counts=True)
        if self._voids(statement.readings[-1].text):
            self._void = heading
            return Declared(counts=True)
        marked = {*statement.markers, *(heading.markers if heading else ())}
        first, *others = (self._declared(reading, marked) for reading in statement.readings)
        for other in others:
            by_rule = tuple(each for each in first.by_rule if each in {*other.by_rule, *other.by_marker})
            by_marker = tuple(each for each in first.by_marker if each in {*other.by_rule, *other.by_marker})
            first = Declared(first.counts and other.counts, by_rule, by_marker)
        return first

    def _declared(self, statement: Reading, marked: Collection[str]) -> Declared:
        words = statement.words
        if not words:
            return Declared()
        hits = self._hits(words)
        if self.book.words.commitments not in hits:
            return Declared()
        context = self._context(statement.context)
        candidates = self._candidates(hits, context, marked)
        if not candidates:
            return Declared(counts=True)
        if any(self._context((each,)).withdrawn for each in (statement.heading, *statement.above)):
            return Declared(counts=True)
        clauses, quoted = clause_starts(statement.text), quotations(statement.text)
        if (
            context.disclaims
            or context.ignored
            or self._is_disclaimed(hits, clauses)
            or self._is_of_others(words, hits, clauses)
            or any(self._is_attributed(each, hits) for each in quoted)
        ):
            return Declared(counts=True)
        delegated = delegated_words(words, hits, self.book.words, clauses)
        by_people, by_agent = (
            Polarity(words, hits.outside(of_others), self.book.words, context, only_quoted, clauses)
            for only_quoted in [quoted_words(words, quoted)]
            for of_others in (delegated.components, delegated.components | delegated.parties)
        )
        by_rule, by_marker = [], []
        for rule, alternatives in candidates:
            polarity = by_people if rule.by_people else by_agent
            if any(_declares(each, polarity) for each in alternatives):
                by_rule.append(rule.control)
            elif rule.control in marked and _is_supported(rule, polarity):
                by_marker.append(rule.control)
        return Declared(counts=True, by_rule=tuple(by_rule), by_marker=tuple(by_marker))

    def _candidates(
        self, hits: Hits, context: Context, marked: Collection[str]
    ) -> list[tuple[ControlRule, Sequence[Alternative]]]:
        """Return the rules that markers name, and those of which topic and groups are there, in their order.

        Each has the alternatives that may be declared.
        """
        found: dict[int, list[Alternative]] = {}
        if marked:
            found |= {index: [] for index, rule in enumerate(self.book.rules) if rule.control in marked}
        for topic in self._by_topic.keys() & (hits.numbers | context.sets):
            for index, alternative, groups in self._by_topic[topic]:
                if groups <= hits.numbers:
                    found.setdefault(index, []).append(alternative)
        return [(self.book.rules[index], found[index]) for index in sorted(found)]

    def _is_of_others(self, words: Sequence[str], hits: Hits, clauses: frozenset[int]) -> bool:
        """True if a statement is about somebody else, another time, or a world that is not this one."""
        named = self.book.words
        if any(span.start == 0 for span in self._inexcusable(hits, named.openers)):
            return True
        if any(
            span.start < _SUBJECT_WITHIN and not (span.start and words[span.start - 1] in _NOT_OF_SUBJECT)
            for span in self._inexcusable(hits, named.others)
        ):
            return True
        relative = [span.start for span in hits.of(named.relative)]
        return any(
            not any(span.start - _RELATIVE_BEFORE <= place < span.start for place in relative)
            and not (span.start > 1 and words[span.start - 1] in _PRONOUNS and span.start - 1 not in clauses)
            and not (span.start and words[span.start - 1] in _DETERMINERS and span.start == span.end)
            and clauses.isdisjoint(range(span.start + 1, span.end + 1))
            and not self._is_condition(span, hits, clauses)
            for span in self._inexcusable(hits, named.unreal)
        )

    def _is_attributed(self, quotation: range, hits: Hits) -> bool:
        """True if a quotation is said to be somebody's who has no part here: `the banner reads "…"`."""
        named = self.book.words
        for span in hits.of(named.attributions):
            if span.start == quotation.stop and quotation.start == 0:
                return True
            if 0 < quotation.start - span.end <= _ATTRIBUTED_WITHIN:
                return not any(speaker.start < span.start for speaker in hits.of(named.speakers))
        return False

    def _is_disclaimed(self, hits: Hits, clauses: frozenset[int]) -> bool:
        """True if a statement takes back what it says: by a disclaimer, or an undenied concession."""
        named = self.book.words
        for span in self._inexcusable(hits, named.disclaimers):
            if not self._is_condition(span, hits, clauses):
                return True
        concessions = self._inexcusable(hits, named.concessions)
        if not concessions:
            return False
        denials = [span for number in (named.negators, named.bans) for span in hits.of(number)]
        conditional = {span.end for span in denials if self._is_condition(span, hits, clauses)}
        return any(
            not any(
                span.start - _DENIAL_BEFORE <= denial.end < span.start
                and (
                    denial.end not in conditional or clauses.isdisjoint(range(denial.end + 1, span.start + 1))
                )
                for denial in denials
            )
            and not (span.start == 0 and denials)
            for span in concessions
        )

    def _inexcusable(self, hits: Hits, number: int) -> list[TermSpan]:
        """Return where terms of a set stand that no excused one contains."""
        excused = hits.of(self.book.words.excused)
        return [
            span
            for span in hits.of(number)
            if not any(one.start <= span.start and span.end <= one.end for one in excused)
        ]

    def _hits(self, words: tuple[str, ...]) -> Hits:
        """Return where terms stand in a text; those of the last readings are remembered."""
        if words not in self._last:
            if len(self._last) >= _REMEMBERED:
                self._last.clear()
            self._last[words] = self._finder.hits(words)
        return self._last[words]

    def _voids(self, text: str) -> bool:
        """True if a text says that what follows it is not in force, up to the next heading."""
        hits = self._hits(words_of(text))
        return self.book.words.void in hits and self._is_undenied(hits, self.book.words.void)

    def _is_undenied(self, hits: Hits, number: int) -> bool:
        """True if a hit of a set has no negator or ban before it."""
        named = self.book.words
        denials = [span.start for each in (named.negators, named.bans) for span in hits.of(each)]
        return any(
            not any(span.start - _DENIAL_BEFORE <= place < span.start for place in denials)
            for span in hits.of(number)
        )

    def _is_condition(self, span: TermSpan, hits: Hits, clauses: frozenset[int]) -> bool:
        """True for a hit in a clause that begins with a condition: `if the guard is not available, deny`."""
        return any(
            span.start - _CONDITION_BEFORE <= condition.start < span.start
            and (condition.start == 0 or condition.start in clauses)
            and clauses.isdisjoint(range(condition.start + 1, span.start + 1))
            for condition in hits.of(self.book.words.conditions)
        )

    def _context(self, texts: tuple[str, ...]) -> Context:
        if texts not in self._contexts:
            self._contexts[texts] = self._read_context(texts)
        return self._contexts[texts]

    def _read_context(self, texts: Sequence[str]) -> Context:
        named = self.book.words
        sets: set[int] = set()
        bans = weak_bans = ignored = False
        for text in texts:
            words = words_of(text)
            hits = self._finder.hits(words)
            sets |= hits.numbers
            ignored = ignored or self._is_undenied(hits, named.ignored) or self._is_undenied(hits, named.void)
            polarity = Polarity(words, hits, named, Context())
            bans = bans or bool(polarity.bans(strong=True))
            weak_bans = weak_bans or bool(polarity.bans(strong=False))
        disclaims = named.disclaimers in sets or any(map(is_disguised, texts))
        withdrawn = named.withdrawn in sets
        return Context(frozenset(sets), bans, weak_bans, disclaims, withdrawn, ignored)


def _declares(alternative: Alternative, polarity: Polarity) -> bool:
    if alternative.topic not in polarity.hits and alternative.topic not in polarity.context.sets:
        return False
    if any(group != ANYTHING and not polarity.own(group) for group in alternative.groups):
        return False
    return _has_polarity(alternative, polarity)


def _is_supported(rule: ControlRule, polarity: Polarity) -> bool:
    """True if a statement with a marker is about the topic of an alternative, in its polarity."""
    return any(
        (
            polarity.own(each.topic)
            or (each.topic in polarity.context.sets and any(map(polarity.own, each.sets)))
        )
        and _has_polarity(each, polarity)
        for each in rule.alternatives
    )


def _has_polarity(alternative: Alternative, polarity: Polarity) -> bool:
    if alternative.mode is RuleMode.ASSERT:
        return polarity.affirms(alternative, alternative.sets)
    return polarity.forbids(alternative, alternative.sets)
