"""mcp 1: a handler that is registered after a server was governed, and members that send calls themselves."""

import asyncio
from typing import Any

from mcp.server.lowlevel import Server
from mcp.shared.memory import create_connected_server_and_client_session
from mcp.types import TextContent
from trying import delete_file, main

from acs_client import Session
from acs_client.integrations.mcp import GovernedClient, govern_server


def _server() -> Any:
    return Server("tools")


def _registered(server: Any) -> Any:
    @server.call_tool()
    async def call(name: str, arguments: Any) -> Any:
        return [TextContent(type="text", text=delete_file(arguments["path"]))]

    return server


async def _called(server: Any, wrap: Any = lambda client: client) -> Any:
    async with create_connected_server_and_client_session(server) as client:
        return await wrap(client).call_tool("delete_file", {"path": "x"})


def later(session: Session) -> Any:
    """The handler is registered on a governed server."""
    return asyncio.run(_called(_registered(govern_server(_server(), session))))


def tasks(session: Session) -> Any:
    """A governed client gives nothing that sends calls of its own."""
    return asyncio.run(
        _called(_registered(_server()), lambda client: GovernedClient(client, session).experimental)
    )


if __name__ == "__main__":
    main({"later": later, "tasks": tasks})
