"""The agents of a log: who was seen, and what a registry says of them (section 8.8)."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from acs_sidecar.assurance.registry import AgentRegistry, RegisteredAgent
from acs_sidecar.audit.format.record import is_readable
from acs_sidecar.spec.values import Json

__all__ = ["AgentFinding", "AgentsSeen", "BoundPointNames", "SeenAgent", "TooManyAgentsError", "agents_json"]

_MOST_AGENTS = 100_000
_MOST_VALUES = 1_000

BoundPointNames = Mapping[str, tuple[str, ...]]
"""The points that a manifest binds, by its name."""


class TooManyAgentsError(Exception):
    """More agents than can be listed."""


class AgentFinding(StrEnum):
    """What is amiss with an agent, or with an entry of the registry."""

    UNKNOWN = "unknown"
    SILENT = "silent"
    EXPIRED = "expired"
    WRONG_CALLER = "wrong_caller"
    UNAUTHENTICATED = "unauthenticated"
    UNBOUND = "unbound"


@dataclass(slots=True)
class SeenAgent:
    """What the records say of one agent. Of callers, manifests and points the first thousand are kept."""

    first: str
    last: str
    callers: set[str] = field(default_factory=set)
    manifests: set[str] = field(default_factory=set)
    points: set[str] = field(default_factory=set)
    decisions: Counter[str] = field(default_factory=Counter)
    nameless: bool = False


@dataclass(slots=True)
class AgentsSeen:
    """Gathers the agents of the decisions since a time, record by record."""

    since: str | None = None
    agents: dict[str, SeenAgent] = field(default_factory=dict)
    unnamed: int = 0
    unreadable: tuple[str, int] | None = None
    _names: dict[str, str] = field(default_factory=dict)

    def record(self, record: Mapping[str, Json]) -> None:
        """Count one record. Raises `TooManyAgentsError`."""
        if self.unreadable is None and not is_readable(record):
            self.unreadable = str(record.get("log")), int(str(record.get("index")))
        if record.get("event") != "decision":
            self._announce(record)
            return
        time = str(record.get("time"))
        if self.since is not None and time < self.since:
            return
        agent = record.get("agent_id")
        if not isinstance(agent, str):
            self.unnamed += 1
            return
        seen = self.agents.get(agent)
        if seen is None:
            if len(self.agents) == _MOST_AGENTS:
                raise TooManyAgentsError
            seen = self.agents[agent] = SeenAgent(time, time)
        seen.first, seen.last = min(seen.first, time), max(seen.last, time)
        seen.decisions[str(record.get("decision"))] += 1
        caller = record.get("caller")
        seen.nameless |= caller is None
        for kept, value in (
            (seen.callers, caller),
            (seen.manifests, record.get("manifest_digest")),
            (seen.points, record.get("intervention_point")),
        ):
            if isinstance(value, str) and len(kept) < _MOST_VALUES:
                kept.add(value)

    def _announce(self, record: Mapping[str, Json]) -> None:
        details = record.get("details")
        manifests = details.get("manifests") if isinstance(details, dict) else None
        for name, digest in manifests.items() if isinstance(manifests, dict) else ():
            if isinstance(digest, str) and len(self._names) < _MOST_AGENTS:
                self._names[digest] = name

    def manifests_of(self, seen: SeenAgent) -> list[str]:
        """Return the names of an agent's manifests as the log announced them, else their digests."""
        return sorted({self._names.get(digest, digest) for digest in seen.manifests})


def agents_json(
    seen: AgentsSeen, registry: AgentRegistry | None, bound: BoundPointNames
) -> list[dict[str, Json]]:
    """Return each agent, and each entry that no agent was seen of, with what is amiss with it."""
    rows = [_agent_json(name, agent, seen, registry, bound) for name, agent in sorted(seen.agents.items())]
    if registry:
        used = {entry.id for name in seen.agents if (entry := registry.entry_of(name))}
        rows += [_silent(entry) for entry in registry.entries if entry.id not in used]
    return rows


def _agent_json(
    name: str, agent: SeenAgent, seen: AgentsSeen, registry: AgentRegistry | None, bound: BoundPointNames
) -> dict[str, Json]:
    entry = registry.entry_of(name) if registry else None
    findings = [*_findings(agent, entry, bound)] if registry else []
    return {
        "agent_id": name,
        "owner": entry.owner if entry else None,
        "first_seen": agent.first,
        "last_seen": agent.last,
        "callers": [*sorted(agent.callers)],
        "manifests": [*seen.manifests_of(agent)],
        "points": [*sorted(agent.points)],
        "decisions": {decision: agent.decisions[decision] for decision in sorted(agent.decisions)},
        "findings": [finding.value for finding in findings],
    }


def _findings(
    agent: SeenAgent, entry: RegisteredAgent | None, bound: BoundPointNames
) -> Iterator[AgentFinding]:
    if entry is None:
        yield AgentFinding.UNKNOWN
    elif entry.expires is not None and agent.last > entry.expires:
        yield AgentFinding.EXPIRED
    if entry and entry.callers is not None and not all(map(entry.callers.match, agent.callers)):
        yield AgentFinding.WRONG_CALLER
    if agent.nameless:
        yield AgentFinding.UNAUTHENTICATED
    points = {point for name in (entry.manifests if entry else ()) for point in bound.get(name, ())}
    if points - agent.points:
        yield AgentFinding.UNBOUND


def _silent(entry: RegisteredAgent) -> dict[str, Json]:
    return {
        "agent_id": entry.id,
        "owner": entry.owner,
        "first_seen": None,
        "last_seen": None,
        "callers": [],
        "manifests": [*entry.manifests],
        "points": [],
        "decisions": {},
        "findings": [AgentFinding.SILENT.value],
    }
