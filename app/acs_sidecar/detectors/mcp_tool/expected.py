"""What a manifest's author knows of the tools: names, digests of definitions, or a file of pins (section 8.7)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from acs_sidecar.detectors.options import Options
from acs_sidecar.detectors.tool_pins.tool_lists import ToolListError, read_tool_lists, servers_in_pins
from acs_sidecar.spec.canonical import digest
from acs_sidecar.spec.document.suggestions import did_you_mean, one_of
from acs_sidecar.spec.values import JsonObject

__all__ = ["NOTHING_EXPECTED", "ExpectedTools", "pinned"]

_PIN = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ExpectedTools:
    """Names of other tools, as they are read; digests by name, if tools are pinned; definitions where known."""

    known: Mapping[str, str]
    pins: Mapping[str, str] | None
    definitions: Mapping[str, JsonObject]


NOTHING_EXPECTED = ExpectedTools({}, None, {})


def pinned(options: Options) -> tuple[dict[str, str] | None, dict[str, JsonObject]]:
    """Read `pins`, or `pins_file` with `server`: name → digest, `None` without either, and name → definition."""
    pins = options.member("pins")
    if options.is_given("pins_file"):
        if pins is not None:
            options.wrong("pins_file", "excludes `pins`: one of them")
        definitions = _of_server(options)
        return {name: digest(one) for name, one in definitions.items()}, definitions
    if options.is_given("server"):
        options.wrong("server", "says whose pins of `pins_file`: give that")
    if pins is None:
        return None, {}
    if not isinstance(pins, dict) or not all(
        isinstance(pin, str) and _PIN.fullmatch(pin) for pin in pins.values()
    ):
        options.wrong("pins", "must map tool names to `sha256:` and 64 hexadecimal digits")
        return None, {}
    return {name: str(pin) for name, pin in pins.items()}, {}


def _of_server(options: Options) -> dict[str, JsonObject]:
    """Return the pinned definitions of the server that is meant, by name."""
    server = options.text("server")
    content = options.file("pins_file")
    if content is None:
        return {}
    try:
        servers = servers_in_pins(read_tool_lists(content))
    except ToolListError as error:
        options.wrong("pins_file", str(error))
        return {}
    if server is None and len(servers) == 1:
        return next(iter(servers.values()))
    if server is None:
        options.wrong("pins_file", f"has {len(servers)} servers: say in `server` whose pins are meant")
    elif server not in servers:
        near = did_you_mean(server, servers)
        options.wrong("server", f"`{server}` is not in `pins_file`{near}; {one_of(servers)}")
    return servers.get(server or "", {})
