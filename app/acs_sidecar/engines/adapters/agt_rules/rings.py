"""Rings and trust: the facts about an agent that guards and conditions read (section 7.7)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from acs_sidecar.engines.adapters.agt_rules.agents import AgentFact, agent_fact, agent_name
from acs_sidecar.engines.adapters.agt_rules.values import WRONG_TYPE, Input, Read
from acs_sidecar.spec.dialects.versions import DIALECT_03
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "FILESYSTEM_SCOPES",
    "LEAST_PRIVILEGED",
    "MAX_TRUST",
    "TIERS",
    "AgentRings",
    "agent_facts",
    "needed_ring",
]

LEAST_PRIVILEGED = 3
MAX_TRUST = 1_000
_UNTRUSTED = "untrusted"
_TIERS = ((900, "verified_partner"), (700, "trusted"), (500, "standard"), (300, "probationary"))
_REVERSIBLE = (None, "full", "partial")
TIERS = (*(tier for _, tier in _TIERS), _UNTRUSTED)
FILESYSTEM_SCOPES = ("full", "full", "scoped", "none")

_ENVELOPE_NAME, _ENVELOPE_FACT = agent_name(DIALECT_03), agent_fact(DIALECT_03)


@dataclass(frozen=True, slots=True)
class AgentRings:
    """Rings that the operator gives to agents: predicates of ids, each with a ring."""

    assigned: tuple[tuple[Callable[[str], bool], int], ...] = ()
    name: Read = _ENVELOPE_NAME
    fact: AgentFact = _ENVELOPE_FACT

    def ring(self, given: Input) -> int:
        """Return the agent's ring: the less privileged of the host's and the operator's.

        An agent without an id may be any of those that the operator gives a ring.
        """
        name, brought = self.name(given), self.fact(given, "ring")
        if self.assigned and not isinstance(name, str):
            return LEAST_PRIVILEGED
        rings = [ring for matches, ring in self.assigned if isinstance(name, str) and matches(name)]
        if brought is not None:
            rings.append(
                brought if type(brought) is int and 0 <= brought <= LEAST_PRIVILEGED else LEAST_PRIVILEGED
            )
        return max(rings, default=LEAST_PRIVILEGED)


def agent_facts(rings: AgentRings) -> Mapping[str, Read]:
    """Return the computed names of conditions."""
    return {
        "ring.level": rings.ring,
        "ring.network_allowed": lambda given: rings.ring(given) < LEAST_PRIVILEGED,
        "ring.filesystem_scope": lambda given: FILESYSTEM_SCOPES[rings.ring(given)],
        "ring.filesystem_writable": lambda given: rings.ring(given) < LEAST_PRIVILEGED,
        "ring.subprocess_allowed": lambda given: rings.ring(given) < LEAST_PRIVILEGED,
        "trust.tier": lambda given: _tier(rings.fact(given, "trust_score")),
    }


def needed_ring(tool: JsonObject) -> int:
    """Return the ring that a tool needs. Raises `ValueError` for a member of a wrong type."""
    ring = tool.get("ring")
    if ring is not None:
        if type(ring) is not int or not 0 <= ring <= LEAST_PRIVILEGED:
            raise ValueError("ring")
        return ring
    admin, read_only = (_flag(tool, name) for name in ("admin", "read_only"))
    reversibility = tool.get("reversibility")
    if reversibility is not None and not isinstance(reversibility, str):
        raise ValueError("reversibility")
    if admin:
        return 0
    if reversibility not in _REVERSIBLE and not read_only:
        return 1
    return 3 if read_only else 2


def _flag(tool: JsonObject, name: str) -> bool:
    value = tool.get(name)
    if value is not None and not isinstance(value, bool):
        raise ValueError(name)
    return value is True


def _tier(score: Json) -> Json:
    """Return the tier of a score; where it is missing or malformed, what leaves every test undecided."""
    if type(score) is not int or not 0 <= score <= MAX_TRUST:
        return WRONG_TYPE
    return next((tier for least, tier in _TIERS if score >= least), _UNTRUSTED)
