"""Definitions of eight public MCP servers, of which none may be flagged (section 8.6): `make mcp-servers` runs it.

The servers are installed into an environment of their own, started, and asked for their tools. Nothing of them is kept.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from acs_sidecar.cli import cli
from acs_sidecar.detectors.registry import build_detector
from tests.clients.typescript.node import BIN
from tests.conftest import ROOT

__all__ = ["ENVIRONMENT", "SERVERS", "flagged", "list_tools", "scan"]

ENVIRONMENT = Path(os.environ.get("MCP_SERVERS", ROOT / ".cache" / "mcp-servers")).absolute()
_PYPI = ENVIRONMENT / "bin"
_NPM = ENVIRONMENT / "node_modules" / ".bin"
SERVERS: dict[str, tuple[str | Path, ...]] = {
    "everything": (_NPM / "mcp-server-everything",),
    "filesystem": (_NPM / "mcp-server-filesystem", "."),
    "memory": (_NPM / "mcp-server-memory",),
    "sequential-thinking": (_NPM / "mcp-server-sequential-thinking",),
    "time": (_PYPI / "mcp-server-time",),
    "git": (_PYPI / "mcp-server-git",),
    "fetch": (_PYPI / "mcp-server-fetch",),
    "playwright": (_NPM / "playwright-mcp",),
}
_WAIT_S = 60
_INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "acs-sidecar", "version": "1"},
}


def list_tools(command: tuple[str | Path, ...], folder: Path) -> list[Any]:
    """Start a server in `folder` and return all pages of its `tools/list`."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            _call(server, 0, "initialize", _INITIALIZE)
            _send(server, {"jsonrpc": "2.0", "method": "notifications/initialized"})
            page = _call(server, 1, "tools/list", {})
            tools = [*page["tools"]]
            while cursor := page.get("nextCursor"):
                page = _call(server, len(tools) + 1, "tools/list", {"cursor": cursor})
                tools += page["tools"]
            return tools
        finally:
            server.kill()


def scan(listed: dict[str, list[Any]], folder: Path) -> dict[str, Any]:
    """Return what `acs-sidecar mcp scan` finds in the lists of all servers together, by server."""
    file = folder / "servers.json"
    file.write_text(json.dumps({"servers": {name: {"tools": tools} for name, tools in listed.items()}}))
    printed = CliRunner().invoke(cli, ["mcp", "scan", str(file), "--format", "json"]).stdout
    return {one["server"]: one for one in json.loads(printed)}


def flagged(listed: dict[str, list[Any]], folder: Path) -> Iterator[str]:
    """Yield the server of each list, and server and name of each definition by itself, that is flagged."""
    yield from (server for server, found in scan(listed, folder).items() if found["flagged"])
    detect = build_detector("mcp_tool", "options", {})
    for server, tools in listed.items():
        yield from (f"{server}: {tool['name']}" for tool in tools if detect(tool)["flagged"])


def _call(server: "subprocess.Popen[str]", number: int, method: str, parameters: Any) -> Any:
    _send(server, {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters})
    assert server.stdout is not None
    for line in server.stdout:
        if (
            line.startswith("{")
            and (message := json.loads(line)).get("id") == number
            and "method" not in message
        ):
            return message["result"]
    raise RuntimeError(f"{server.args!r} ends without an answer to {method}")


def _send(server: "subprocess.Popen[str]", message: dict[str, Any]) -> None:
    assert server.stdin is not None
    server.stdin.write(json.dumps(message) + "\n")
    server.stdin.flush()


def main() -> int:
    """Print how many definitions each server has and what is flagged; 1 where anything is."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        listed = {server: list_tools(command, folder) for server, command in SERVERS.items()}
        found = scan(listed, folder)
        for server, tools in listed.items():
            print(f"{server:<20} {len(tools):>3} definitions, score {found[server]['score']:g}")
        wrong = [*flagged(listed, folder)]
    print(
        f"{sum(map(len, listed.values()))} definitions of {len(listed)} servers, {len(wrong)} flagged",
        *wrong,
        sep="\n",
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
