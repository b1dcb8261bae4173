"""An agent of smolagents whose tools are governed: run `acs-sidecar serve --manifests manifests` beside it.

The model is scripted, so that the example runs offline; put your own in its place.
"""

from typing import Any

from smolagents import ChatMessage, LogLevel, MessageRole, Model, ToolCallingAgent, tool
from smolagents.models import ChatMessageToolCall, ChatMessageToolCallFunction

from acs_client import Client
from acs_client.integrations.smolagents import govern_tool

REFUND = {"order_id": "1042", "amount": 5000.0, "currency": "EUR"}


@tool
def issue_refund(order_id: str, amount: float, currency: str) -> str:
    """Refund an order.

    Args:
        order_id: The order.
        amount: How much.
        currency: Of what.
    """
    return f"refunded {amount} {currency} for order {order_id}"


class ScriptedModel(Model):
    """Asks for a refund that is too large, then answers."""

    asked = False

    def generate(self, messages: Any, **_: Any) -> ChatMessage:
        name, args = ("final_answer", {"answer": "I cannot."}) if self.asked else ("issue_refund", REFUND)
        self.asked = True
        function = ChatMessageToolCallFunction(name=name, arguments=args)
        calls = [ChatMessageToolCall(function=function, id="1", type="function")]
        return ChatMessage(role=MessageRole.ASSISTANT, content=None, tool_calls=calls)


with Client(manifest="support-agent") as client, client.session("support-1") as session:
    agent = ToolCallingAgent(
        [govern_tool(issue_refund, session)], ScriptedModel(), verbosity_level=LogLevel.OFF
    )
    answer = agent.run("Refund order 1042")
print(agent.memory.steps[1].observations)
print(answer)
