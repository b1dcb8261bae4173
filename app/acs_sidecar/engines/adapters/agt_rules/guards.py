"""Guards: what denies before any rule is asked (section 7.7)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from acs_sidecar.engines.adapters.agt_rules.agents import AgentFact
from acs_sidecar.engines.adapters.agt_rules.rings import MAX_TRUST, AgentRings, needed_ring
from acs_sidecar.engines.adapters.agt_rules.values import Input, Read, walk
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "Delegation",
    "KillSwitch",
    "Rings",
    "RuleGuard",
    "StoppedAgents",
    "TrustScore",
    "malformed_member",
]

_KILL_REASONS = frozenset(
    {"behavioral_drift", "rate_limit", "ring_breach", "manual", "quarantine_timeout", "session_timeout"}
)
_RESOURCES = frozenset({"network", "filesystem", "subprocess"})
_RESOURCE_RING = 2


class RuleGuard(Protocol):
    """One guard at one point."""

    @property
    def name(self) -> str:
        """Its name in `guards`."""
        ...

    def denies(self, given: Input) -> str | None:
        """Return the reason of its denial, or `None`. Raises `EvaluationError`."""
        ...


@dataclass(frozen=True, slots=True)
class KillSwitch:
    """`envelope.kill_switch`, as the host brings it."""

    required: bool
    name: str = "kill_switch"

    def denies(self, given: Input) -> str | None:
        """Deny where it is active, malformed, or required and missing."""
        envelope = walk(given["snapshot"], ("envelope",))
        switch = envelope.get("kill_switch") if isinstance(envelope, dict) else None
        if switch is None and (envelope is None or isinstance(envelope, dict)):
            return "kill_switch_unknown" if self.required else None
        if not isinstance(switch, dict) or not isinstance(active := switch.get("active"), bool):
            return "kill_switch_unknown"
        reason = switch.get("reason")
        is_known = isinstance(reason, str) and reason in _KILL_REASONS
        if not is_known and (active or reason is not None):
            return "kill_switch_unknown"
        return "kill_switch_active" if active else None


@dataclass(frozen=True, slots=True)
class StoppedAgents:
    """Agents that the operator has stopped; one without an id counts as stopped."""

    stopped: Callable[[str], bool]
    agent: Read
    name: str = "stopped_agents"

    def denies(self, given: Input) -> str | None:
        """Deny a stopped agent."""
        agent = self.agent(given)
        return "kill_switch_active" if not isinstance(agent, str) or self.stopped(agent) else None


@dataclass(frozen=True, slots=True)
class TrustScore:
    """The least score of an agent, which a tool can raise."""

    least: int
    fact: AgentFact
    name: str = "min_trust_score"

    def denies(self, given: Input) -> str | None:
        """Deny an agent whose score is lower, missing, or no score."""
        tool = given["tool"]
        try:
            raised = _raised(tool) if isinstance(tool, dict) else 0
        except ValueError as error:
            raise _malformed(error) from None
        score = self.fact(given, "trust_score")
        least = max(self.least, raised)
        return None if type(score) is int and least <= score <= MAX_TRUST else "trust_below_minimum"


@dataclass(frozen=True, slots=True)
class Delegation:
    """How deep an agent may be delegated to."""

    deepest: int
    fact: AgentFact
    name: str = "max_delegation_depth"

    def denies(self, given: Input) -> str | None:
        """Deny an agent that is deeper, or of unknown depth."""
        depth = self.fact(given, "delegation_depth")
        within = type(depth) is int and 0 <= depth <= self.deepest
        return None if within else "delegation_too_deep"


@dataclass(frozen=True, slots=True)
class Rings:
    """The ring of an agent against the one that a tool needs."""

    rings: AgentRings
    name: str = "rings"

    def denies(self, given: Input) -> str | None:
        """Deny a tool that needs a more privileged ring, or resources that the ring does not have."""
        tool = given["tool"]
        if not isinstance(tool, dict):
            return "ring_insufficient"
        try:
            needed, uses_resources = needed_ring(tool), _resources(tool)
        except ValueError as error:
            raise _malformed(error) from None
        if needed == 0:
            return "ring_0_forbidden"
        ring = self.rings.ring(given)
        if ring > needed:
            return "ring_insufficient"
        return "ring_resource_denied" if ring > _RESOURCE_RING and uses_resources else None


def malformed_member(guard: RuleGuard, tool: JsonObject) -> str | None:
    """Return the member of a tool in the manifest by which a guard fails each call of it, if there is one."""
    try:
        if isinstance(guard, TrustScore):
            _raised(tool)
        elif isinstance(guard, Rings):
            needed_ring(tool)
            _resources(tool)
    except ValueError as error:
        return str(error)
    return None


def _raised(tool: JsonObject) -> int:
    """Return the least score that a tool asks for. Raises `ValueError` with the member's name."""
    raised: Json = tool.get("min_trust_score")
    if raised is None:
        return 0
    if type(raised) is not int or not 0 <= raised <= MAX_TRUST:
        raise ValueError("min_trust_score")
    return raised


def _resources(tool: JsonObject) -> bool:
    """True if a tool uses a resource that the least privileged ring does not have.

    Raises `ValueError` with the member's name.
    """
    resources: Json = tool.get("resources")
    if resources is None:
        return False
    if not isinstance(resources, list) or not all(
        isinstance(resource, str) and resource in _RESOURCES for resource in resources
    ):
        raise ValueError("resources")
    return bool(resources)


def _malformed(member: ValueError) -> EvaluationError:
    return EvaluationError(Reason.POLICY_INVOCATION_FAILED, f"the tool's `{member}` is of a wrong type")
