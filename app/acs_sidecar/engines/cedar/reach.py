"""Policies whose scope no bound point can meet, so that they never apply (section 1.7.1)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acs_sidecar.engines.cedar.syntax import EntityUid
from acs_sidecar.engines.cedar.uids import FixedUid, ProjectedTool, UidSource
from acs_sidecar.engines.findings import SourceLocation, warning
from acs_sidecar.spec.manifest.diagnostics import Diagnostic

__all__ = ["BoundRequest", "PolicyScope", "unreachable"]


@dataclass(frozen=True, slots=True)
class PolicyScope:
    """The scope of one policy in the engine's JSON form, and the place of the policy."""

    name: str
    at: SourceLocation
    principal: Mapping[str, Any]
    action: Mapping[str, Any]
    resource: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BoundRequest:
    """Where the parts of the requests of one bound point come from."""

    principal: UidSource
    action: UidSource
    resource: UidSource


def unreachable(
    scopes: Sequence[PolicyScope], bound: Sequence[BoundRequest], tools: Collection[str], *, groups: bool
) -> Iterator[Diagnostic]:
    """Yield a remark on each policy that no request of the `bound` points can meet.

    `tools` are those of the manifest, none where any name passes; `groups` tells that actions may have
    parents, which makes `action in` a question to the engine.
    """
    for scope in scopes if bound else ():
        why = (
            _no_action(scope.action, bound, groups=groups)
            or _no_entity("principal", scope.principal, [one.principal for one in bound], tools)
            or _no_entity("resource", scope.resource, [one.resource for one in bound], tools)
        )
        if why:
            message = f"policy `{scope.name}` never applies: {why}"
            yield warning("cedar-policy-unreachable", message, scope.at)


def _no_action(action: Mapping[str, Any], bound: Sequence[BoundRequest], *, groups: bool) -> str | None:
    asked = {one.action.uid for one in bound if isinstance(one.action, FixedUid)}
    named = [
        EntityUid(one["type"], one["id"]) for one in action.get("entities", [action.get("entity")]) if one
    ]
    dynamic = any(not isinstance(one.action, FixedUid) for one in bound)
    if not named or dynamic or (action["op"] == "in" and groups) or not asked.isdisjoint(named):
        return None
    listed = ", ".join(f"`{uid}`" for uid in sorted(asked))
    return f"no bound point asks for its action; asked for are {listed}"


def _no_entity(
    part: str, scope: Mapping[str, Any], sources: Sequence[UidSource], tools: Collection[str]
) -> str | None:
    entity = scope.get("entity") if scope["op"] == "==" else None
    kind = entity["type"] if entity else scope.get("entity_type")
    types = {source.known_type for source in sources}
    if kind is None or None in types:
        return None
    if kind not in types:
        listed = ", ".join(f"`{name}`" for name in sorted(name for name in types if name))
        return f"no bound point has a {part} of the type `{kind}`; there are {listed}"
    if entity is None or not all(_never(source, entity, tools) for source in sources):
        return None
    return f"no bound point has the {part} `{EntityUid(entity['type'], entity['id'])}`"


def _never(source: UidSource, entity: Mapping[str, str], tools: Collection[str]) -> bool:
    if isinstance(source, ProjectedTool):
        return source.known_type != entity["type"] or (bool(tools) and entity["id"] not in tools)
    if isinstance(source, FixedUid):
        return source.uid != (entity["type"], entity["id"])
    return source.known_type not in (None, entity["type"])
