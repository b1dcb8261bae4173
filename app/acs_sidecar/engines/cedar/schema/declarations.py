"""A Cedar schema: what was declared, bounded before the engine sees it, and looked up afterwards.

The engine tells nothing about a schema that it has parsed, and it ends the process, or runs for
minutes, on a schema whose types nest deeply or expand to many. Both forms of a schema are
therefore read here as well (sections 1.7, 1.7.1).
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from acs_sidecar.engines.cedar.schema.types import (
    EntityType,
    Extension,
    Primitive,
    RecordType,
    SetOf,
    Type,
    TypeReference,
)
from acs_sidecar.engines.cedar.source import MAX_NESTING
from acs_sidecar.engines.cedar.syntax import EntityUid

__all__ = [
    "MAX_DECLARATIONS",
    "MAX_SCHEMA_CHARACTERS",
    "MAX_SCHEMA_TYPES",
    "NESTED_TYPES",
    "ActionDeclaration",
    "EntityDeclaration",
    "Schema",
    "SchemaBoundError",
    "chained_deeper_than",
    "qualified",
]

MAX_SCHEMA_CHARACTERS = 1024 * 1024
MAX_DECLARATIONS = 1_000
"""Entity types, and actions: the engine's time grows with the cube of a hierarchy's length."""

MAX_SCHEMA_TYPES = 20_000
"""Types in a schema, each common type counted as often as it is used."""

_K = TypeVar("_K", bound=Hashable)

_BUILT_IN: Mapping[str, Type] = {
    **{primitive.value: primitive for primitive in Primitive},
    **{name: Extension(name) for name in ("decimal", "ipaddr", "datetime", "duration")},
}


NESTED_TYPES = f"types nest deeper than {MAX_NESTING} levels, or without end"


class SchemaBoundError(ValueError):
    """A schema that nests or expands beyond the bounds."""


@dataclass(frozen=True, slots=True)
class EntityDeclaration:
    """An entity type. `choices` are the ids of an enumerated one."""

    attributes: Type = field(default_factory=lambda: RecordType({}))
    tags: Type | None = None
    choices: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ActionDeclaration:
    """An action; one that applies to nothing has no principals and no resources."""

    principals: tuple[TypeReference, ...] = ()
    resources: tuple[TypeReference, ...] = ()
    context: Type = field(default_factory=lambda: RecordType({}))


@dataclass(frozen=True, slots=True)
class Schema:
    """The declarations of a schema by their full names."""

    commons: dict[str, Type] = field(default_factory=dict)
    entities: dict[str, EntityDeclaration] = field(default_factory=dict)
    actions: dict[EntityUid, ActionDeclaration] = field(default_factory=dict)

    def check_bounds(self) -> None:
        """Refuse what would crash or hang the engine. Raises `SchemaBoundError`."""
        if max(len(self.entities), len(self.actions)) > MAX_DECLARATIONS:
            raise SchemaBoundError(f"more than {MAX_DECLARATIONS} entity types or actions are declared")
        measure = _Measure(self)
        if sum(measure.size(kind) for kind in self._declared_types()) > MAX_SCHEMA_TYPES:
            raise SchemaBoundError(
                f"types expand to more than {MAX_SCHEMA_TYPES}, each common type counted where it is used"
            )

    def environments(self) -> int:
        """Count the combinations of action, principal type and resource type; the engine tries each."""
        return sum(
            len(self.entity_names(action.principals)) * len(self.entity_names(action.resources))
            for action in self.actions.values()
        )

    def common_name(self, reference: TypeReference) -> str | None:
        """Return the full name of the common type that is referred to, if it is one."""
        if not reference.common:
            return None
        return next((name for name in _candidates(reference) if name in self.commons), None)

    def resolve(self, kind: Type) -> Type:
        """Look up a reference, and what it refers to in turn. Raises `KeyError` for an unknown name."""
        while isinstance(kind, TypeReference):
            kind = self._look_up(kind)
        return kind

    def entity_names(self, references: Iterable[TypeReference]) -> frozenset[str]:
        """Return the full names of the entity types that are referred to."""
        return frozenset(name for reference in references if (name := self._entity_name(reference)))

    def _look_up(self, reference: TypeReference) -> Type:
        for name in _candidates(reference):
            if reference.common and name in self.commons:
                return self.commons[name]
            if reference.entity and name in self.entities:
                return EntityType(name)
        return _BUILT_IN[reference.name.removeprefix("__cedar::")]

    def _entity_name(self, reference: TypeReference) -> str | None:
        return next((name for name in _candidates(reference) if name in self.entities), None)

    def _declared_types(self) -> Iterator[Type]:
        yield from self.commons.values()
        for entity in self.entities.values():
            yield entity.attributes
            if entity.tags is not None:
                yield entity.tags
        for action in self.actions.values():
            yield action.context


class _Measure:
    """How high types are, and how many they expand to, each common type measured once."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._commons: dict[str, tuple[int, int]] = {}

    def size(self, kind: Type) -> int:
        """Count the types that `kind` expands to. Raises `SchemaBoundError` for one that is too high."""
        return self._measured(kind, MAX_NESTING)[1]

    def _measured(self, kind: Type, room: int) -> tuple[int, int]:
        if room == 0:
            raise SchemaBoundError(NESTED_TYPES)
        inner = [self._measured(part, room - 1) for part in _parts(kind)]
        if isinstance(kind, TypeReference) and (name := self._schema.common_name(kind)):
            if name not in self._commons:
                self._commons[name] = self._measured(self._schema.commons[name], room - 1)
            inner = [self._commons[name]]
        height = 1 + max((height for height, _ in inner), default=0)
        if height > room:
            raise SchemaBoundError(NESTED_TYPES)
        return height, 1 + sum(size for _, size in inner)


def chained_deeper_than(parents: Mapping[_K, Iterable[_K]], limit: int) -> bool:
    """True if a chain from child to parent has more than `limit` members; a cycle has."""
    level = set(parents)
    for _ in range(limit):
        level = {parent for child in level for parent in parents.get(child, ())}
        if not level:
            return False
    return True


def qualified(name: str, namespace: str) -> str:
    """Return the full name of what is declared as `name` inside `namespace`."""
    return f"{namespace}::{name}" if namespace else name


def _candidates(reference: TypeReference) -> tuple[str, ...]:
    if not reference.namespace or "::" in reference.name:
        return (reference.name,)
    return (qualified(reference.name, reference.namespace), reference.name)


def _parts(kind: Type) -> Iterable[Type]:
    match kind:
        case SetOf(element):
            return (element,)
        case RecordType(attributes):
            return (attribute.type for attribute in attributes.values())
        case _:
            return ()
