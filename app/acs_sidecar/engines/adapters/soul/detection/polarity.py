"""Whether a statement affirms or forbids what it names (section 11.4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from acs_sidecar.engines.adapters.soul.detection.rules import Alternative, Words
from acs_sidecar.engines.adapters.soul.detection.terms import Hits, TermSpan

__all__ = ["Context", "Polarity"]

_NEGATOR_BEFORE = 8
_NEGATOR_BEHIND = 4
_ADOPTION_WITHIN = 4
_DEFEAT_BEFORE = 4
_DEFEATED_BEHIND = 3
_BAN_BEFORE = 8
_BAN_BEHIND = 2
_BAN_SAID_BEHIND = 12
_COPULAS = frozenset({"is", "are", "be", "being", "remains", "remain", "strictly", "absolutely"})
_NOT_COPULAS = frozenset({"isn't", "aren't"})
_PARTICIPLE = "ed"
_BANNED = frozenset(
    {
        "prohibited",
        "forbidden",
        "denied",
        "disallowed",
        "refused",
        "rejected",
        "blocked",
        "banned",
        "unacceptable",
        "out",
        "off",
        "barred",
        "taboo",
    }
)
_NOT_LET = (("allowed",), ("permitted",), ("acceptable",), ("tolerated",))
_HOLLOW_EXCEPT = "access"
_GIVES = frozenset({"offer", "provide"})
_OFFERED = frozenset(
    {"guesses", "advice", "personal", "private", "legal", "medical", "financial", "false", "credentials"}
)
_SHORT = 3
_OTHER_CLAUSE = 2
_RELATIVES = frozenset({"that", "which", "who", "whose"})
_SUBJECTS = frozenset({"it", "i", "we", "you", "they", "but", "instead", "rather"})
_AGENTS = frozenset({"agent", "assistant", "bot"})
_FINITE = frozenset({"must", "shall", "will", "should", "is", "are", "gets", "get"})


@dataclass(frozen=True, slots=True)
class Context:
    """What a heading and lead-ins say: the sets that have a hit in them, and which bans they have."""

    sets: frozenset[int] = frozenset()
    bans: bool = False
    weak_bans: bool = False
    disclaims: bool = False
    withdrawn: bool = False
    ignored: bool = False


@dataclass(slots=True)
class Polarity:
    """The words of one statement that turn it one way or the other."""

    words: Sequence[str]
    hits: Hits
    named: Words
    context: Context
    quoted: frozenset[int] = frozenset()
    clauses: frozenset[int] = frozenset()
    _bans: dict[bool, list[TermSpan]] = field(default_factory=dict)

    def own(self, number: int) -> Sequence[TermSpan]:
        """Return where terms of a set stand that the statement does not only quote."""
        spans = self.hits.of(number)
        if not self.quoted:
            return spans
        return [span for span in spans if self.quoted.isdisjoint(range(span.start, span.end + 1))]

    def affirms(self, alternative: Alternative, sets: Iterable[int]) -> bool:
        """True if of each of the sets that the statement has at least one hit is not denied."""
        if self.context.bans and not self._breaks_ban():
            return False
        inside = {place for span in self.hits.of(alternative.topic) for place in _own_places(span)}
        inside |= {place for span in self.hits.of(self.named.excused) for place in _own_places(span)}
        negators = [
            place
            for place in self._places(self.named.negators)
            if place not in inside and not self._at(place + 1, self.named.measures)
        ]
        return all(
            any(
                not self._denied(span, negators, plain=alternative.plain)
                for span in self._evidence(alternative, number)
            )
            for number in sets
            if number in self.hits
        )

    def forbids(self, alternative: Alternative, sets: Iterable[int]) -> bool:
        """True if the statement, or what it stands under, forbids one of its hits."""
        if self.named.reversals in self.hits or self.named.permissions in self.hits:
            return False
        if self.context.bans or (self.context.weak_bans and not alternative.strong):
            return True
        spans = [span for number in sets for span in self._evidence(alternative, number)]
        bans = self.bans(strong=alternative.strong)
        if not spans:
            return bool(self.bans(strong=True))
        return any(self._governs(ban, span) for ban in bans for span in spans)

    def _evidence(self, alternative: Alternative, number: int) -> Sequence[TermSpan]:
        """Return the hits of a set; of the topic the quoted ones too: one may speak of a quotation."""
        return self.hits.of(number) if number == alternative.topic else self.own(number)

    def bans(self, *, strong: bool) -> list[TermSpan]:
        """Return the bans that forbid something; weak ones too unless `strong`."""
        if strong not in self._bans:
            sets = (self.named.bans,) if strong else (self.named.bans, self.named.weak_bans)
            spans = (span for number in sets for span in self.own(number))
            self._bans[strong] = [span for span in spans if not self._is_hollow(span)]
        return self._bans[strong]

    def _is_hollow(self, ban: TermSpan) -> bool:
        behind = ban.end + 1
        after = self.words[behind + 1 : behind + 2]
        if not self._at(behind, self.named.hollow) or after == (_HOLLOW_EXCEPT,):
            return False
        return self.words[behind] not in _GIVES or _OFFERED.isdisjoint(after)

    def _governs(self, ban: TermSpan, span: TermSpan) -> bool:
        if ban.start <= span.start:
            if self._is_of_condition(ban.start, span):
                return False
            between = range(ban.end + 1, span.start)
            return len(between) <= _BAN_BEFORE and not any(
                self._at(each, self.named.stops) for each in between
            )
        distance = ban.start - span.end
        if not (distance > 0 and self._at(ban.start, self.named.behind)):
            return False
        return distance <= _BAN_BEHIND or (distance <= _BAN_SAID_BEHIND and self._is_predicate(ban))

    def _is_predicate(self, ban: TermSpan) -> bool:
        """True for a ban that is said of what stands before: `pushing to any main branch is forbidden`."""
        if self.words[ban.start - 1] not in _COPULAS:
            return False
        return self.words[ban.start] in _BANNED or (
            self.words[ban.start] == "not" and self.words[ban.start + 1 : ban.start + 2] in _NOT_LET
        )

    def _breaks_ban(self) -> bool:
        """True if a statement under a ban names a breach: `Never: bypass the approval`."""
        return bool(self.own(self.named.breach)) or not {"without", "unless"}.isdisjoint(self.words)

    def _denied(self, span: TermSpan, negators: Sequence[int], *, plain: bool) -> bool:
        for place in negators:
            if span.start - _NEGATOR_BEFORE <= place < span.start:
                if (
                    self._is_of_condition(place, span)
                    or self._is_condition(place, span)
                    or self._is_of_relative(place, span)
                    or self._is_of_other_clause(place, span)
                ):
                    continue
                if plain or not self._excused(place, span):
                    return True
            elif span.end < place <= span.end + _NEGATOR_BEHIND:
                if self._denies_before(place):
                    return True
            elif span.start < place == span.end - 1 and span.start not in negators:
                return True
        if plain:
            return False
        return self._defeated_behind(span) or (not self.context.bans and self._defeated_before(span))

    def _is_of_condition(self, negator: int, span: TermSpan) -> bool:
        """True if a negator belongs to the condition of what is said: `if it is not clear, ask`."""
        ends = [start for start in self.clauses if negator < start <= span.start]
        if not ends:
            return False
        begins = max((start for start in self.clauses if start <= negator), default=0)
        return any(begins <= place < negator for place in self._places(self.named.conditions))

    def _is_of_other_clause(self, negator: int, span: TermSpan) -> bool:
        """True if what is said begins a clause with its own subject: `it does not guess, it asks`."""
        return any(
            self.words[start] in _SUBJECTS
            or (self.words[start] in {"the", "this"} and self.words[start + 1] in _AGENTS)
            for start in self.clauses
            if negator < start < span.start
        )

    def _is_condition(self, negator: int, span: TermSpan) -> bool:
        """True for a `without` in front of what is banned: `without approval, nothing is sent`."""
        if self.words[negator] != "without" or not (negator == 0 or negator in self.clauses):
            return False
        strong, behind = self.bans(strong=True), self.bans(strong=False)
        return any(ban.start > span.end and (ban in strong or ban.start == ban.end) for ban in behind)

    def _is_of_relative(self, negator: int, span: TermSpan) -> bool:
        """True if a negator belongs to a relative clause in front: `rights that are not used are revoked`."""
        if _RELATIVES.isdisjoint(self.words[max(0, negator - 2) : negator]):
            return False
        between = self.words[negator + 1 : span.start]
        return len(between) >= _OTHER_CLAUSE or not _FINITE.isdisjoint(between)

    def _excused(self, negator: int, span: TermSpan) -> bool:
        if any(self._at(place, self.named.breach) for place in range(negator + 1, span.end + 1)):
            return True
        return any(self._at(place, self.named.subordinators) for place in range(negator + 1, span.start))

    def _denies_before(self, negator: int) -> bool:
        ends = min((start for start in self.clauses if start > negator), default=len(self.words))
        behind = range(negator + 1, min(ends, negator + 1 + _ADOPTION_WITHIN))
        if not behind:
            return True
        if any(self._at(place, self.named.breach) for place in behind):
            return False
        if self._is_passive(negator):
            return True
        return any(self._at(place, self.named.adoption) for place in behind)

    def _is_passive(self, negator: int) -> bool:
        """True for a negator in a passive voice: `certainty is never indicated`."""
        before, behind = self.words[max(0, negator - _SHORT) : negator], self.words[negator + 1 : negator + 2]
        if not behind or behind in _NOT_LET or not behind[0].endswith(_PARTICIPLE):
            return False
        has_copula = self.words[negator] in _NOT_COPULAS or not _COPULAS.isdisjoint(before[-1:])
        return has_copula and _RELATIVES.isdisjoint(before)

    def _defeated_before(self, span: TermSpan) -> bool:
        return any(
            defeat.end < span.start <= defeat.end + _DEFEAT_BEFORE
            and not any(
                self._at(place, self.named.negators)
                for place in range(max(0, defeat.start - _NEGATOR_BEFORE), defeat.start)
            )
            and not any(
                self._at(place, self.named.subordinators) for place in range(defeat.end + 1, span.start)
            )
            for defeat in self.hits.of(self.named.defeats)
        )

    def _defeated_behind(self, span: TermSpan) -> bool:
        return any(
            span.end < defeated.start <= span.end + _DEFEATED_BEHIND
            and not any(self._at(place, self.named.negators) for place in range(span.end + 1, defeated.start))
            for defeated in self.hits.of(self.named.defeated)
        )

    def _places(self, number: int) -> list[int]:
        return [span.start for span in self.hits.of(number)]

    def _at(self, place: int, number: int) -> bool:
        """True if a term of a set begins at a word."""
        return any(span.start == place for span in self.hits.of(number))


def _own_places(span: TermSpan) -> range | tuple[int, int]:
    """Return the places of a hit's own words; in a long one, its first and last: others stand between."""
    short = span.end - span.start < _SHORT
    return range(span.start, span.end + 1) if short else (span.start, span.end)
