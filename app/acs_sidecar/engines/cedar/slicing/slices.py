"""The policies whose scope a request meets: the engine is asked these, and not the others (section 1.7.1).

A policy whose scope does not hold neither determines a decision nor fails, so leaving it out changes
nothing. Which of the scopes with `in` and `is` hold is a question to the engine too, put once for each
entity that policies or entities name; all others of a type are alike.
"""

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.slicing.answers import NamedPolicy, PolicySlice
from acs_sidecar.engines.cedar.syntax import EntityUid
from acs_sidecar.engines.cedar.uids import EngineUid
from acs_sidecar.spec.canonical import canonical

__all__ = ["MAX_SLICED_CHARACTERS", "PolicySlices", "ScopedPolicy"]

MAX_SLICED_CHARACTERS = 2 * 1024 * 1024
"""Policy text in all slices of one policy set; the oldest slice makes room for a new one."""

_PARSING = 32
"""How much longer it takes to parse a policy than to ask it."""

_SLICE_CHARACTERS = 200
"""What a slice counts for besides its policies."""

_Scope = Mapping[str, Any]

_Met = tuple[int, ...]
"""The constraints of one part of the scopes that an entity meets, by their numbers."""


@dataclass(frozen=True, slots=True)
class ScopedPolicy:
    """One policy with its text, and its scope in the engine's JSON form."""

    policy: NamedPolicy
    text: str
    principal: _Scope
    action: _Scope
    resource: _Scope


class PolicySlices:
    """The slices of a policy set, each made for the first request that needs it."""

    def __init__(
        self,
        policies: Sequence[ScopedPolicy],
        whole: PolicySlice,
        entities: engine.Entities,
        grouped: Collection[EntityUid],
    ) -> None:
        """Number the constraints of the scopes; `grouped` are the entities that have ancestors."""
        self._policies = policies
        self._whole = whole
        self._room = MAX_SLICED_CHARACTERS
        self._slices: dict[tuple[_Met, _Met, _Met], PolicySlice] = {}
        self._sizes: dict[tuple[_Met, _Met, _Met], int] = {}
        self._making = threading.Lock()
        self._parts = (
            _Constraints("principal", [one.principal for one in policies], grouped, entities),
            _Constraints("action", [one.action for one in policies], grouped, entities),
            _Constraints("resource", [one.resource for one in policies], grouped, entities),
        )

    def applicable(self, principal: EngineUid, action: EngineUid, resource: EngineUid) -> PolicySlice:
        """Return all policies whose scope the request meets, and perhaps others."""
        principals, actions, resources = self._parts
        met = (principals.met_by(principal), actions.met_by(action), resources.met_by(resource))
        return self._slices.get(met) or self._made(met)

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
    """The distinct constraints that scopes put on one part of a request."""

    def __init__(
        self, part: str, scopes: Sequence[_Scope], grouped: Collection[EntityUid], entities: engine.Entities
    ) -> None:
        self._entities = entities
        self._positions: list[list[int]] = []
        self._unconditional: list[int] = []
        self._equal: dict[EntityUid, int] = {}
        self._asked: dict[str, _Scope] = {}
        numbers: dict[bytes, int] = {}
        self.numbers: list[int] = []
        """The constraint of each policy."""
        for position, scope in enumerate(scopes):
            number = numbers.setdefault(canonical(dict(scope)), len(numbers))
            if number == len(self._positions):
                self._positions.append([])
                self._add(number, scope)
            self._positions[number].append(position)
            self.numbers.append(number)
        self._types = {scope["entity_type"] for scope in self._asked.values() if "entity_type" in scope}
        self._named = {*self._equal, *(uid for scope in self._asked.values() for uid in _entities_of(scope))}
        self._named.update(grouped if self._asked else ())
        self._handle = engine.parse_scopes(part, self._asked)
        self._met: dict[EntityUid | str, _Met] = {}

    def met_by(self, uid: EngineUid) -> _Met:
        """Return the constraints that an entity meets."""
        entity = EntityUid(uid["type"], uid["id"])
        alike = entity if entity in self._named else entity.type if entity.type in self._types else ""
        met = self._met.get(alike)
        if met is None:
            met = self._met[alike] = tuple(sorted(self._meets(entity)))
        return met

    def positions(self, met: _Met) -> list[int]:
        """Return the policies with one of the constraints."""
        return list(chain.from_iterable(self._positions[number] for number in met))

    def _add(self, number: int, scope: _Scope) -> None:
        match scope:
            case {"op": "All"}:
                self._unconditional.append(number)
            case {"op": "==", "entity": {"type": kind, "id": name}}:
                self._equal[EntityUid(kind, name)] = number
            case _:
                self._asked[str(number)] = scope

    def _meets(self, entity: EntityUid) -> Iterator[int]:
        yield from self._unconditional
        if entity in self._equal:
            yield self._equal[entity]
        if self._asked:
            uid = entity._asdict()
            answer = engine.authorize(
                self._handle, self._entities, principal=uid, action=uid, resource=uid, context={}
            )
            undecided = answer["decision"] == "NoDecision"
            yield from map(int, self._asked if undecided else answer["diagnostics"]["reason"])


def _entities_of(scope: _Scope) -> Iterator[EntityUid]:
    """Yield the entities that `in` names."""
    inside = scope.get("in", scope)
    for uid in (inside.get("entity"), *inside.get("entities", ())):
        if uid is not None:
            yield EntityUid(uid["type"], uid["id"])
