"""`acs-sidecar mcp`: scan definitions of tools, pin them, and compare them with their pins (section 8.7)."""

import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import assert_never

import typer

from acs_sidecar.cli.numbers import number
from acs_sidecar.cli.output import fail, print_json, say
from acs_sidecar.cli.policies.sarif import sarif_log
from acs_sidecar.cli.user_files import read_user_file
from acs_sidecar.detectors.mcp_tool.detector import tools_detector
from acs_sidecar.detectors.mcp_tool.expected import NOTHING_EXPECTED
from acs_sidecar.detectors.mcp_tool.other_servers import other_tools
from acs_sidecar.detectors.tool_pins.definition_drift import CRITICAL, KINDS, tool_changes
from acs_sidecar.detectors.tool_pins.tool_lists import (
    PINS_SCHEMA,
    ToolListError,
    ToolServer,
    definitions_of,
    pins_of,
    read_tool_lists,
    servers_in_pins,
    tool_servers,
)
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.printable import printable, printable_json
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["mcp"]

mcp = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Scan, pin and compare definitions of MCP tools."
)
_FILES = typer.Argument(help="`tools/list` results, lists of definitions, or `{servers: {name: …}}`, in JSON")


class ToolScanFormat(StrEnum):
    """How `scan` tells what it finds."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


@mcp.command()
def scan(
    files: list[Path] = _FILES,
    threshold: float = typer.Option(
        0.5, min=0.0, max=1.0, callback=number, help="the score from which on a tool fails"
    ),
    output: ToolScanFormat = typer.Option(ToolScanFormat.TEXT, "--format", help="output format"),
) -> None:
    """Look for instructions, tricks and hidden text in definitions of tools, and compare the servers.

    Exits 1 when a server's definitions score at least the threshold, 2 when something could not be read.
    """
    listed = [(file, server, given) for file in files for server, given in _servers(file).items()]
    servers = [(server or str(file), given.tools) for file, server, given in listed]
    found: list[dict[str, Json]] = []
    for (file, server, given), others in zip(listed, other_tools(servers), strict=True):
        tools: list[Json] = [dict(tool) for tool in given.tools]
        detect = tools_detector(NOTHING_EXPECTED, others=others)
        said = detect({**given.beside, "tools": tools} if given.beside else tools)
        found.append({"file": str(file), "server": server, **said})
    match output:
        case ToolScanFormat.JSON:
            print_json(found)
        case ToolScanFormat.SARIF:
            print_json(sarif_log(_diagnostics(found, threshold)))
        case ToolScanFormat.TEXT:
            for one in _diagnostics(found, threshold):
                say(printable(f"{one.severity}  {one.source}{one.path}: {one.message}"))
            failing = sum(_score(one) >= threshold for one in found)
            say(f"{failing} of {len(found)} lists at or above {threshold:g}")
        case _:
            assert_never(output)
    if any(_score(one) >= threshold for one in found):
        raise typer.Exit(1)


@mcp.command()
def pin(
    files: list[Path] = _FILES,
    server: str | None = typer.Option(None, help="the name of the server, where the file names none"),
) -> None:
    """Print the pins of all definitions: what was looked at, and is to stay as it is.

    Example: `acs-sidecar mcp pin tools.json --server files > pins.json`
    """
    servers: dict[str, list[JsonObject]] = {}
    for file in files:
        for name, given in _servers(file).items():
            called = name or server or ""
            if not called:
                fail(f"{file}: names no server: give --server")
            if called in servers:
                fail(f"{file}: the server `{called}` is in two files")
            servers[called] = given.tools
    try:
        pins = pins_of(servers)
    except ToolListError as error:
        fail(str(error))
    sys.stdout.write(printable_json(canonical(pins).decode()) + "\n")


@mcp.command()
def diff(
    old: Path = typer.Argument(help="pins, or definitions"),
    new: Path = typer.Argument(help="pins, or definitions"),
    fail_on: list[str] = typer.Option([*CRITICAL], "--fail-on", help="kinds of change that fail"),
) -> None:
    """Compare definitions with those that were pinned. Exits 1 for a change of a kind that fails."""
    if unknown := [kind for kind in fail_on if kind not in KINDS]:
        fail(f"--fail-on: `{unknown[0]}` is no kind of change: {', '.join(KINDS)}")
    before, after = _definitions(old), _definitions(new)
    if len(before) == len(after) == 1 and "" in {*before, *after}:
        after = dict(zip(before, after.values(), strict=True))  # one of the files names no server
    failed = False
    for server in sorted({*before, *after}):
        for tool, kind in tool_changes(before.get(server, {}), after.get(server, {})):
            severity = "critical" if kind in CRITICAL else "warning"
            failed = failed or kind in fail_on
            say(printable(f"{severity}  {server or '-'}  {tool}  {kind}"))
    if failed:
        raise typer.Exit(1)


def _definitions(file: Path) -> dict[str, dict[str, JsonObject]]:
    value = _read(file)
    try:
        if isinstance(value, dict) and value.get("schema") == PINS_SCHEMA:
            return servers_in_pins(value)
        return {server: definitions_of(given.tools) for server, given in tool_servers(value).items()}
    except ToolListError as error:
        fail(f"{file}: {error}")


def _servers(file: Path) -> dict[str, ToolServer]:
    try:
        return tool_servers(_read(file))
    except ToolListError as error:
        fail(f"{file}: {error}")


def _read(file: Path) -> Json:
    try:
        return read_tool_lists(read_user_file(file))
    except ToolListError as error:
        fail(f"{file}: {error}")


def _score(found: dict[str, Json]) -> float:
    score = found["score"]
    return float(score) if isinstance(score, int | float) else 0.0


def _diagnostics(found: list[dict[str, Json]], threshold: float) -> list[Diagnostic]:
    """Return each finding once, at its file, server and path; errors for a server at the threshold."""
    listed: dict[Diagnostic, None] = {}
    for one in found:
        findings = one["findings"] if isinstance(one["findings"], list) else []
        for finding in findings:
            if isinstance(finding, dict):
                code = str(finding["category"]).replace("_", "-")
                place = f" {one['server'] or ''}{finding.get('path', '')}"
                message = f"characters {finding['start']} to {finding['end']}{_like(finding.get('other'))}"
                found_one = Diagnostic(code, f"{code}, {message}", place, source=str(one["file"]))
                listed[found_one if _score(one) >= threshold else replace(found_one, severity="warning")] = (
                    None
                )
    return [*listed]


def _like(other: Json) -> str:
    return f", as `{other['tool']}` of `{other['server']}`" if isinstance(other, dict) else ""
