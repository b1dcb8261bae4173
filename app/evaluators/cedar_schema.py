"""A Cedar schema: what was declared, bounded before the engine sees it, and looked up afterwards.

The engine tells nothing about a schema that it has parsed, and it ends the process, or runs for
minutes, on a schema whose types nest deeply or expand to many. Both forms of a schema are
therefore read here as well (contract 1.7, 1.7.1).
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from app.evaluators.cedar_source import MAX_NESTING
from app.evaluators.cedar_syntax import EntityUid
from app.evaluators.cedar_types import (
    EntityType,
    Extension,
    Primitive,
    Record,
    Reference,
    SetOf,
    Type,
)

__all__ = [
    "MAX_DECLARATIONS",
    "MAX_SCHEMA_CHARACTERS",
    "MAX_SCHEMA_TYPES",
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


class SchemaBoundError(ValueError):
    """A schema that nests or expands beyond the bounds."""


@dataclass(frozen=True, slots=True)
class EntityDeclaration:
    """An entity type. `choices` are the ids of an enumerated one."""

    attributes: Type = field(default_factory=lambda: Record({}))
    tags: Type | None = None
    choices: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ActionDeclaration:
    """An action; one that applies to nothing has no principals and no resources."""

    principals: tuple[Reference, ...] = ()
    resources: tuple[Reference, ...] = ()
    context: Type = field(default_factory=lambda: Record({}))


@dataclass(frozen=True, slots=True)
class Schema:
    """The declarations of a schema by their full names."""

    commons: dict[str, Type] = field(default_factory=dict)
    entities: dict[str, EntityDeclaration] = field(default_factory=dict)
    actions: dict[EntityUid, ActionDeclaration] = field(default_factory=dict)

    def check_bounds(self) -> None:
        """Refuse what would crash or hang the engine. Raises `SchemaBoundError`."""
        references = {name: tuple(self._common_names(kind)) for name, kind in self.commons.items()}
        if chained_deeper_than(references, MAX_NESTING):
            raise SchemaBoundError(f"types nest deeper than {MAX_NESTING} levels, or without end")
        if max(len(self.entities), len(self.actions)) > MAX_DECLARATIONS:
            raise SchemaBoundError(f"more than {MAX_DECLARATIONS} entity types or actions are declared")
        self._check_size()

    def resolve(self, kind: Type) -> Type:
        """Look up a reference, and what it refers to in turn. Raises `KeyError` for an unknown name."""
        while isinstance(kind, Reference):
            kind = self._look_up(kind)
        return kind

    def entity_names(self, references: Iterable[Reference]) -> frozenset[str]:
        """Give the full names of the entity types that are referred to."""
        return frozenset(name for reference in references if (name := self._entity_name(reference)))

    def _look_up(self, reference: Reference) -> Type:
        for name in _candidates(reference):
            if reference.common and name in self.commons:
                return self.commons[name]
            if reference.entity and name in self.entities:
                return EntityType(name)
        return _BUILT_IN[reference.name.removeprefix("__cedar::")]

    def _entity_name(self, reference: Reference) -> str | None:
        return next((name for name in _candidates(reference) if name in self.entities), None)

    def _common_names(self, kind: Type) -> Iterator[str]:
        for part in _parts(kind):
            if isinstance(part, Reference) and part.common:
                for name in _candidates(part):
                    if name in self.commons:
                        yield name
                        break

    def _check_size(self) -> None:
        sizes: dict[str, int] = {}

        def size(kind: Type) -> int:
            total = sum(1 for _ in _parts(kind))
            for name in self._common_names(kind):
                if name not in sizes:
                    sizes[name] = size(self.commons[name])
                total += sizes[name]
            return total

        used = sum(size(kind) for kind in self.commons.values())
        for entity in self.entities.values():
            used += size(entity.attributes) + (size(entity.tags) if entity.tags else 0)
        used += sum(size(action.context) for action in self.actions.values())
        if used > MAX_SCHEMA_TYPES:
            raise SchemaBoundError(
                f"types expand to more than {MAX_SCHEMA_TYPES}, each common type counted where it is used"
            )


def chained_deeper_than(parents: Mapping[_K, Iterable[_K]], limit: int) -> bool:
    """Tell whether a chain from child to parent has more than `limit` members; a cycle has."""
    level = set(parents)
    for _ in range(limit):
        level = {parent for child in level for parent in parents.get(child, ())}
        if not level:
            return False
    return True


def qualified(name: str, namespace: str) -> str:
    """Give the full name of what is declared as `name` inside `namespace`."""
    return f"{namespace}::{name}" if namespace else name


def _candidates(reference: Reference) -> tuple[str, ...]:
    if not reference.namespace or "::" in reference.name:
        return (reference.name,)
    return (qualified(reference.name, reference.namespace), reference.name)


def _parts(kind: Type) -> Iterator[Type]:
    """Give a type and every type inside it as written, without looking anything up."""
    waiting = [kind]
    while waiting:
        part = waiting.pop()
        yield part
        match part:
            case SetOf(element):
                waiting.append(element)
            case Record(attributes):
                waiting.extend(attribute.type for attribute in attributes.values())
