"""Request data against the types that a schema declares (section 1.7.1).

Every declared attribute is checked here as the engine would check it, and only then are those given on
that policies read. Text becomes an extension value where the schema declares that type, and nowhere else;
data never becomes an entity.
"""

from collections.abc import Callable

from acs_sidecar.engines.cedar.reads import Reads
from acs_sidecar.engines.cedar.schema.declarations import Schema
from acs_sidecar.engines.cedar.schema.extension_texts import EXTENSION_TEXTS, ExtensionTextError
from acs_sidecar.engines.cedar.schema.types import (
    DECIMAL,
    EntityType,
    Extension,
    Primitive,
    RecordType,
    SetOf,
    Type,
)
from acs_sidecar.engines.cedar.values import (
    Convert,
    decimal_number,
    extension,
    long_number,
    plain,
    unfit,
)
from acs_sidecar.spec.values import Json

__all__ = ["declared"]


def declared(schema: Schema, kind: Type, reads: Reads, place: str = "context") -> Convert:
    """Return the converter of a value of type `kind`, called `place` in failures."""
    match schema.resolve(kind):
        case RecordType() as record:
            return _record(schema, record, reads, place)
        case SetOf(element):
            return _set(declared(schema, element, Reads(whole=True), f"an item of {place}"), place)
        case Primitive() as primitive:
            return _primitive(primitive, place)
        case Extension() as declared_extension:
            return _extension(declared_extension, place)
        case EntityType(name):
            return _entity(name, place)
        case unknown:
            raise TypeError(f"{unknown} is not a resolved type")


def _record(schema: Schema, record: RecordType, reads: Reads, place: str) -> Convert:
    entries = tuple(
        (
            name,
            declared(schema, attribute.type, reads.at(name), f"{place}.{name}"),
            attribute.required,
            reads.whole or name in reads.members,
        )
        for name, attribute in record.attributes.items()
    )

    def convert(value: Json) -> Json:
        if not isinstance(value, dict):
            raise unfit(f"`{place}` is not a record, as the schema declares")
        taken: dict[str, Json] = {}
        for name, attribute, required, read in entries:
            inner = value.get(name)
            if inner is None:
                if required:
                    raise unfit(f"`{place}.{name}` is missing, which the schema requires")
                continue
            converted = attribute(inner)
            if read:
                taken[name] = converted
        return taken

    return convert


def _set(element: Convert, place: str) -> Convert:
    def convert(value: Json) -> Json:
        if not isinstance(value, list):
            raise unfit(f"`{place}` is not a list, though the schema declares a set")
        if None in value:
            raise unfit(f"`{place}` holds `null`")
        return [element(inner) for inner in value]

    return convert


def _primitive(primitive: Primitive, place: str) -> Convert:
    if primitive is Primitive.LONG:
        return _long(place)
    wanted = {Primitive.STRING: str, Primitive.BOOLEAN: bool}[primitive]

    def convert(value: Json) -> Json:
        if type(value) is not wanted:
            raise unfit(f"`{place}` is not of the type `{primitive}`, as the schema declares")
        return plain(value)

    return convert


def _long(place: str) -> Convert:
    def convert(value: Json) -> Json:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise unfit(f"`{place}` is not of the type `Long`, as the schema declares")
        return long_number(value)

    return convert


def _extension(kind: Extension, place: str) -> Convert:
    name = kind.name
    constructor = {"ipaddr": "ip"}.get(name, name)
    read = EXTENSION_TEXTS[name]
    wanted = "a number or text" if kind == DECIMAL else "text"

    def convert(value: Json) -> Json:
        if isinstance(value, str):
            return extension(constructor, _read(read, value, name, place))
        if kind == DECIMAL and isinstance(value, int | float) and not isinstance(value, bool):
            return decimal_number(value)
        raise unfit(f"`{place}` is not {wanted}, though the schema declares a `{name}`")

    return convert


def _read(read: Callable[[str], str], text: str, name: str, place: str) -> str:
    try:
        return read(text)
    except ExtensionTextError as error:
        raise unfit(f"`{place}` is not {error}, though the schema declares a `{name}`") from None


def _entity(name: str, place: str) -> Convert:
    def convert(_value: Json) -> Json:
        raise unfit(f"`{place}` has the entity type `{name}` in the schema, which request data cannot fill")

    return convert
