"""Claude Agent SDK: a call that the host asks its user about is counted, and its result is evaluated."""

import asyncio
from typing import Any

from trying import main

from acs_client import Session
from acs_client.integrations.claude_agent_sdk import acs_hooks

CALL = {"tool_name": "pay", "tool_input": {"n": 1}, "tool_use_id": "1"}


def asked(result: str) -> Any:
    """The answers before and after the call, and how many calls were counted."""

    def way(session: Session) -> Any:
        hooks = acs_hooks(session, escalate="ask")

        async def run() -> Any:
            before = await hooks["PreToolUse"][0].hooks[0](CALL, "1", None)
            after = await hooks["PostToolUse"][0].hooks[0](
                CALL | {"tool_response": {"out": result}}, "1", None
            )
            return [before["hookSpecificOutput"]["permissionDecision"], after, session.budgets.calls]

        return asyncio.run(run())

    return way


if __name__ == "__main__":
    main({"asked": asked("fine"), "asked about a secret": asked("secret-123")})
