"""Read a schema in Cedar's JSON form (section 1.7.1).

Takes what the decision needs and what could cost; that every member is known and every name exists is
the engine's to say.
"""

from collections.abc import Iterator

from acs_sidecar.engines.cedar.schema.declarations import (
    NESTED_TYPES,
    ActionDeclaration,
    EntityDeclaration,
    Schema,
    SchemaBoundError,
    qualified,
)
from acs_sidecar.engines.cedar.schema.types import (
    Attribute,
    Extension,
    Primitive,
    RecordType,
    SetOf,
    Type,
    TypeReference,
)
from acs_sidecar.engines.cedar.source import MAX_NESTING
from acs_sidecar.engines.cedar.syntax import EntityUid
from acs_sidecar.spec.values import Json, JsonObject, deeper_than

__all__ = ["SchemaShapeError", "read_schema_json"]

_PRIMITIVES = {"String": Primitive.STRING, "Long": Primitive.LONG, "Boolean": Primitive.BOOLEAN}


class SchemaShapeError(ValueError):
    """A JSON schema with a member of another type than it must have."""


def read_schema_json(value: JsonObject) -> Schema:
    """Read declarations. Raises `SchemaShapeError`, and `SchemaBoundError` for JSON nested too deep."""
    if deeper_than(dict(value), MAX_NESTING):
        raise SchemaBoundError(NESTED_TYPES)
    schema = Schema()
    for namespace, declared in value.items():
        members = _object(declared, "a namespace")
        for name, common in _members(members, "commonTypes"):
            schema.commons[qualified(name, namespace)] = _type(common, namespace)
        for name, entity in _members(members, "entityTypes"):
            schema.entities[qualified(name, namespace)] = _entity(entity, namespace)
        for name, action in _members(members, "actions"):
            uid = EntityUid(qualified("Action", namespace), name)
            schema.actions[uid] = _action(action, namespace)
    return schema


def _entity(declared: JsonObject, namespace: str) -> EntityDeclaration:
    if "enum" in declared:
        return EntityDeclaration(choices=frozenset(_texts(declared, "enum")))
    shape, tags = declared.get("shape"), declared.get("tags")
    return EntityDeclaration(
        RecordType({}) if shape is None else _type(_object(shape, "`shape`"), namespace),
        None if tags is None else _type(_object(tags, "`tags`"), namespace),
    )


def _action(declared: JsonObject, namespace: str) -> ActionDeclaration:
    applies_to = declared.get("appliesTo")
    if applies_to is None:
        return ActionDeclaration()
    applies = _object(applies_to, "`appliesTo`")
    context = applies.get("context")
    return ActionDeclaration(
        _entity_types(applies, "principalTypes", namespace),
        _entity_types(applies, "resourceTypes", namespace),
        RecordType({}) if context is None else _type(_object(context, "`context`"), namespace),
    )


def _entity_types(applies: JsonObject, member: str, namespace: str) -> tuple[TypeReference, ...]:
    return tuple(TypeReference(name, namespace, common=False) for name in _texts(applies, member))


def _type(declared: JsonObject, namespace: str) -> Type:
    kind = _text(declared, "type")
    match kind:
        case "String" | "Long" | "Boolean":
            return _PRIMITIVES[kind]
        case "Set":
            return SetOf(_type(_object(declared.get("element"), "`element`"), namespace))
        case "Record":
            return RecordType(
                {
                    name: Attribute(_type(attribute, namespace), attribute.get("required", True) is not False)
                    for name, attribute in _members(declared, "attributes")
                }
            )
        case "Entity":
            return TypeReference(_text(declared, "name"), namespace, common=False)
        case "EntityOrCommon":
            return TypeReference(_text(declared, "name"), namespace)
        case "Extension":
            return Extension(_text(declared, "name").removeprefix("__cedar::"))
        case _:
            return TypeReference(kind, namespace, entity=False)


def _members(parent: JsonObject, name: str) -> Iterator[tuple[str, JsonObject]]:
    for member, value in _object(parent.get(name, {}), f"`{name}`").items():
        yield member, _object(value, f"`{name}.{member}`")


def _object(value: Json, what: str) -> JsonObject:
    if not isinstance(value, dict):
        raise SchemaShapeError(f"{what} must be an object")
    return value


def _text(parent: JsonObject, name: str) -> str:
    value = parent.get(name)
    if not isinstance(value, str):
        raise SchemaShapeError(f"`{name}` must be a string")
    return value


def _texts(parent: JsonObject, name: str) -> tuple[str, ...]:
    values = parent.get(name)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise SchemaShapeError(f"`{name}` must be a list of strings")
    return tuple(str(value) for value in values)
