"""The types of a Cedar schema, as far as request data is concerned."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

__all__ = [
    "DECIMAL",
    "Attribute",
    "EntityType",
    "Extension",
    "Primitive",
    "RecordType",
    "SetOf",
    "Type",
    "TypeReference",
]


class Primitive(StrEnum):
    """A type whose values are JSON scalars."""

    STRING = "String"
    LONG = "Long"
    BOOLEAN = "Bool"


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension type: `decimal`, `ipaddr`, `datetime`, `duration`."""

    name: str


@dataclass(frozen=True, slots=True)
class EntityType:
    """An entity type by its full name."""

    name: str


@dataclass(frozen=True, slots=True)
class SetOf:
    """A set of one type."""

    element: "Type"


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a record."""

    type: "Type"
    required: bool


@dataclass(frozen=True, slots=True)
class RecordType:
    """A record with exactly these attributes."""

    attributes: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class TypeReference:
    """A name as written inside `namespace`, not yet looked up.

    `common` and `entity` tell what it may turn out to be.
    """

    name: str
    namespace: str
    common: bool = True
    entity: bool = True


Type: TypeAlias = Primitive | Extension | EntityType | SetOf | RecordType | TypeReference

DECIMAL = Extension("decimal")
