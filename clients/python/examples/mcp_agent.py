"""An MCP server whose tools are governed: run `acs-sidecar serve --manifests manifests` beside it.

The client is in the same process, so that the example runs offline.
"""

import asyncio

from mcp.client import Client as McpClient
from mcp.server import MCPServer

from acs_client import Client
from acs_client.integrations.mcp import acs


def issue_refund(order_id: str, amount: float, currency: str) -> str:
    """Refund an order."""
    return f"refunded {amount} {currency} for order {order_id}"


async def main() -> None:
    """Ask for two refunds."""
    with Client(manifest="support-agent") as client, client.session("support-1") as session:
        server = MCPServer("refunds", middleware=[acs(session)], log_level="ERROR")
        server.add_tool(issue_refund)
        async with McpClient(server) as caller:
            for amount in (5, 5000):
                refund = {"order_id": "1042", "amount": amount, "currency": "EUR"}
                result = await caller.call_tool("issue_refund", refund)
                print(result.is_error, result.content[0].text)


asyncio.run(main())
