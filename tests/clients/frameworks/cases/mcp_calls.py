"""The calls of a script through a client of MCP, whatever its version."""

import asyncio
import json
from typing import Any

from scripted import Outcome, Says

from acs_client.integrations.mcp import APPROVAL, TICKET


async def make_calls(
    client: Any, script: list[Says], outcome: Outcome, *, structured: str, at_server: bool, lifts: bool = True
) -> None:
    """Make each answer's calls at once; `structured` names what a result has beside its texts.

    With `lifts` the approval of an escalated call is brought by another call.
    """

    async def called(call: Any) -> str:
        result = await client.call_tool(call.name, call.args)
        ticket = (result.meta or {}).get(TICKET)
        if ticket is not None and lifts:
            ticket = json.loads(json.dumps(ticket))
            approval = outcome.approval(ticket)
            if approval is not None and at_server:
                meta = {TICKET: ticket, APPROVAL: approval}
                result = await client.call_tool(call.name, call.args, meta=meta)
            elif approval is not None:
                result = await client.call_tool(call.name, call.args, ticket=ticket, approval=approval)
        text = "\n".join(part.text for part in result.content)
        value = getattr(result, structured)
        return text if value in (None, {"result": text}) else f"{text} {value}"

    for says in script:
        says.prepare()
        results = await asyncio.gather(*map(called, says.calls))
        outcome.seen += [list(results)] if results else []
    outcome.history = [["tool", text] for texts in outcome.seen for text in texts]
    outcome.got = ["fine"]
