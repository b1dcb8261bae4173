"""Tools of an MCP server, governed there or in the client, for the cases that have to do with tools."""

import asyncio
import json
from typing import Any

from mcp.client import Client
from mcp.server import MCPServer
from mcp.types import ElicitResult
from scripted import TOOLS, Outcome, Says, main

from acs_client import Session
from acs_client.integrations.mcp import APPROVAL, TICKET, GovernedClient, acs


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
        for says in script:
            says.prepare()
            results = await asyncio.gather(
                *(
                    _called(client, call, at_server, None if mode == "asked" else outcome)
                    for call in says.calls
                )
            )
            outcome.seen += [list(results)] if results else []
        outcome.history = [["tool", text] for texts in outcome.seen for text in texts]
        outcome.got = ["fine"]


def _asked(outcome: Outcome) -> Any:
    """Answer the form of an escalated call."""

    async def answer(context: Any, params: Any) -> ElicitResult:
        approval = outcome.approval(json.loads(json.dumps(params.meta[TICKET])))
        if approval is None:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content={"approval": approval})

    return answer


async def _called(client: Any, call: Any, at_server: bool, outcome: Outcome | None) -> str:
    """Return the text of a result; with `outcome`, the approval of an escalated call is brought by another."""
    result = await client.call_tool(call.name, call.args)
    ticket = (result.meta or {}).get(TICKET)
    if ticket is not None and outcome is not None:
        ticket = json.loads(json.dumps(ticket))
        approval = outcome.approval(ticket)
        if approval is not None and at_server:
            result = await client.call_tool(call.name, call.args, meta={TICKET: ticket, APPROVAL: approval})
        elif approval is not None:
            result = await client.call_tool(call.name, call.args, ticket=ticket, approval=approval)
    text = "\n".join(part.text for part in result.content)
    return (
        text
        if result.structured_content in (None, {"result": text})
        else f"{text} {result.structured_content}"
    )


if __name__ == "__main__":
    main(run)
