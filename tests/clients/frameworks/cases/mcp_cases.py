"""Tools of an MCP server, governed there or in the client, for the cases that have to do with tools."""

import asyncio
import json
from typing import Any

from mcp.client import Client
from mcp.server import MCPServer
from mcp.types import ElicitResult
from mcp_calls import make_calls
from scripted import TOOLS, Outcome, Says, main

from acs_client import Session
from acs_client.integrations.mcp import TICKET, GovernedClient, acs


def run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    """Make the calls of a script, each answer's at once."""
    place, _, mode = way.partition(" ")
    asyncio.run(_run(session, place == "server", mode or "auto", script, outcome))


async def _run(session: Session, at_server: bool, mode: str, script: list[Says], outcome: Outcome) -> None:
    server = MCPServer("tools", middleware=[acs(session)] if at_server else [])
    for tool in TOOLS:
        server.add_tool(tool)
    asked = {"elicitation_callback": _asked(outcome)} if mode == "asked" else {"mode": mode}
    async with Client(server, **asked) as connected:
        client: Any = connected if at_server else GovernedClient(connected, session)
        await make_calls(
            client,
            script,
            outcome,
            structured="structured_content",
            at_server=at_server,
            lifts=mode != "asked",
        )


def _asked(outcome: Outcome) -> Any:
    """Answer the form of an escalated call."""

    async def answer(context: Any, params: Any) -> ElicitResult:
        approval = outcome.approval(json.loads(json.dumps(params.meta[TICKET])))
        if approval is None:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content={"approval": approval})

    return answer


if __name__ == "__main__":
    main(run)
