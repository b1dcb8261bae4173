"""Tools of a server of mcp 1, governed there or in the client, for the cases that have to do with tools."""

import asyncio
import json
from typing import Any

from mcp.server.fastmcp import FastMCP
from mcp.shared.memory import create_connected_server_and_client_session
from scripted import TOOLS, Outcome, Says, main

from acs_client import Session
from acs_client.integrations.mcp import APPROVAL, TICKET, GovernedClient, govern_server


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
        for says in script:
            says.prepare()
            results = await asyncio.gather(
                *(_called(client, call, at_server, outcome) for call in says.calls)
            )
            outcome.seen += [list(results)] if results else []
        outcome.history = [["tool", text] for texts in outcome.seen for text in texts]
        outcome.got = ["fine"]


async def _called(client: Any, call: Any, at_server: bool, outcome: Outcome) -> str:
    result = await client.call_tool(call.name, call.args)
    ticket = (result.meta or {}).get(TICKET)
    if ticket is not None:
        ticket = json.loads(json.dumps(ticket))
        approval = outcome.approval(ticket)
        if approval is not None and at_server:
            result = await client.call_tool(call.name, call.args, meta={TICKET: ticket, APPROVAL: approval})
        elif approval is not None:
            result = await client.call_tool(call.name, call.args, ticket=ticket, approval=approval)
    text = "\n".join(part.text for part in result.content)
    return (
        text if result.structuredContent in (None, {"result": text}) else f"{text} {result.structuredContent}"
    )


if __name__ == "__main__":
    main(run)
