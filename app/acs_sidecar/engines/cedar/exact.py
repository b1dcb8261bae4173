"""Request data held against a schema that converts nothing (section 6.5).

An integral number is a `Long`, any other a `decimal`, whatever is declared; what is not declared fails.
"""

from collections.abc import Mapping

from acs_sidecar.engines.cedar.schema.declarations import Schema
from acs_sidecar.engines.cedar.schema.types import (
    DECIMAL,
    EntityType,
    Extension,
    Primitive,
    RecordType,
    SetOf,
    Type,
)
from acs_sidecar.engines.cedar.values import Convert, plain, unfit
from acs_sidecar.spec.values import Json

__all__ = ["exactly"]


def exactly(schema: Schema, kind: Type, place: str = "context") -> Convert:
    """Return the converter of a value that must be of the type `kind`, called `place` in failures."""
    match schema.resolve(kind):
        case RecordType(attributes):
            members = {name: exactly(schema, one.type, f"{place}.{name}") for name, one in attributes.items()}
            required = frozenset(name for name, one in attributes.items() if one.required)
            return _record(members, required, place)
        case SetOf(element):
            return _set(exactly(schema, element, f"an item of {place}"), place)
        case Primitive() as primitive:
            return _scalar(primitive.value, place)
        case Extension() | EntityType() as other:
            return _scalar(other.name, place)
        case unknown:
            raise TypeError(f"{unknown} is not a resolved type")


def _record(members: Mapping[str, Convert], required: frozenset[str], place: str) -> Convert:
    declared = f"it declares {', '.join(f'`{name}`' for name in sorted(members)) or 'none'}"

    def convert(value: Json) -> Json:
        if not isinstance(value, dict):
            raise unfit(f"`{place}` is not a record, as the schema declares")
        given = {name: inner for name, inner in value.items() if inner is not None}
        if missing := sorted(required - given.keys()):
            raise unfit(f"`{place}.{missing[0]}` is missing, which the schema requires")
        if given.keys() - members.keys():
            raise unfit(f"`{place}` has a member that the schema does not declare: {declared}")
        return {name: members[name](inner) for name, inner in given.items()}

    return convert


def _set(element: Convert, place: str) -> Convert:
    def convert(value: Json) -> Json:
        if not isinstance(value, list) or None in value:
            raise unfit(f"`{place}` is not a list without `null`, though the schema declares a set")
        return [element(inner) for inner in value]

    return convert


def _scalar(declared: str, place: str) -> Convert:
    def convert(value: Json) -> Json:
        if _type_of(value) != declared:
            raise unfit(f"`{place}` is not of the type `{declared}`, as the schema declares")
        return plain(value)

    return convert


def _type_of(value: Json) -> str | None:
    """Return the name of the Cedar type of a scalar."""
    match value:
        case bool():
            return Primitive.BOOLEAN
        case str():
            return Primitive.STRING
        case int():
            return Primitive.LONG
        case float():
            return Primitive.LONG if value.is_integer() else DECIMAL.name
        case _:
            return None
