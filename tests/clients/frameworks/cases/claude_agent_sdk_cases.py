"""The Claude Agent SDK and the binary in it, with a scripted model, for the cases that every framework is put through."""

import asyncio
import inspect
import re
import tempfile
from collections.abc import Callable
from typing import Any

from claude_agent_sdk import (
    AssistantMessage,
    ClaudeAgentOptions,
    SdkMcpTool,
    TextBlock,
    create_sdk_mcp_server,
    query,
)
from messages_server import messages_server
from scripted import TOOLS, Outcome, Says, main

from acs_client import Session
from acs_client.integrations.claude_agent_sdk import acs_hooks

PREFIX = "mcp__tools__"
ADDED = "<system-reminder>.*?</system-reminder>|^PreToolUse:[^ ]+ hook error: "  # what the host writes around texts


def run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    """Run an agent to its end."""

    def answer(body: dict[str, Any]) -> list[dict[str, Any]]:
        if not any(tool["name"].startswith(PREFIX) for tool in body.get("tools", ())):
            return [{"type": "text", "text": "a title"}]
        outcome.seen.append([text for message in body["messages"] for text in _texts(message["content"])])
        says = script.pop(0)
        says.prepare()
        calls = [
            {"type": "tool_use", "id": call.id, "name": PREFIX + call.name, "input": call.args}
            for call in says.calls
        ]
        return [*calls, *([{"type": "text", "text": says.text}] if says.text else [])]

    with messages_server(answer) as url, tempfile.TemporaryDirectory() as home:
        asyncio.run(_run(session, prompt, outcome, url, home))
    outcome.history = [["", text] for text in [*(outcome.seen[-1] if outcome.seen else ()), *outcome.got]]


async def _run(session: Session, prompt: str, outcome: Outcome, url: str, home: str) -> None:
    options = ClaudeAgentOptions(
        tools=[],
        mcp_servers={"tools": create_sdk_mcp_server("tools", tools=[_tool(tool) for tool in TOOLS])},
        allowed_tools=[PREFIX + tool.__name__ for tool in TOOLS],
        hooks=acs_hooks(session),
        setting_sources=[],
        model="claude-sonnet-4-5",
        cwd=home,
        env={
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "none",
            "HOME": home,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_TELEMETRY": "1",
        },
    )
    async for message in query(prompt=prompt, options=options):
        if isinstance(message, AssistantMessage):
            outcome.got += [block.text for block in message.content if isinstance(block, TextBlock)]


def _tool(function: Callable[..., str]) -> SdkMcpTool[Any]:
    async def handler(args: Any) -> dict[str, Any]:
        return {"content": [{"type": "text", "text": function(**args)}]}

    types = {name: value.annotation for name, value in inspect.signature(function).parameters.items()}
    return SdkMcpTool(
        name=function.__name__, description=function.__doc__ or "", input_schema=types, handler=handler
    )


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [re.sub(ADDED, "", content, flags=re.DOTALL).strip()]
    found: list[str] = []
    for block in content:
        if block["type"] == "text":
            found += _texts(block["text"])
        elif block["type"] == "tool_result":
            found += _texts(block["content"])
    return found


if __name__ == "__main__":
    main(run, asks=True)
