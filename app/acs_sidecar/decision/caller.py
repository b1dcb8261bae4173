"""Who calls, and what that caller may do (section 2.4)."""

from dataclasses import dataclass
from enum import StrEnum

from acs_sidecar.spec.globs import Globs
from acs_sidecar.spec.trace_context import Span
from acs_sidecar.spec.values import JsonObject

__all__ = ["ALL_SCOPES", "Caller", "Scope", "Sender"]


class Scope(StrEnum):
    """What a caller may do; `admin` stands for all of them."""

    EVALUATE = "evaluate"
    AUDIT_READ = "audit:read"
    MANIFESTS_READ = "manifests:read"
    METRICS = "metrics"
    ADMIN = "admin"


ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One caller by its name. `agents` and `manifests` are `None` where any will do.

    `inline` tells whether it may bring its own manifest; `expires` is a Unix time in seconds.
    """

    name: str
    scopes: frozenset[Scope]
    agents: Globs | None = None
    manifests: Globs | None = None
    inline: bool = True
    expires: float | None = None

    def speaks_for(self, snapshot: JsonObject) -> bool:
        """True if a snapshot is that of an agent which this caller may speak for."""
        if self.agents is None:
            return True
        envelope = snapshot.get("envelope")
        agent = envelope.get("agent") if isinstance(envelope, dict) else None
        return isinstance(agent, dict) and self.agents.match(agent.get("id"))

    def may_use(self, manifest: str | None) -> bool:
        """True if a manifest of the operator's, by its name, is for this caller."""
        return self.manifests is None or self.manifests.match(manifest)


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles its cost
class Sender:
    """Who sent a request: the caller, `None` where callers have no names, and the span that it is part of."""

    caller: Caller | None
    span: Span | None

    @property
    def name(self) -> str | None:
        """The caller's name, as records tell it."""
        return self.caller.name if self.caller else None
