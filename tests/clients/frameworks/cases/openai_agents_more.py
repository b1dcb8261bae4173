"""What only OpenAI Agents has: hand-overs, agents as tools, MCP servers, hosted tools, final results of tools."""

import asyncio
import json
import sys
from typing import Any

from agents import (
    Agent,
    RunConfig,
    Runner,
    ShellTool,
    WebSearchTool,
    function_tool,
    handoff,
    set_tracing_disabled,
)
from agents.mcp import MCPServer
from agents.testing import ScriptedModel, assistant_message, function_call
from mcp.types import CallToolResult, TextContent, Tool

from acs_client import Client, Denied, govern

POINTS = {"input", "pre_model_call", "post_model_call", "pre_tool_call", "post_tool_call", "output"}
RAN: list[Any] = []


@function_tool
def search(q: str) -> str:
    """Search."""
    RAN.append(["search", q])
    return f"found secret-123 for {q}"


@function_tool
def delete_file(path: str) -> str:
    """Delete."""
    RAN.append(["delete_file", path])
    return "gone"


class Files(MCPServer):
    """An MCP server with a tool that the policy denies, and one that it permits."""

    def __init__(self) -> None:
        super().__init__()

    name = "files"

    async def connect(self) -> None:
        """Nothing to do."""

    async def cleanup(self) -> None:
        """Nothing to do."""

    async def list_tools(self, run_context: Any = None, agent: Any = None) -> list[Tool]:
        """Its tools."""
        schema = {"type": "object", "properties": {"path": {"type": "string"}}}
        key = "input_schema" if "input_schema" in Tool.model_fields else "inputSchema"
        return [Tool.model_validate({"name": name, key: schema}) for name in ("delete_file", "read")]

    async def call_tool(self, tool_name: str, arguments: Any, meta: Any = None) -> CallToolResult:
        """Run one."""
        RAN.append([tool_name, arguments])
        return CallToolResult(content=[TextContent(type="text", text="read secret-123")])

    async def list_prompts(self) -> Any:
        """None."""
        raise NotImplementedError

    async def get_prompt(self, name: str, arguments: Any = None) -> Any:
        """None."""
        raise NotImplementedError


def script(*items: Any) -> ScriptedModel:
    """A model that says these in turn."""
    return ScriptedModel([[item] for item in items])


def call(name: str, args: Any, call_id: str = "c-1") -> Any:
    """A call."""
    return function_call(name, args, call_id=call_id)


def ended(agent: Any, streamed: bool = False, **options: Any) -> Any:
    """What a run came to."""
    RAN.clear()
    leaked = []

    async def stream() -> Any:
        result = Runner.run_streamed(agent, "hello", **options)
        leaked.extend([repr(event) async for event in result.stream_events()])
        return result

    try:
        result = asyncio.run(stream()) if streamed else Runner.run_sync(agent, "hello", **options)
    except Exception as error:  # noqa: BLE001  # what the host gets
        cause = error if isinstance(error, Denied) else error.__cause__
        return [
            list(RAN),
            f"{type(error).__name__}: {getattr(cause, 'cause', error)}",
            "secret-123" in str(leaked),
        ]
    history = json.dumps(result.to_input_list())
    return [list(RAN), result.final_output, "secret-123" in str(leaked) + history]


def refused(make: Any) -> str:
    """Why an agent cannot be governed."""
    try:
        make()
    except Denied as denied:
        return f"{denied.cause}: {denied.decision.message}"
    return "it can"


def found(client: Client) -> dict[str, Any]:
    """All of it."""
    session = client.session("a", points=POINTS)
    names: list[Any] = []
    told = client.session("a", points=POINTS, on_decision=lambda decision: names.append(decision.point))
    fine = assistant_message("fine")

    def handed(tool: str, **options: Any) -> Any:
        billing = Agent(
            "billing",
            tools=[search, delete_file],
            model=script(call(tool, {"q": "x", "path": "y"}, "c-2"), fine),
        )
        front = Agent(
            "front",
            handoffs=[options.pop("wrap", lambda target: target)(billing)],
            model=script(call("transfer_to_billing", {}), fine),
        )
        billing.handoffs = [front]
        return govern(front, session=session, **options)

    def agent(*items: Any, **members: Any) -> Any:
        return Agent("one", model=script(*items), **members)

    late = govern(agent(call("search", {"q": "x"}), fine), session=session)
    late.tools.append(search)
    inner = agent(
        call("delete_file", {"path": "x"}), assistant_message("inner says fine"), tools=[delete_file]
    )
    outer = agent(
        call("ask", {"input": "hi"}), fine, tools=[govern(inner, session=session).as_tool("ask", "Ask.")]
    )
    replaced = RunConfig(model=script(assistant_message("it is secret-123")))
    return {
        "handoff": ended(handed("search")),
        "handoff then deny": ended(handed("delete_file")),
        "handoff object": ended(handed("delete_file", wrap=handoff)),
        "exempt": ended(handed("search", exempt={"transfer_to_billing"})),
        "mcp deny": ended(
            govern(agent(call("delete_file", {"path": "x"}), fine, mcp_servers=[Files()]), session=session)
        ),
        "mcp result": ended(
            govern(agent(call("read", {"path": "x"}), fine, mcp_servers=[Files()]), session=session)
        ),
        "hosted": refused(lambda: govern(agent(tools=[WebSearchTool()]), session=session)),
        "observed": refused(
            lambda: govern(agent(tools=[WebSearchTool()]), session=session, hosted="observe")
        ),
        "local": refused(
            lambda: govern(
                agent(tools=[ShellTool(executor=lambda request: "")]), session=session, hosted="observe"
            )
        ),
        "as tool": refused(lambda: govern(agent(tools=[inner.as_tool("ask", "Ask.")]), session=session)),
        "governed as tool": ended(govern(outer, session=session)),
        "added later": ended(late),
        "replaced model": ended(govern(agent(fine), session=session), run_config=replaced),
        "first tool": ended(
            govern(
                agent(call("search", {"q": "x"}), tools=[search], tool_use_behavior="stop_on_first_tool"),
                session=session,
            )
        ),
        "stop at": ended(
            govern(
                agent(
                    call("search", {"q": "x"}),
                    tools=[search],
                    tool_use_behavior={"stop_at_tool_names": ["search"]},
                ),
                session=told,
            )
        ),
        "points of stop at": names,
        "streamed handoff": ended(handed("search"), streamed=True),
        "raise": ended(
            govern(
                agent(call("delete_file", {"path": "x"}), fine, tools=[delete_file]),
                session=session,
                on_block="raise",
            )
        ),
        "broken arguments": ended(
            govern(agent(call("search", "{no"), fine, tools=[search]), session=session)
        ),
        "original": [tool.on_invoke_tool for tool in inner.tools] == [delete_file.on_invoke_tool],
    }


if __name__ == "__main__":
    set_tracing_disabled(True)
    with Client(manifest="governed", timeout=20) as made:
        sys.stdout.write(json.dumps(found(made)))
