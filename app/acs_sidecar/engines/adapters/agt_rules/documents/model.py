"""Rule documents as values: what the readers make and the plan is made of (section 7.2)."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from acs_sidecar.engines.adapters.agt_rules.condition.tree import Condition, Name
from acs_sidecar.engines.adapters.agt_rules.documents.clock import Clock
from acs_sidecar.engines.adapters.agt_rules.documents.places import Place
from acs_sidecar.spec.points import InterventionPoint

__all__ = ["Action", "AgtRule", "DocumentScope", "Limit", "PlacedName", "RuleDocument"]


class Action(StrEnum):
    """What a rule does where it matches."""

    DENY = "deny"
    REQUIRE_APPROVAL = "require_approval"
    WARN = "warn"
    ALLOW = "allow"
    LOG = "log"

    @property
    def restricts(self) -> bool:
        """True if a rule that is undecided matches."""
        return self in (Action.DENY, Action.REQUIRE_APPROVAL)


class DocumentScope(IntEnum):
    """How specific a document is, the most specific first."""

    AGENT = 0
    ORGANIZATION = 1
    TENANT = 2
    GLOBAL = 3


@dataclass(frozen=True, slots=True)
class Limit:
    """How often a rule may decide in a window."""

    most: int
    window: str

    @property
    def rate(self) -> float:
        """The count per second."""
        return self.most / _SECONDS[self.window]


_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class PlacedName:
    """A name that a condition reads, and where it stands."""

    name: Name
    at: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class AgtRule:
    """One rule. `condition` has its `not` pushed down; `point` is `None` until it is inferred (form B)."""

    name: str
    reason: str
    document: str
    version: str | None
    condition: Condition
    clock: Clock | None
    names: tuple[PlacedName, ...]
    action: Action
    point: InterventionPoint | None
    priority: int
    scope: DocumentScope
    limit: Limit | None
    approvers: tuple[str, ...]
    message: str | None
    enabled: bool
    override: bool
    at: Place

    @property
    def key(self) -> str:
        """The rule's name among all rules of a policy, which counters use too."""
        return f"{self.document}/{self.name}"

    @property
    def binds_children(self) -> bool:
        """True if no rule of a document that inherits this one passes it."""
        return self.action.restricts or self.limit is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDocument:
    """One document, before its parents are merged into it; `by_field` tells that it is of form B."""

    name: str
    by_field: bool
    version: str | None
    extends: tuple[str, ...]
    agents: tuple[str, ...]
    scope: DocumentScope
    allows_by_default: bool
    rules: tuple[AgtRule, ...]
    at: Place
    path: str | None = None
    extends_at: tuple[Place, ...] = field(default=())
    default_at: Place | None = None
