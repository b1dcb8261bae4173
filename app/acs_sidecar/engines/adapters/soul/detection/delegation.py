"""Duties that a statement gives to somebody other than the agent (section 11.4).

`The API gateway enforces rate limits` and `limits are enforced by the API gateway` say what a gateway does,
and declare nothing about the agent. A delegate is a component or a company that the agent is no part of, or
somebody else, such as a department, whose duty some controls are about: an approval, an audit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from acs_sidecar.engines.adapters.soul.detection.rules import Words
from acs_sidecar.engines.adapters.soul.detection.terms import Hits, TermSpan

__all__ = ["Delegated", "delegated_words"]

_SUBJECT_WITHIN = 5
_UNMARKED_WITHIN = 2
_ATTRIBUTE_WITHIN = 6
_AGENT_WITHIN = 3
_OBJECT_WITHIN = 2
_RELATIVE_WITHIN = 2
_COPULAS = frozenset({"is", "are", "be", "being", "gets", "get", "been"})
_FINITE = _COPULAS | frozenset(
    {"must", "shall", "will", "should", "may", "can", "cannot", "has", "have", "was", "were", "do", "does"}
)
_ARTICLES = frozenset({"a", "an", "the", "our", "their", "another", "some"})
_DETERMINERS = _ARTICLES | {"each", "every", "your", "this", "that"}
_OWN = frozenset({"its", "my", "agent's", "assistant's", "bot's", "own"})
_PREPOSITIONS = frozenset({"of", "at", "in", "on", "for", "from", "behind"})
_ATTRIBUTES = _PREPOSITIONS | {"downstream", "upstream", "here", "supplied", "employed", "run", "operated"}
_RELATIVES = frozenset(
    {"that", "which", "who", "whose", "whatever", "whoever", "if", "when", "what", "once", "unless", "where"}
)
_AGENTS = frozenset({"i", "we", "you", "agent", "assistant", "bot", "me", "us", "itself", "myself"})
_ABOUT_AGENT = frozenset({"agent", "assistant", "bot", "agent's", "assistant's", "bot's", "me", "my"})
_BY = "by"
_JOINS = frozenset({"and", _BY, "or", "then"})
_NOT_IN_SUBJECT = _AGENTS | _JOINS
_CONJUNCTIONS = frozenset({"and", "while", "but", "whereas"})
_ADVERBS = frozenset({"also", "always", "already", "itself", "then", "alone", "still"})
_PLURALS = frozenset({"people", "staff"})
_SINGULARS = frozenset({"os", "dns", "ops", "sales", "kubernetes"})
_EXCLUSIVE = frozenset({"only", "not", "alone", "never", "except", "solely", "exclusively"})


class Delegated(NamedTuple):
    """The places of words that say what a component or company does, and of those on somebody else."""

    components: frozenset[int] = frozenset()
    parties: frozenset[int] = frozenset()


def delegated_words(words: Sequence[str], hits: Hits, named: Words, clauses: frozenset[int]) -> Delegated:
    """Return the words of clauses in which a delegate does what is said: by a duty, or in the passive."""
    if named.duties not in hits and _BY not in words:
        return Delegated()
    reading = _DutyReader(words, clauses, frozenset(span.start for span in hits.of(named.duties)))
    own = {span.end for span in hits.of(named.own)}
    components, parties = set[int](), set[int]()
    for part in reading.parts():
        found = [span for span in hits.of(named.components) if span.start in part]
        others = [span for span in hits.of(named.parties) if span.start in part]
        others += [span for span in reading.subjects(part) if span.end not in own]
        for spans, places in ((found, components), (others, parties)):
            if any(reading.acts(span, part) or reading.acted_by(span, part) for span in spans):
                places.update(part)
    return Delegated(frozenset(components), frozenset(parties))


@dataclass(slots=True)
class _DutyReader:
    """The words of a statement, where its clauses begin, and where words for duties stand."""

    words: Sequence[str]
    clauses: frozenset[int]
    duties: frozenset[int]

    def parts(self) -> Iterator[range]:
        """Yield the stretches of a statement; where the agent is a clause's subject a new one begins."""
        starts = [
            each
            for each in sorted(self.clauses)
            if 0 < each < len(self.words) and not _AGENTS.isdisjoint(self.words[each : each + _AGENT_WITHIN])
        ]
        for start, end in pairwise([0, *starts, len(self.words)]):
            yield range(start, end)

    def subjects(self, part: range) -> Iterator[TermSpan]:
        """Yield the subject with an article, whatever it is, that a duty follows: `the mailer sends`."""
        words, start = self.words, part.start
        if words[start] not in _ARTICLES:
            return
        for verb in range(start + 2, min(part.stop, start + _SUBJECT_WITHIN + 2)):
            if verb in self.duties and words[verb].endswith("s"):
                before = words[start:verb]
                ends = [place for place, word in enumerate(before, start) if word in _PREPOSITIONS]
                noun = min(ends, default=verb) - 1
                if noun > start and _NOT_IN_SUBJECT.isdisjoint(before):
                    yield TermSpan(noun, noun)
                return

    def acts(self, span: TermSpan, part: range) -> bool:
        """True if a delegate is a clause's subject, and a duty its verb: `the proxy of the host logs`."""
        words = self.words
        start = max((each for each in self.clauses if part.start <= each <= span.start), default=part.start)
        if words[start] in _CONJUNCTIONS:
            start += 1
        before = words[start : span.start]
        if len(before) >= _SUBJECT_WITHIN or not self._is_noun_phrase(before, start):
            return False
        verb = span.end + 1
        if verb < part.stop and (words[verb] in _ADVERBS or words[verb].endswith("ly")):
            verb += 1
        if verb not in self.duties and _ATTRIBUTES.intersection(words[verb : verb + 1]):
            behind = range(verb + 1, min(part.stop, verb + _ATTRIBUTE_WITHIN))
            verb = next((place for place in behind if place in self.duties), part.stop)
        if verb not in self.duties or verb >= part.stop or _FINITE.intersection(words[verb + 1 : verb + 2]):
            return False
        if _ABOUT_AGENT.intersection(words[verb + 1 : verb + 1 + _OBJECT_WITHIN]):
            return False
        return _is_plural(words[span.end]) is not words[verb].endswith("s")

    def _is_noun_phrase(self, before: Sequence[str], start: int) -> bool:
        """True for what may stand between the beginning of a clause and the noun that is its subject."""
        if not _OWN.isdisjoint(before) or not _PREPOSITIONS.isdisjoint(before):
            return False
        if before and before[0] in _DETERMINERS:
            return _RELATIVES.isdisjoint(before[1:])
        return len(before) < _UNMARKED_WITHIN and start not in self.duties

    def acted_by(self, span: TermSpan, part: range) -> bool:
        """True if a delegate does what is said in the passive: `is checked by the host's proxy`."""
        words = self.words
        nearest = range(span.start - 1, max(part.start, span.start - _SUBJECT_WITHIN), -1)
        by = next((place for place in nearest if words[place] == _BY), None)
        if by is None or not _OWN.isdisjoint(words[by : span.start]):
            return False
        if not _EXCLUSIVE.isdisjoint((words[by - 1], *words[span.end + 1 : span.end + 2])):
            return False
        if any(
            words[place] in _AGENTS and not _JOINS.isdisjoint(words[place - 2 : place])
            for place in range(span.end + 3, part.stop)
        ):
            return False
        copula = max((place for place in range(part.start, by) if words[place] in _COPULAS), default=None)
        if copula is None or not _AGENTS.isdisjoint(words[part.start : copula]):
            return False
        return _RELATIVES.isdisjoint(words[max(part.start, copula - _RELATIVE_WITHIN) : copula])


def _is_plural(noun: str) -> bool:
    return noun in _PLURALS or (noun.endswith("s") and noun not in _SINGULARS)
