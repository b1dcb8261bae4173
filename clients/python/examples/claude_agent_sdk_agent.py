"""A Claude agent whose tools are governed: run `acs-sidecar serve --manifests manifests` beside it.

The model is a server on loopback, so that the example runs offline; leave `env` out for the real one.
"""

import asyncio
import json
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from claude_agent_sdk import (
    AssistantMessage,
    ClaudeAgentOptions,
    TextBlock,
    ToolResultBlock,
    UserMessage,
    create_sdk_mcp_server,
    query,
    tool,
)

from acs_client import Client
from acs_client.integrations.claude_agent_sdk import acs_hooks

NAME = "mcp__shop__issue_refund"
REFUND = {"order_id": "1042", "amount": 5000, "currency": "EUR"}


@tool("issue_refund", "Refund an order.", {"order_id": str, "amount": float, "currency": str})
async def issue_refund(args: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": f"refunded {args['amount']}"}]}


class Model(BaseHTTPRequestHandler):
    """Asks for a refund that is too large, then answers."""

    def do_POST(self) -> None:
        asked = "tool_result" in self.rfile.read(int(self.headers["content-length"])).decode()
        begun = (
            {"type": "text", "text": ""}
            if asked
            else {"type": "tool_use", "id": "t", "name": NAME, "input": {}}
        )
        said = (
            {"type": "text_delta", "text": "I cannot."}
            if asked
            else {"type": "input_json_delta", "partial_json": json.dumps(REFUND)}
        )
        message = {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "usage": {},
        }
        end = {"stop_reason": "end_turn" if asked else "tool_use"}
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for event in (
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": begun},
            {"type": "content_block_delta", "index": 0, "delta": said},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": end, "usage": {}},
            {"type": "message_stop"},
        ):
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())

    def log_message(self, format: str, *args: Any) -> None: ...


async def main(url: str, home: str) -> None:
    with Client(manifest="support-agent") as client, client.session("support-1") as session:
        options = ClaudeAgentOptions(
            tools=[],
            mcp_servers={"shop": create_sdk_mcp_server("shop", tools=[issue_refund])},
            allowed_tools=[NAME],
            hooks=acs_hooks(session, names={NAME: "issue_refund"}),  # as the manifest calls it
            setting_sources=[],
            cwd=home,
            env={"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "none", "HOME": home},
        )
        async for message in query(prompt="Refund order 1042", options=options):
            for block in message.content if isinstance(message, AssistantMessage | UserMessage) else ():
                if isinstance(block, TextBlock):
                    print(block.text)
                elif isinstance(block, ToolResultBlock):
                    print(block.content)


with ThreadingHTTPServer(("127.0.0.1", 0), Model) as server, tempfile.TemporaryDirectory() as home:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    asyncio.run(main(f"http://127.0.0.1:{server.server_port}", home))
    server.shutdown()
