"""The static order in which rules are asked, by the conflict strategy (section 7.5)."""

from collections.abc import Callable
from enum import StrEnum
from typing import assert_never

from acs_sidecar.engines.adapters.agt_rules.documents.model import Action, AgtRule

__all__ = ["Strategy", "order_key"]

_TIES = {Action.DENY: 0, Action.REQUIRE_APPROVAL: 1, Action.WARN: 2, Action.ALLOW: 3, Action.LOG: 4}


class Strategy(StrEnum):
    """How rules that disagree are ordered; the first that matches decides."""

    DENY_OVERRIDES = "deny_overrides"
    ALLOW_OVERRIDES = "allow_overrides"
    PRIORITY_FIRST_MATCH = "priority_first_match"
    MOST_SPECIFIC_WINS = "most_specific_wins"


def order_key(strategy: Strategy) -> Callable[[AgtRule], tuple[int, ...]]:
    """Return the sort key of rules; of equal ones the first in the documents comes first."""
    match strategy:
        case Strategy.DENY_OVERRIDES:
            return lambda rule: (rule.action is not Action.DENY, -rule.priority, _TIES[rule.action])
        case Strategy.ALLOW_OVERRIDES:
            return lambda rule: (rule.action is not Action.ALLOW, -rule.priority, _TIES[rule.action])
        case Strategy.PRIORITY_FIRST_MATCH:
            return lambda rule: (-rule.priority,)
        case Strategy.MOST_SPECIFIC_WINS:
            return lambda rule: (rule.scope, -rule.priority, _TIES[rule.action])
        case _:
            assert_never(strategy)
