"""A governed AutoGen agent: run `acs-sidecar serve --manifests manifests` beside it.

The model is scripted, so that the example runs offline; put your own in its place.
"""

import asyncio
import json
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import ChatCompletionClient, CreateResult, ModelInfo, RequestUsage
from autogen_core.tools import FunctionTool, StaticWorkbench

from acs_client import Client
from acs_client.integrations.autogen import GovernedModel, GovernedWorkbench

REFUND = {"order_id": "1042", "amount": 5000, "currency": "EUR"}
USAGE = RequestUsage(prompt_tokens=1, completion_tokens=1)


def issue_refund(order_id: str, amount: float, currency: str) -> str:
    """Refund an order."""
    return f"refunded {amount} {currency} for order {order_id}"


class ScriptedModel(ChatCompletionClient):
    """Asks for a refund that is too large, then answers."""

    model_info = ModelInfo(
        vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False
    )
    capabilities = model_info
    asked = False

    async def create(self, messages: Any, **_: Any) -> CreateResult:
        call = FunctionCall(id="1", name="issue_refund", arguments=json.dumps(REFUND))
        content, self.asked = "I cannot. Write to jo@example.com" if self.asked else [call], True
        return CreateResult(finish_reason="stop", content=content, usage=USAGE, cached=False)

    async def close(self) -> None: ...

    def create_stream(self, *_: Any, **__: Any) -> Any: ...

    def count_tokens(self, *_: Any, **__: Any) -> int:
        return 0

    remaining_tokens = count_tokens

    def actual_usage(self) -> RequestUsage:
        return USAGE

    total_usage = actual_usage


async def main() -> None:
    with Client(manifest="support-agent") as client, client.session("support-1") as session:
        tools = StaticWorkbench([FunctionTool(issue_refund, description="Refund an order.")])
        agent = AssistantAgent(
            "support",
            GovernedModel(ScriptedModel(), session),
            workbench=GovernedWorkbench(tools, session),
            max_tool_iterations=2,
        )
        result = await agent.run(task="Refund order 1042")
    for message in result.messages:
        if message.type in {"ToolCallExecutionEvent", "TextMessage"}:
            print(message.to_text())


asyncio.run(main())
