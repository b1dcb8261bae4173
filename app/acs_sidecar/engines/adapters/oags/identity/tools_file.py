"""The file of an agent's tools: their names, and which of them have a schema (section 9.6)."""

from collections.abc import Iterator, Mapping

from acs_sidecar.engines.adapters.oags.identity.hashing import parse_tools
from acs_sidecar.spec.values import Json

__all__ = ["listed_tools"]

_SCHEMAS = ("parameters", "input_schema", "inputSchema", "schema")


def listed_tools(text: str) -> Mapping[str, bool]:
    """Return the tools that a JSON text lists, and whether each has a schema; none for another text.

    A tool is an object with a `name`, or one in the member `function` of an object. A name with `*` is left
    out, for it would stand for others. Raises `IdentityInputError`.
    """
    value, is_json = parse_tools(text)
    if isinstance(value, dict):
        value = value.get("tools")
    if not is_json or not isinstance(value, list):
        return {}
    return dict(_entries(value))


def _entries(tools: list[Json]) -> Iterator[tuple[str, bool]]:
    for tool in tools:
        if not isinstance(tool, dict):
            continue
        inner = tool.get("function")
        described = inner if isinstance(inner, dict) else tool
        name = described.get("name")
        if isinstance(name, str) and name and "*" not in name:
            yield name, any(isinstance(described.get(member), dict) for member in _SCHEMAS)
