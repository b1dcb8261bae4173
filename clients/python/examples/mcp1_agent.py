"""A server of mcp 1 whose tools are governed: run `acs-sidecar serve --manifests manifests` beside it.

The client is in the same process, so that the example runs offline.
"""

import asyncio

from mcp.server.fastmcp import FastMCP
from mcp.shared.memory import create_connected_server_and_client_session

from acs_client import Client
from acs_client.integrations.mcp import govern_server


def issue_refund(order_id: str, amount: float, currency: str) -> str:
    """Refund an order."""
    return f"refunded {amount} {currency} for order {order_id}"


async def main() -> None:
    """Ask for two refunds."""
    with Client(manifest="support-agent") as client, client.session("support-1") as session:
        server = govern_server(FastMCP("refunds", log_level="ERROR"), session)
        server.add_tool(issue_refund)
        async with create_connected_server_and_client_session(server) as caller:
            for amount in (5, 5000):
                refund = {"order_id": "1042", "amount": amount, "currency": "EUR"}
                result = await caller.call_tool("issue_refund", refund)
                print(result.isError, result.content[0].text)


asyncio.run(main())
