"""`json.match_schema` and `json.verify_schema` for what the validators read as OPA does.

The engine's own `json.match_schema` compiles a schema at each call; the same validator is kept here.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import orjson

from acs_sidecar.engines.rego.extensions.native import answer_to
from acs_sidecar.spec.values import Json, JsonObject

if TYPE_CHECKING:
    from jsonschema_rs import Validator

__all__ = ["match_schema", "verify_schema"]

_IN_PLACE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else"})
"""Members whose schemas hold for the same value."""
_NAMES = frozenset({"properties", "patternProperties", "definitions", "$defs", "dependencies"})
"""Members whose members are named by the schema's author."""
_VALUES = frozenset({"const", "default", "enum", "examples"})
_MAX_STEPS = 10_000
_REMEMBERED_SIZE = 65_536


def match_schema(document: Json, schema: Json) -> Json:
    """Return whether a document is what the schema says, and one error of what is wrong with it."""
    validator, checked = _validator(schema), _value(document)
    if not isinstance(checked, dict) and not isinstance(document, str):
        raise TypeError("neither an object nor a text")
    if validator.is_valid(checked):
        return [True, []]
    problem = next(error.message for error in validator.iter_errors(checked))
    return [False, [{"desc": problem, "error": problem, "field": "(Root)", "type": "schema"}]]


def verify_schema(schema: Json) -> Json:
    """Return whether a value is a schema, and what is wrong with it."""
    written = orjson.dumps(_read(_written(schema)))
    try:
        answered = answer_to("verified", b'{"schema":%b}' % written)
    except RuntimeError:
        return [False, "jsonschema: not a schema"]
    return answered if isinstance(answered, list) else []


def _value(given: Json) -> Json:
    """Return a value, or what a text says in the numbers of the engine: `1.0` is the integer 1."""
    return answer_to("given", given.encode()) if isinstance(given, str) else given


def _validator(schema: Json) -> "Validator":
    """Return the validator of a schema, once it is checked."""
    written = _written(schema)
    return (_remembered if len(written) <= _REMEMBERED_SIZE else _compiled)(written)


def _written(schema: Json) -> str | bytes:
    return schema if isinstance(schema, str) else orjson.dumps(schema)


def _read(written: str | bytes) -> JsonObject:
    return _checked(_value(written) if isinstance(written, str) else orjson.loads(written))


def _compiled(written: str | bytes) -> "Validator":
    from jsonschema_rs import validator_for  # noqa: PLC0415  # 6 MiB that most policies do without

    return validator_for(dict(_read(written)), retriever=_unreachable)


_remembered = lru_cache(64)(_compiled)


def _unreachable(address: str) -> Json:
    """Fetch nothing: a schema may refer to its own parts alone."""
    raise LookupError(address)


def _checked(schema: Json) -> JsonObject:
    """Return a schema. Raises for `format`, which only OPA asserts, and for references that never end."""
    if not isinstance(schema, dict):
        raise TypeError("not an object")
    steps = 0
    pending: list[Json] = [dict(schema)]
    while pending:
        node = pending.pop()
        steps += 1
        if steps > _MAX_STEPS:
            raise ValueError("a schema with too many parts")
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            if "format" in node:
                raise ValueError("`format` is not asserted here: use `pattern`")
            if "$ref" in node:
                _follow(node, schema)
            for name, member in node.items():
                if name in _NAMES and isinstance(member, dict):
                    pending.extend(member.values())
                elif name not in _VALUES:
                    pending.append(member)
    return schema


def _follow(start: Mapping[str, Json], schema: Json) -> None:
    """Follow the references that hold for the same value, and refuse what comes back or leaves the schema."""
    steps = 0
    pending: list[tuple[Json, frozenset[str]]] = [(dict(start), frozenset())]
    while pending:
        node, seen = pending.pop()
        steps += 1
        if steps > _MAX_STEPS:
            raise ValueError("a schema whose references branch too often")
        if not isinstance(node, dict):
            continue
        reference = node.get("$ref")
        if isinstance(reference, str):
            if reference in seen:
                raise ValueError("a schema that refers to itself for the same value")
            pending.append((_target(reference, schema), seen | {reference}))
        pending.extend((part, seen) for part in _in_place(node))


def _in_place(node: Mapping[str, Json]) -> Iterator[Json]:
    for name in _IN_PLACE & node.keys():
        member = node[name]
        yield from member if isinstance(member, list) else [member]


def _target(reference: str, schema: Json) -> Json:
    if not reference.startswith("#"):
        raise ValueError("a schema may refer to its own parts alone")
    value = schema
    for escaped in reference[1:].split("/")[1:]:
        name = escaped.replace("~1", "/").replace("~0", "~")
        if not isinstance(value, dict) or name not in value:
            raise ValueError("a reference of a schema leads to nothing")
        value = value[name]
    return value
