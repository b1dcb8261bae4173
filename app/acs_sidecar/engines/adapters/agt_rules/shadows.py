"""Rules that an earlier, wider one always beats (section 7.8)."""

from collections.abc import Iterator, Sequence

from acs_sidecar.engines.adapters.agt_rules.condition.tree import And, Condition, Constant, text_of
from acs_sidecar.engines.adapters.agt_rules.documents.merging import ActiveRule
from acs_sidecar.engines.adapters.agt_rules.documents.model import Action
from acs_sidecar.engines.findings import warning
from acs_sidecar.spec.manifest.diagnostics import Diagnostic

__all__ = ["shadowed"]


def shadowed(ordered: Sequence[ActiveRule]) -> Iterator[Diagnostic]:
    """Yield a finding for each rule of one point that never decides, as far as equal tests tell.

    An earlier rule is wider where it always matches, has one test of the later rule or all of them, and
    applies to every agent that the later one applies to.
    """
    earlier: dict[frozenset[str], list[ActiveRule]] = {}
    for active in ordered:
        if active.rule.action is Action.LOG:
            continue
        tests = _tests(active.rule.condition)
        keys = [frozenset(), tests, *(frozenset({test}) for test in sorted(tests))]
        found = next(
            (wider for key in keys for wider in earlier.get(key, ()) if _is_wider(wider, active)), None
        )
        if found is not None and not active.sealed:
            message = f"never decides: `{found.rule.name}` comes first and matches whenever this rule does"
            yield warning("agt-shadowed", message, active.rule.at.at())
        elif active.rule.clock is None:
            kept = earlier.setdefault(tests, [])
            if len(kept) < _MOST:
                kept.append(active)


_MOST = 4
"""How many rules of equal tests are compared, which only differ in the agents that they are for."""


def _is_wider(wider: ActiveRule, rule: ActiveRule) -> bool:
    always = isinstance(wider.rule.condition, Constant)
    decided = always or wider.rule.action.restricts or not rule.rule.action.restricts
    return decided and not wider.overridden and wider.through & rule.through == rule.through


def _tests(condition: Condition) -> frozenset[str]:
    """Return the texts of what must all hold; none for `true`."""
    if condition == Constant(True):
        return frozenset()
    return frozenset(map(text_of, condition.parts if isinstance(condition, And) else (condition,)))
