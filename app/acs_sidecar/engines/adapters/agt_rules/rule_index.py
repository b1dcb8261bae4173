"""Rules in order; those that only certain texts of a path can match are in a dictionary (section 7.10)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from acs_sidecar.engines.adapters.agt_rules.closures import Check, Compiler, Frame, Load
from acs_sidecar.engines.adapters.agt_rules.condition.tree import And, Condition, Name, Operator, Test
from acs_sidecar.engines.adapters.agt_rules.documents.model import AgtRule
from acs_sidecar.engines.adapters.agt_rules.values import Source
from acs_sidecar.spec.values import JsonObject

__all__ = ["BoundRule", "RuleIndex"]

_FEWEST = 2
"""Rules on one path below which a dictionary saves nothing."""


@dataclass(frozen=True, slots=True)
class BoundRule:
    """A rule at one point. `through` and `overridden` are bits of documents, `evidence` is fixed.

    `lineage` names the rule's document and all that this one inherits.
    """

    rule: AgtRule
    check: Check
    restricts: bool
    through: int
    overridden: int
    evidence: JsonObject
    lineage: frozenset[str]


@dataclass(frozen=True, slots=True)
class _TextLookup:
    """The positions of the rules that each text of a path can match, and all of them for other types."""

    load: Load
    by_text: dict[str, list[int]]
    every: list[int]


class RuleIndex:
    """Some rules of a point in the order in which they are asked."""

    def __init__(self, rules: Sequence[BoundRule], compiler: Compiler) -> None:
        self._rules = rules
        self._checks = [rule.check for rule in rules]
        keys = [
            [(compiler.source(name), name, texts) for name, texts in _keys(rule.rule.condition)]
            for rule in rules
        ]
        counted = Counter(source for key in keys for source in {source for source, _, _ in key})
        told_apart: dict[Source, set[str]] = {}
        for source, _, texts in (each for key in keys for each in key):
            told_apart.setdefault(source, set()).update(texts)
        grouped: dict[Source, _TextLookup] = {}
        self._always: list[int] = []
        for position, key in enumerate(keys):
            # The path that tells most rules apart: `env == 'prod'` in all of them tells nothing.
            found = max(key, key=lambda each: len(told_apart[each[0]]), default=None)
            if found is None or counted[found[0]] < _FEWEST:
                self._always.append(position)
                continue
            source, name, texts = found
            lookup = grouped.setdefault(source, _TextLookup(compiler.load(name), {}, []))
            lookup.every.append(position)
            for text in texts:
                lookup.by_text.setdefault(text, []).append(position)
        self._lookups = tuple(grouped.values())

    @property
    def rules(self) -> Sequence[BoundRule]:
        """All rules, in the order in which they are asked."""
        return self._rules

    def matching(self, frame: Frame, documents: int) -> Iterator[tuple[BoundRule, bool]]:
        """Yield each rule that matches, and whether it does because it is undecided."""
        checks = self._checks
        for position in self.candidates(frame):
            result = checks[position](frame)
            if result is False:
                continue
            rule = self._rules[position]
            if rule.through & documents and not rule.overridden & documents and (result or rule.restricts):
                yield rule, result is None

    def candidates(self, frame: Frame) -> Sequence[int]:
        """Return the positions of the rules that can match, in order."""
        positions = self._always
        merged = False
        for lookup in self._lookups:
            value = lookup.load(frame)
            if value is None:
                continue
            found = lookup.by_text.get(value) if type(value) is str else lookup.every
            if not found:
                continue
            merged = merged or bool(positions)
            positions = [*positions, *found] if positions else found
        return sorted(positions) if merged else positions


def _keys(condition: Condition) -> Iterator[tuple[Name, tuple[str, ...]]]:
    """Yield each path for which the condition is false wherever it is a text that is not listed."""
    for part in condition.parts if isinstance(condition, And) else (condition,):
        if isinstance(part, And):
            yield from _keys(part)
        if not isinstance(part, Test) or isinstance(part.operand, Name):
            continue
        if part.operator is Operator.EQ and isinstance(part.operand, str):
            yield part.name, (part.operand,)
        elif part.operator is Operator.IN and isinstance(part.operand, tuple):
            texts = tuple(item for item in part.operand if isinstance(item, str))
            if len(texts) == len(part.operand):
                yield part.name, tuple(dict.fromkeys(texts))
