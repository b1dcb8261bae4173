"""Callers and their permissions (section 2.4)."""

from dataclasses import dataclass
from enum import StrEnum

from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.dialects.subject import agent_id
from acs_sidecar.spec.globs import Globs
from acs_sidecar.spec.owner import NOBODY, Owner
from acs_sidecar.spec.trace_context import Span
from acs_sidecar.spec.values import JsonObject

__all__ = ["ALL_SCOPES", "Caller", "Scope", "Sender"]


class Scope(StrEnum):
    """A permission of a caller; `admin` includes all others."""

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

    def speaks_for(self, snapshot: JsonObject, dialect: Dialect) -> bool:
        """True if this caller may act for the agent of `snapshot`."""
        return self.agents is None or self.agents.match(agent_id(snapshot, dialect))

    def may_use(self, manifest: str | None) -> bool:
        """True if this caller may use the operator's manifest of that name."""
        return self.manifests is None or self.manifests.match(manifest)


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles its cost
class Sender:
    """Who sent a request: the caller, `None` where callers have no names, and the span that it is part of.

    `connection` is the one that it came over, where there is one.
    """

    caller: Caller | None
    span: Span | None
    connection: Owner = NOBODY

    @property
    def name(self) -> str | None:
        """The name of the caller in records; `None` without authentication."""
        return self.caller.name if self.caller else None

    @property
    def owner(self) -> Owner:
        """Whose share of what all callers have together a request takes."""
        return Owner(self.caller.name) if self.caller else self.connection
