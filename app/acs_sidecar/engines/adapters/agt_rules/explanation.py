"""Why the rules of a point decide as they do: guards, and the rules that were asked (section 2.7)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from acs_sidecar.engines.adapters.agt_rules.closures import Compiler, Frame
from acs_sidecar.engines.adapters.agt_rules.condition.tree import And, Condition, Or, text_of
from acs_sidecar.engines.adapters.agt_rules.guards import RuleGuard
from acs_sidecar.engines.adapters.agt_rules.rule_index import BoundRule
from acs_sidecar.engines.adapters.agt_rules.values import Input
from acs_sidecar.spec.explanation import MAX_LISTED, shortened
from acs_sidecar.spec.values import Json

__all__ = ["RuleReport", "guard_reports"]

_RESULTS: dict[bool | None, Json] = {True: "true", False: "false", None: "undecided"}


def guard_reports(guards: Sequence[RuleGuard], given: Input) -> list[Json]:
    """Return the guards in order, up to the one that denies."""
    reports: list[Json] = []
    for guard in guards:
        reason = guard.denies(given)
        reports.append({"guard": guard.name, "denies": reason})
        if reason:
            break
    return reports


@dataclass(frozen=True, slots=True)
class RuleReport:
    """The rules of one input: `documents` are the bits of the documents that apply to its agent."""

    compiler: Compiler
    frame: Frame
    documents: int

    def asked(self, name: str, rules: Sequence[BoundRule]) -> dict[str, Json]:
        """Return the rules in the order in which they are asked, up to the first that matches.

        Of very many the first are listed, and the last one.
        """
        asked = [*self._asked(rules)]
        shown = asked if len(asked) <= MAX_LISTED else [*asked[: MAX_LISTED - 1], asked[-1]]
        told: list[Json] = [self._told(bound, result) for bound, result in shown]
        return {name: told} if shown is asked else {name: told, f"{name}_total": len(asked)}

    def _asked(self, rules: Sequence[BoundRule]) -> Iterator[tuple[BoundRule, bool | None]]:
        for bound in rules:
            if bound.through & self.documents and not bound.overridden & self.documents:
                result = bound.check(self.frame)
                yield bound, result
                if _matches(bound, result):
                    return

    def _told(self, bound: BoundRule, result: bool | None) -> dict[str, Json]:
        at = bound.rule.at.at()
        return {
            "rule": bound.rule.key,
            "at": at.path if at.source is None else f"{at.source}:{at.line}",
            "action": bound.rule.action.value,
            "result": _RESULTS[result],
            "matches": _matches(bound, result),
            "condition": shortened(text_of(bound.rule.condition)),
            **({} if result else self._stopped_by(bound)),
        }

    def _stopped_by(self, bound: BoundRule) -> dict[str, Json]:
        """Return the first part of the condition that is not true; else it is the clock."""
        part = self._not_true(bound.rule.condition)
        if part is None:
            return {"stopped_by": "dynamic_condition"}
        return {"stopped_by": shortened(text_of(part)), "stopped_by_result": _RESULTS[self._value(part)]}

    def _not_true(self, condition: Condition) -> Condition | None:
        """Return the first part that must hold and is false, or else undecided; `None` if all hold."""
        if isinstance(condition, And):
            values = [self._value(part) for part in condition.parts]
            for stopping in (False, None):
                if stopping in values:
                    return self._not_true(condition.parts[values.index(stopping)])
            return None
        return None if self._value(condition) else condition

    def _value(self, condition: Condition) -> bool | None:
        if not isinstance(condition, And | Or):
            return self.compiler.leaf(condition, self.frame)
        values = [self._value(part) for part in condition.parts]
        deciding = isinstance(condition, Or)
        return deciding if deciding in values else None if None in values else not deciding


def _matches(bound: BoundRule, result: bool | None) -> bool:
    return bool(result) or (result is None and bound.restricts)
