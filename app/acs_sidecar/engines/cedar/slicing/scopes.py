"""What the scope of a policy demands of a request, and which entities are in which groups (section 1.7.1)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from acs_sidecar.engines.cedar.slicing.answers import NamedPolicy
from acs_sidecar.engines.cedar.syntax import EntityUid
from acs_sidecar.engines.findings import SourceLocation

__all__ = ["Ancestors", "ScopeConstraint", "ScopedPolicy"]

Ancestors = Mapping[EntityUid, Collection[EntityUid]]
"""All entities that have ancestors, actions of a schema among them, with all of these."""


@dataclass(frozen=True, slots=True)
class ScopeConstraint:
    """What a scope demands of one part of a request: all that is not `None`.

    The part is the entity `equal`, has the type `type`, and is one of `groups` or in one of them.
    """

    equal: EntityUid | None = None
    type: str | None = None
    groups: tuple[EntityUid, ...] | None = None

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> "ScopeConstraint":
        """Read the engine's JSON form of one part of a scope without slots."""
        match scope:
            case {"op": "All"}:
                return cls()
            case {"op": "==", "entity": entity}:
                return cls(equal=EntityUid(**entity))
            case {"op": "in", "entity": entity}:
                return cls(groups=_uids([entity]))
            case {"op": "in", "entities": entities}:
                return cls(groups=_uids(entities))
            case {"op": "is", "entity_type": kind, "in": {"entity": entity}}:
                return cls(type=kind, groups=_uids([entity]))
            case {"op": "is", "entity_type": kind} if "in" not in scope:
                return cls(type=kind)
            case _:
                raise ValueError(f"unknown scope: {scope}")


@dataclass(frozen=True, slots=True)
class ScopedPolicy:
    """A policy that can apply: with its text, the place of it or of its template, and its scope."""

    policy: NamedPolicy
    text: str
    at: SourceLocation
    principal: ScopeConstraint
    action: ScopeConstraint
    resource: ScopeConstraint


def _uids(entities: Iterable[Mapping[str, str]]) -> tuple[EntityUid, ...]:
    return tuple(EntityUid(**entity) for entity in entities)
