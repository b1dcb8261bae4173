"""The policies whose scope a request meets: the engine is asked these, and not the others (section 1.7.1).

A policy whose scope does not hold neither determines a decision nor fails, so leaving it out changes
nothing. Which scopes hold is looked up once for each entity that policies name or that is in a group; all
others of a type are alike.
"""

import threading
from collections.abc import Iterator, Sequence
from itertools import chain

from acs_sidecar.engines.cedar.slicing.answers import PolicySlice
from acs_sidecar.engines.cedar.slicing.scopes import Ancestors, ScopeConstraint, ScopedPolicy
from acs_sidecar.engines.cedar.syntax import EntityUid
from acs_sidecar.engines.cedar.uids import EngineUid

__all__ = ["MAX_SLICED_CHARACTERS", "PolicySlices"]

MAX_SLICED_CHARACTERS = 2 * 1024 * 1024
"""Policy text in all slices of one policy set; the oldest slice makes room for a new one."""

_PARSING = 32
"""How much longer it takes to parse a policy than to ask it."""

_SLICE_CHARACTERS = 200
"""What a slice counts for besides its policies."""

_ANYTHING = ScopeConstraint()

_Met = tuple[int, ...]
"""The constraints of one part of the scopes that an entity meets, by their numbers."""


class PolicySlices:
    """The slices of a policy set, each made for the first request that needs it."""

    def __init__(self, policies: Sequence[ScopedPolicy], whole: PolicySlice, ancestors: Ancestors) -> None:
        self.ancestors = ancestors
        self._policies = policies
        self._whole = whole
        self._room = MAX_SLICED_CHARACTERS
        self._slices: dict[tuple[_Met, _Met, _Met], PolicySlice] = {}
        self._sizes: dict[tuple[_Met, _Met, _Met], int] = {}
        self._making = threading.Lock()
        self._parts = (
            _Constraints([one.principal for one in policies], ancestors),
            _Constraints([one.action for one in policies], ancestors),
            _Constraints([one.resource for one in policies], ancestors),
        )

    def applicable(self, principal: EngineUid, action: EngineUid, resource: EngineUid) -> PolicySlice:
        """Return all policies whose scope the request meets, and perhaps others."""
        met = self._met_by(principal, action, resource)
        return self._slices.get(met) or self._made(met)

    def meeting(self, principal: EngineUid, action: EngineUid, resource: EngineUid) -> list[ScopedPolicy]:
        """Return the policies whose scope the request meets, in their order."""
        return self._meeting(self._met_by(principal, action, resource))

    def _met_by(
        self, principal: EngineUid, action: EngineUid, resource: EngineUid
    ) -> tuple[_Met, _Met, _Met]:
        principals, actions, resources = self._parts
        return principals.met_by(principal), actions.met_by(action), resources.met_by(resource)

    def _made(self, met: tuple[_Met, _Met, _Met]) -> PolicySlice:
        with self._making:
            if met in self._slices:
                return self._slices[met]
            policies = self._meeting(met)
            if 2 * len(policies) > len(self._policies):
                return self._kept(met, self._whole, "")
            text = "\n".join(policy.text for policy in policies)
            room = len(text) + _SLICE_CHARACTERS <= self._room
            if not room and _PARSING * len(policies) > len(self._policies):
                return self._whole
            return self._kept(met, PolicySlice.of(text, [policy.policy for policy in policies]), text)

    def _kept(self, met: tuple[_Met, _Met, _Met], made: PolicySlice, text: str) -> PolicySlice:
        size = len(text) + _SLICE_CHARACTERS
        while self._sizes and size > self._room:
            oldest = next(iter(self._sizes))
            self._room += self._sizes.pop(oldest)
            del self._slices[oldest]
        if size <= self._room:
            self._room -= size
            self._sizes[met] = size
            self._slices[met] = made
        return made

    def _meeting(self, met: tuple[_Met, _Met, _Met]) -> list[ScopedPolicy]:
        """Return the policies of which every part of the scope is met, in their order."""
        parts = tuple(zip(self._parts, met, strict=True))
        candidates = sorted((part.positions(numbers) for part, numbers in parts), key=len)
        wanted = [(part.numbers, frozenset(numbers)) for part, numbers in parts]
        return [
            self._policies[position]
            for position in sorted(candidates[0])
            if all(numbers[position] in among for numbers, among in wanted)
        ]


class _Constraints:
    """The distinct constraints of scopes on one part of a request; `numbers` has that of each policy."""

    def __init__(self, constraints: Sequence[ScopeConstraint], ancestors: Ancestors) -> None:
        self._ancestors = ancestors
        numbers: dict[ScopeConstraint, int] = {}
        self.numbers = [numbers.setdefault(constraint, len(numbers)) for constraint in constraints]
        self._positions: list[list[int]] = [[] for _ in numbers]
        for position, number in enumerate(self.numbers):
            self._positions[number].append(position)
        self._always = tuple(number for constraint, number in numbers.items() if constraint == _ANYTHING)
        self._equal = {one.equal: number for one, number in numbers.items() if one.equal is not None}
        self._by_type_and_group: dict[tuple[str | None, EntityUid | None], list[int]] = {}
        for constraint, number in numbers.items():
            if constraint.type is not None or constraint.groups is not None:
                for group in (None,) if constraint.groups is None else constraint.groups:
                    self._by_type_and_group.setdefault((constraint.type, group), []).append(number)
        self._types = {kind for kind, _ in self._by_type_and_group}
        self._named = {*self._equal, *(group for _, group in self._by_type_and_group if group)}
        self._met: dict[tuple[str, str] | str, _Met] = {}

    def met_by(self, uid: EngineUid) -> _Met:
        """Return the constraints that an entity meets."""
        entity = kind, _ = uid["type"], uid["id"]  # equal to its `EntityUid`
        grouped = entity in self._named or entity in self._ancestors
        alike = entity if grouped else kind if kind in self._types else ""
        met = self._met.get(alike)
        if met is None:
            met = self._met[alike] = tuple(sorted({*self._always, *self._meets(EntityUid(*entity))}))
        return met

    def positions(self, met: _Met) -> list[int]:
        """Return the policies with one of the constraints."""
        return list(chain.from_iterable(self._positions[number] for number in met))

    def _meets(self, entity: EntityUid) -> Iterator[int]:
        if entity in self._equal:
            yield self._equal[entity]
        for group in (None, entity, *self._ancestors.get(entity, ())):
            for kind in (None, entity.type):
                yield from self._by_type_and_group.get((kind, group), ())
