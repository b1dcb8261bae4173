"""Who calls, and what that caller may do (section 2.4)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import translate

from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["ALL_SCOPES", "Caller", "Globs", "Peer", "Scope"]


class Scope(StrEnum):
    """What a caller may do; `admin` stands for all of them."""

    EVALUATE = "evaluate"
    AUDIT_READ = "audit:read"
    MANIFESTS_READ = "manifests:read"
    METRICS = "metrics"
    ADMIN = "admin"


ALL_SCOPES = frozenset(Scope)


class Globs:
    """Patterns of names, of which one must match the whole: `*` is any text, `?` one character."""

    __slots__ = ("_matches",)

    def __init__(self, patterns: Iterable[str]) -> None:
        translated = (translate(pattern.replace("[", "[[]")) for pattern in patterns)
        # An empty set of patterns matches nothing.
        self._matches = re.compile("|".join(translated) or r"(?!)").match

    def match(self, name: Json) -> bool:
        """Tell whether this is a name, and one that a pattern matches."""
        return isinstance(name, str) and self._matches(name) is not None


@dataclass(frozen=True, slots=True)
class Peer:
    """What a connection proves of its peer: `spiffe://…`, `dns:<name>` or `uid:<number>`.

    `expires` is the Unix time in seconds until which that holds.
    """

    names: tuple[str, ...]
    expires: float | None = None


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
        """Tell whether a snapshot is that of an agent which this caller may speak for."""
        if self.agents is None:
            return True
        envelope = snapshot.get("envelope")
        agent = envelope.get("agent") if isinstance(envelope, dict) else None
        return isinstance(agent, dict) and self.agents.match(agent.get("id"))

    def may_use(self, manifest: str | None) -> bool:
        """Tell whether a manifest of the operator's, by its name, is for this caller."""
        return self.manifests is None or self.manifests.match(manifest)
