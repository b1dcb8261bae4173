"""A governed Haystack agent: run `acs-sidecar serve --manifests manifests` beside it.

The model is scripted, so that the example runs offline; put your own in its place.
"""

from typing import Any

from haystack import component
from haystack.dataclasses import ChatMessage, ToolCall
from haystack.tools import create_tool_from_function

from acs_client import Client
from acs_client.integrations.haystack import governed_agent

REFUND = {"order_id": "1042", "amount": 5000, "currency": "EUR"}
ANSWER = "I cannot. Write to jo@example.com"


def issue_refund(order_id: str, amount: float, currency: str) -> str:
    """Refund an order."""
    return f"refunded {amount} {currency} for order {order_id}"


@component
class ScriptedModel:
    """Asks for a refund that is too large, then answers."""

    @component.output_types(replies=list[ChatMessage])
    def run(self, messages: list[ChatMessage], tools: Any = None) -> dict[str, Any]:
        asks = ChatMessage.from_assistant(tool_calls=[ToolCall("issue_refund", REFUND)])
        return {"replies": [asks if len(messages) == 1 else ChatMessage.from_assistant(ANSWER)]}


with Client(manifest="support-agent") as client, client.session("support-1") as session:
    tools = [create_tool_from_function(issue_refund)]
    agent = governed_agent(session, chat_generator=ScriptedModel(), tools=tools)
    result = agent.run(messages=[ChatMessage.from_user("Refund order 1042")])
print(result["messages"][2].tool_call_results[0].result)
print(result["last_message"].text)
