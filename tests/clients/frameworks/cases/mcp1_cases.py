"""Tools of a server of mcp 1, governed there or in the client, for the cases that have to do with tools."""

import asyncio
from typing import Any

from mcp.server.fastmcp import FastMCP
from mcp.shared.memory import create_connected_server_and_client_session
from mcp_calls import make_calls
from scripted import TOOLS, Outcome, Says, main

from acs_client import Session
from acs_client.integrations.mcp import GovernedClient, govern_server


def run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    """Make the calls of a script, each answer's at once."""
    asyncio.run(_run(session, way == "server", script, outcome))


async def _run(session: Session, at_server: bool, script: list[Says], outcome: Outcome) -> None:
    server = FastMCP("tools")
    if at_server:
        govern_server(server, session)
    for tool in TOOLS:
        server.add_tool(tool)
    async with create_connected_server_and_client_session(server) as connected:
        client: Any = connected if at_server else GovernedClient(connected, session)
        await make_calls(client, script, outcome, structured="structuredContent", at_server=at_server)


if __name__ == "__main__":
    main(run)
