"""An agent of Microsoft's framework, governed: run `acs-sidecar serve --manifests manifests` beside it.

The model is scripted, so that the example runs offline; put your own in its place.
"""

import asyncio
import warnings
from typing import Any

from agent_framework import (
    Agent,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    Message,
    create_agent_hooks_middleware,
    tool,
)

from acs_client import Client
from acs_client.integrations.agent_hooks import SidecarInterceptor

REFUND = {"order_id": "1042", "amount": 5000, "currency": "EUR"}


@tool(approval_mode="never_require")
def issue_refund(order_id: str, amount: float, currency: str) -> str:
    """Refund an order."""
    return f"refunded {amount} {currency} for order {order_id}"


class ScriptedModel(FunctionInvocationLayer, ChatMiddlewareLayer, BaseChatClient):
    """Asks for a refund that is too large, then answers."""

    async def _inner_get_response(self, *, messages: Any, **_: Any) -> ChatResponse:
        asks = Content.from_function_call("1", "issue_refund", arguments=REFUND)
        said = asks if len(messages) == 1 else Content.from_text("I cannot. Write to jo@example.com")
        return ChatResponse(messages=[Message("assistant", [said])])


async def main() -> None:
    with (
        Client(manifest="support-agent") as client,
        client.session("support-1", tools=["issue_refund"]) as session,
    ):
        hooks = create_agent_hooks_middleware([SidecarInterceptor(session)])
        agent = Agent(ScriptedModel(), id="support-1", tools=[issue_refund], middleware=[hooks])
        answer = await agent.run("Refund order 1042")
    print(answer.messages[1].contents[0].result)
    print(answer.text)


warnings.simplefilter("ignore")  # the framework calls its hooks experimental
asyncio.run(main())
