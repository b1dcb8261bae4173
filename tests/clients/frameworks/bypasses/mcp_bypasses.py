"""MCP: what stands beside the text of a result, and tools that an agent may not have."""

import asyncio
from typing import Any

from mcp.client import Client
from mcp.server import MCPServer
from mcp.types import Annotations, CallToolResult, TextContent
from trying import main

from acs_client import Session
from acs_client.integrations.mcp import GovernedClient, acs


def failing(text: str, at_server: bool) -> Any:
    """A tool whose result says that it is an error, and has a secret in its structured content."""
    return called(
        at_server,
        content=[TextContent(type="text", text=text)],
        structured_content={"found": "secret-123"},
        is_error=True,
    )


def annotated(at_server: bool) -> Any:
    """A tool whose result has a secret beside its content."""
    secret: Any = {"found": "secret-123"}
    annotations = Annotations(audience=["user"], last_modified="secret-123")
    part = TextContent(type="text", text="fine", annotations=annotations, _meta=secret)
    return called(at_server, content=[part], _meta=secret)


def called(at_server: bool, **members: Any) -> Any:
    """A tool with this result."""

    def search(q: str) -> CallToolResult:
        return CallToolResult(**members)

    async def call(session: Session) -> Any:
        server = MCPServer("tools", middleware=[acs(session)] if at_server else [])
        server.add_tool(search)
        async with Client(server) as client:
            governed: Any = client if at_server else GovernedClient(client, session)
            return await governed.call_tool("search", {"q": "x"})

    return lambda session: asyncio.run(call(session))


def listed(name: str, at_server: bool, mode: str = "auto") -> Any:
    """The list of a server with one tool of this name."""

    def tool() -> None:
        """Do nothing."""

    async def names(session: Session) -> Any:
        server = MCPServer("tools", middleware=[acs(session)] if at_server else [])
        server.add_tool(tool, name=name)
        async with Client(server, mode=mode) as client:
            governed: Any = client if at_server else GovernedClient(client, session)
            try:
                return [tool.name for tool in (await governed.list_tools()).tools]
            except Exception as error:  # noqa: BLE001  # what the host gets, before a task group wraps it
                return error

    return lambda session: asyncio.run(names(session))


if __name__ == "__main__":
    main(
        {
            f"{text} at the {'server' if at_server else 'client'}": failing(text, at_server)
            for text in ("fine", "secret-123")
            for at_server in (True, False)
        }
        | {
            "annotated at the server": annotated(True),
            "annotated at the client": annotated(False),
            "listed at the server": listed("format_disk", True),
            "listed at a legacy server": listed("format_disk", True, "legacy"),
            "listed at the client": listed("format_disk", False),
            "permitted at the server": listed("search", True),
            "permitted at the client": listed("search", False),
        }
    )
