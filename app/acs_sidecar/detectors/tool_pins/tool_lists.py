"""Lists of tool definitions as servers and hosts give them, and pins of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from acs_sidecar.spec.canonical import canonical, digest
from acs_sidecar.spec.document.duplicate_members import has_duplicate_members
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "PINS_SCHEMA",
    "ToolListError",
    "ToolServer",
    "definitions_of",
    "pins_of",
    "read_tool_lists",
    "servers_in_pins",
    "tool_servers",
]

PINS_SCHEMA = "acs-sidecar/pins/v1"
_ONE = ""
_OF_LISTS = frozenset({"id", "jsonrpc", "nextCursor", "result", "servers", "tools"})
"""Members of a list and of the reply with it that tell the model nothing."""


@dataclass(frozen=True, slots=True)
class ToolServer:
    """The definitions of a server's tools, and what it says beside them, such as its `instructions`."""

    tools: list[JsonObject]
    beside: JsonObject


class ToolListError(ValueError):
    """A document that is no list of tools, or no pins; the message says what is wrong with it."""


def read_tool_lists(content: bytes) -> Json:
    """Read a document of definitions or pins, as JSON with one reading. Raises `ToolListError`."""
    try:
        value: Json = orjson.loads(content)
        canonical(value)
    except orjson.JSONDecodeError:
        raise ToolListError("not JSON") from None
    except orjson.JSONEncodeError:
        raise ToolListError("nested too deep") from None
    if has_duplicate_members(content, value):
        raise ToolListError("names a member of an object twice")
    return value


def tool_servers(value: Json) -> dict[str, ToolServer]:
    """Return each server of a document; of one without names, the server `""`.

    It is a `tools/list` result, the reply with it, a list of definitions, or `{servers: {name: …}}`. Raises
    `ToolListError`, also for a document with two lists, or with none.
    """
    return {server: _server(listed, where) for server, where, listed in _listed(value)}


def _listed(value: Json) -> list[tuple[str, str, Json]]:
    """Return each server, how it is named in messages, and what is given of it."""
    if not isinstance(value, dict) or "servers" not in value:
        return [(_ONE, "the document", value)]
    _refuse_two(value, "the document")
    servers = value["servers"]
    if not isinstance(servers, dict) or not servers:
        raise ToolListError("`servers` must be an object of one server or more")
    return [(name, f"servers.{name}", listed) for name, listed in servers.items()]


def definitions_of(tools: list[JsonObject]) -> dict[str, JsonObject]:
    """Return definitions by name. Raises `ToolListError` for two of one name."""
    found: dict[str, JsonObject] = {}
    for tool in tools:
        name = str(tool["name"])
        if name in found:
            raise ToolListError(f"the tool `{name}` is listed twice")
        found[name] = tool
    return found


def pins_of(servers: Mapping[str, list[JsonObject]]) -> dict[str, Json]:
    """Return the pins of the tools of some servers. Raises `ToolListError`."""
    listed: dict[str, Json] = {}
    for server, tools in servers.items():
        named = definitions_of(tools)
        listed[server] = {
            name: {"digest": digest(dict(named[name])), "definition": dict(named[name])}
            for name in sorted(named)
        }
    return {"schema": PINS_SCHEMA, "servers": listed}


def servers_in_pins(value: Json) -> dict[str, dict[str, JsonObject]]:
    """Return the pinned definitions of each server, each held to its digest. Raises `ToolListError`."""
    if (
        not isinstance(value, dict)
        or value.get("schema") != PINS_SCHEMA
        or not isinstance(value.get("servers"), dict)
    ):
        raise ToolListError(
            f"is not a file of pins: `schema` must be `{PINS_SCHEMA}`, and `servers` an object"
        )
    servers = value["servers"]
    found: dict[str, dict[str, JsonObject]] = {}
    for server, tools in servers.items() if isinstance(servers, dict) else ():
        if not isinstance(tools, dict):
            raise ToolListError(f"`servers.{server}` must map names of tools to pins")
        found[server] = dict(_pinned(server, tools))
    return found


def _pinned(server: str, tools: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    for name, pin in tools.items():
        definition = pin.get("definition") if isinstance(pin, dict) else None
        if not isinstance(pin, dict) or not isinstance(definition, dict):
            raise ToolListError(f"the pin of `{name}` of server `{server}` must be `{{digest, definition}}`")
        if pin.get("digest") != digest(dict(definition)):
            raise ToolListError(
                f"the pin of `{name}` of server `{server}` has another digest than its definition"
            )
        yield name, definition


def _refuse_two(value: JsonObject, where: str) -> None:
    """Raise `ToolListError` where only one of two lists would be read."""
    if len(lists := sorted({"result", "servers", "tools"} & value.keys())) > 1:
        raise ToolListError(f"{where} has both `{lists[0]}` and `{lists[1]}`: leave one")


def _result(value: JsonObject, where: str) -> JsonObject:
    """Return what holds the tools: the object, or the result in a reply."""
    _refuse_two(value, where)
    result = value.get("result")
    if not isinstance(result, dict):
        return value
    _refuse_two(result, where)
    return result


def _server(value: Json, where: str) -> ToolServer:
    if not isinstance(value, dict):
        return ToolServer(_tools(value, where), {})
    whole = {**value, **_result(value, where)}
    beside = {name: told for name, told in whole.items() if name not in _OF_LISTS}
    return ToolServer(_tools(_result(value, where).get("tools"), where), beside)


def _tools(value: Json, where: str) -> list[JsonObject]:
    if not isinstance(value, list):
        raise ToolListError(
            f"{where} is no list of tools: give a `tools/list` result, a list, or `{{servers: …}}`"
        )
    for tool in value:
        if (
            not isinstance(tool, dict)
            or not isinstance(tool.get("name"), str)
            or not str(tool["name"]).strip()
        ):
            raise ToolListError(f"{where} has an entry without a `name`")
    return [tool for tool in value if isinstance(tool, dict)]
