"""Policies whose scope no bound point can meet, so that they never apply (section 1.7.1)."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from acs_sidecar.engines.cedar.slicing.scopes import Ancestors, ScopeConstraint, ScopedPolicy
from acs_sidecar.engines.cedar.syntax import EntityUid
from acs_sidecar.engines.cedar.uids import FixedUid, ProjectedTool, UidSource
from acs_sidecar.engines.findings import warning
from acs_sidecar.spec.manifest.diagnostics import Diagnostic

__all__ = ["BoundRequest", "unreachable"]

_PARTS = ("action", "principal", "resource")


@dataclass(frozen=True, slots=True)
class BoundRequest:
    """Where the parts of the requests of one bound point come from."""

    principal: UidSource
    action: UidSource
    resource: UidSource


def unreachable(
    policies: Iterable[ScopedPolicy],
    bound: Sequence[BoundRequest],
    tools: Collection[str],
    ancestors: Ancestors,
) -> Iterator[Diagnostic]:
    """Yield a remark on each policy that no request of the `bound` points can meet.

    `tools` are those of the manifest, none where any name passes.
    """
    points = [{part: _possible(getattr(one, part), tools, ancestors) for part in _PARTS} for one in bound]
    for one in policies if points else ():
        if why := _why_never(one, points):
            message = f"policy `{one.policy.name}` never applies: {why}"
            yield warning("cedar-policy-unreachable", message, one.at)


@dataclass(frozen=True, slots=True)
class _Possible:
    """The entities that may be one part of the requests of a point: all of a type, or those named.

    `type` is `None` where any entity may be it. `above` are the ancestors of those that have some.
    """

    type: str | None
    named: frozenset[EntityUid] | None
    above: frozenset[EntityUid]

    def may_be(self, uid: EntityUid) -> bool:
        return self.may_have_type(uid.type) and (self.named is None or uid in self.named)

    def may_have_type(self, kind: str) -> bool:
        return self.type is None or kind == self.type

    def meets(self, constraint: ScopeConstraint) -> bool:
        """True if one of the entities may meet the constraint; one of any type may be in any group."""
        if constraint.type is not None and not self.may_have_type(constraint.type):
            return False
        if constraint.equal is not None and not self.may_be(constraint.equal):
            return False
        if constraint.groups is None or self.type is None:
            return True
        return any(self.may_be(group) or group in self.above for group in constraint.groups)

    def __str__(self) -> str:
        if self.named is None:
            return f"`{self.type}`"
        return ", ".join(f"`{uid}`" for uid in sorted(self.named))


def _possible(source: UidSource, tools: Collection[str], ancestors: Ancestors) -> _Possible:
    kind = source.known_type
    named = None
    if isinstance(source, FixedUid):
        named = frozenset({source.uid})
    elif isinstance(source, ProjectedTool) and tools:
        named = frozenset(EntityUid(source.known_type, name) for name in tools)
    above = (
        group
        for uid, groups in ancestors.items()
        if uid.type == kind and (named is None or uid in named)
        for group in groups
    )
    return _Possible(kind, named, frozenset(above))


def _why_never(policy: ScopedPolicy, points: Sequence[Mapping[str, _Possible]]) -> str | None:
    fitting = [{part: point[part].meets(getattr(policy, part)) for part in _PARTS} for point in points]
    if any(all(point.values()) for point in fitting):
        return None
    for part in _PARTS:
        if not any(point[part] for point in fitting):
            return _explained(part, getattr(policy, part), [point[part] for point in points])
    return "no bound point has its action, its principal and its resource together"


def _explained(part: str, constraint: ScopeConstraint, possible: Sequence[_Possible]) -> str:
    if part == "action":
        listed = ", ".join(sorted({str(one) for one in possible}))
        return f"no bound point asks for its action; asked for are {listed}"
    kind = constraint.equal.type if constraint.equal else constraint.type
    if kind and not any(one.may_have_type(kind) for one in possible):
        listed = ", ".join(sorted({f"`{one.type}`" for one in possible}))
        return f"no bound point has a {part} of the type `{kind}`; there are {listed}"
    if constraint.equal:
        return f"no bound point has the {part} `{constraint.equal}`"
    groups = ", ".join(f"`{group}`" for group in constraint.groups or ())
    return f"no {part} of a bound point is in {groups}"
