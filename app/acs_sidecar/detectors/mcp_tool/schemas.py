"""What the schema of a tool's input asks for: parameters that steer the call, and objects that may hold anything."""

import re
from collections.abc import Iterator

from acs_sidecar.detectors.findings import Finding
from acs_sidecar.detectors.folding import fold
from acs_sidecar.detectors.texts import Place, path_text
from acs_sidecar.spec.values import Json

__all__ = ["input_names", "schema_findings"]

_INPUT = ("inputSchema", "input_schema", "parameters")
_STEERING = frozenset(("eval", "exec", "instructions", "override"))
_CALLED = frozenset(("callbackurl", "targeturl", "webhook"))
_CALLS = re.compile(
    r"\b(?:call(?:s|ed|ing)?|call ?backs?|webhooks?|notif(?:y|ies|ied|ication|ications)|posts?|posted|deliver(?:s|ed)?|sen[dt]s?|push(?:es|ed)?"
    r"|fetch(?:es|ed)?|requests?|requested|invokes?|invoked|pings?|pinged|visits?|opens?|loads?|crawls?|scrapes?|navigates?|downloads?|checks?|probes?)\b",
    re.IGNORECASE,
)
_SEPARATORS = re.compile(r"[-_. ]+")
_OF_NAMES = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_OF_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_OF_SCHEMAS = ("items", "additionalProperties", "not", "if", "then", "else", "contains")
_CLOSING = (
    "$ref",
    "allOf",
    "anyOf",
    "const",
    "enum",
    "oneOf",
    "patternProperties",
    "properties",
    "propertyNames",
)


def _input_schema(tool: dict[str, Json]) -> tuple[Place, dict[str, Json]] | None:
    """Return the schema of a tool's input and its place in the definition."""
    holders: list[tuple[Place, Json]] = [(None, tool), ((None, "function"), tool.get("function"))]
    for place, holder in holders:
        for member in _INPUT:
            schema = holder.get(member) if isinstance(holder, dict) else None
            if isinstance(schema, dict):
                return (place, member), schema
    return None


def input_names(tool: dict[str, Json]) -> Iterator[str]:
    """Yield the name of a tool and those of its parameters."""
    function = tool.get("function")
    for named in (tool, function):
        if isinstance(named, dict) and isinstance(name := named.get("name"), str):
            yield name
    whole = _input_schema(tool)
    properties = whole[1].get("properties") if whole else None
    if isinstance(properties, dict):
        yield from properties


def schema_findings(path: str, tool: dict[str, Json]) -> Iterator[Finding]:
    """Find parameters that a tool must not require, and object schemas that allow anything.

    A finding is at the name of the parameter, or at the name of the member that holds the schema.
    """
    whole = _input_schema(tool)
    if whole is None:
        return
    function = tool.get("function")
    calls = any(_tells_calls(each) for each in (tool, function))
    pending = [whole]
    while pending:
        place, schema = pending.pop()
        if _is_open(schema):
            yield _at(path, place, "open_schema", 0.1)
        for name, parameter in _required(schema):
            if score := _score(name, calls=calls or _tells_calls(parameter)):
                yield _at(path, ((place, "properties"), name), "schema_trick", score)
        pending.extend(_inner(place, schema))


def _at(path: str, place: Place, category: str, score: float) -> Finding:
    key = place[1] if place else 0
    length = len(key) if isinstance(key, str) else 0
    return 0, length, category, score, path + path_text(place), bool(length)


def _required(schema: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    required, properties = schema.get("required"), schema.get("properties")
    if isinstance(required, list) and isinstance(properties, dict):
        for name in {name: None for name in required if isinstance(name, str)}:
            if name in properties:
                yield name, properties[name]


def _score(name: str, *, calls: bool) -> float:
    plain = name.casefold() if name.isascii() else fold(name).text
    plain = _SEPARATORS.sub("", plain)
    if plain in _STEERING:
        return 0.5
    if plain in _CALLED:
        return 0.3 if calls else 0.5
    return 0


def _tells_calls(described: Json) -> bool:
    """True if a description says that something is called or fetched."""
    description = described.get("description") if isinstance(described, dict) else None
    return isinstance(description, str) and bool(_CALLS.search(description))


def _is_open(schema: dict[str, Json]) -> bool:
    """True if an object schema takes members that nobody described."""
    kind, more = schema.get("type"), schema.get("additionalProperties")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        return False
    if "additionalProperties" in schema:
        return more is True or more == {}
    return not any(member in schema for member in _CLOSING)


def _inner(place: Place, schema: dict[str, Json]) -> Iterator[tuple[Place, dict[str, Json]]]:
    """Yield the schemas one level below."""
    for member in _OF_NAMES:
        named = schema.get(member)
        for name, inner in named.items() if isinstance(named, dict) else ():
            if isinstance(inner, dict):
                yield ((place, member), name), inner
    for member in _OF_LISTS:
        listed = schema.get(member)
        for index, inner in enumerate(listed) if isinstance(listed, list) else ():
            if isinstance(inner, dict):
                yield ((place, member), index), inner
    for member in _OF_SCHEMAS:
        inner = schema.get(member)
        if isinstance(inner, dict):
            yield (place, member), inner
