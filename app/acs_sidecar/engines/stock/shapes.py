"""Checks values against the shapes that members are declared with: the part of JSON Schema that these use."""

import re
from typing import Any

from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["fault"]

_TYPES: dict[str, tuple[str, Any]] = {
    "string": ("a string", str),
    "boolean": ("true or false", bool),
    "number": ("a number", int | float),
    "integer": ("an integer", int),
    "array": ("a list", list),
    "object": ("an object", dict),
}


def fault(value: Json, shape: JsonObject) -> str | None:
    """Return what a value must be and is not, `None` where it has the shape."""
    if "const" in shape and (
        value != shape["const"] or isinstance(value, bool) != isinstance(shape["const"], bool)
    ):
        return f"must be `{str(shape['const']).lower()}`"
    if isinstance(allowed := shape.get("enum"), list) and value not in allowed:
        return "must be one of " + ", ".join(f"`{each}`" for each in allowed)
    names = shape.get("type", [])
    listed = [str(name) for name in names] if isinstance(names, list) else [str(names)]
    if listed and not any(_is(value, name) for name in listed):
        return "must be " + " or ".join(_TYPES[name][0] for name in listed)
    return _bound(value, shape) or _inside(value, shape)


def _is(value: Json, name: str) -> bool:
    return isinstance(value, _TYPES[name][1]) and (name == "boolean" or not isinstance(value, bool))


def _bound(value: Json, shape: JsonObject) -> str | None:
    least, most = shape.get("minimum"), shape.get("maximum")
    if isinstance(value, int | float):
        if isinstance(least, int | float) and value < least:
            return f"must be at least {least}"
        if isinstance(most, int | float) and value > most:
            return f"must be at most {most}"
    if (
        isinstance(value, str)
        and isinstance(pattern := shape.get("pattern"), str)
        and not re.search(pattern, value)
    ):
        return "must not be blank"
    for length, word in (
        ("minLength", "be empty"),
        ("minItems", "be so short"),
        ("minProperties", "be empty"),
    ):
        if isinstance(value, str | list | dict) and length in shape and len(value) < int(str(shape[length])):
            return f"must not {word}"
    for length in ("maxItems", "maxProperties"):
        if isinstance(value, list | dict) and length in shape and len(value) > int(str(shape[length])):
            return f"must have at most {shape[length]} entries"
    return None


def _inside(value: Json, shape: JsonObject) -> str | None:
    if isinstance(value, list) and isinstance(items := shape.get("items"), dict):
        for item in value:
            if found := fault(item, items):
                return f"each entry {found}"
    if isinstance(value, dict):
        for name, member in value.items():
            if isinstance(names := shape.get("propertyNames"), dict) and (found := fault(name, names)):
                return f"each name {found}"
            if isinstance(values := shape.get("additionalProperties"), dict) and (
                found := fault(member, values)
            ):
                return f"each value {found}"
    return None
