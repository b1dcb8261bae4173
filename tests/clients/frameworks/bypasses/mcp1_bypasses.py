"""mcp 1: a handler that is registered after a server was governed, and members that send calls themselves."""

import asyncio
import warnings
from typing import Any

from mcp.server.lowlevel import Server
from mcp.shared.memory import create_connected_server_and_client_session
from mcp.types import (
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    ClientRequest,
    ListTasksRequest,
    ListTasksResult,
    TaskMetadata,
    TextContent,
    Tool,
)
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


def task(session: Session) -> Any:
    """A server runs a call as a task, whose result its client asks for later."""
    server = _server()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package is about to lose tasks
        server.experimental.enable_tasks()

    @server.call_tool()
    async def call(name: str, arguments: Any) -> Any:
        async def work(_: Any) -> CallToolResult:
            return CallToolResult(content=[TextContent(type="text", text=delete_file("x"))])

        return await server.request_context.experimental.run_task(work)

    async def run() -> Any:
        request = CallToolRequest(
            params=CallToolRequestParams(name="search", arguments={}, task=TaskMetadata())
        )
        async with create_connected_server_and_client_session(govern_server(server, session)) as client:
            result = await client.send_request(ClientRequest(request), CallToolResult)
            listed = await client.send_request(ClientRequest(ListTasksRequest()), ListTasksResult)
        return [result, listed.tasks]

    return asyncio.run(run())


def listed(name: str, at_server: bool) -> Any:
    """The list of a server with one tool of this name."""

    async def names(session: Session) -> Any:
        server = _server()
        server.list_tools()(lambda: _tools(name))
        if at_server:
            govern_server(server, session)
        async with create_connected_server_and_client_session(server) as client:
            governed: Any = client if at_server else GovernedClient(client, session)
            try:
                return [tool.name for tool in (await governed.list_tools()).tools]
            except Exception as error:  # noqa: BLE001  # what the host gets, before a task group wraps it
                return error

    return lambda session: asyncio.run(names(session))


async def _tools(name: str) -> list[Tool]:
    return [Tool(name=name, inputSchema={"type": "object"})]


if __name__ == "__main__":
    main(
        {
            "later": later,
            "tasks": tasks,
            "task": task,
            "listed at the server": listed("format_disk", True),
            "listed at the client": listed("format_disk", False),
            "permitted at the server": listed("search", True),
            "permitted at the client": listed("search", False),
        }
    )
