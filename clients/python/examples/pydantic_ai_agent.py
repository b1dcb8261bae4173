"""A Pydantic AI agent whose every step is evaluated: run `acs-sidecar serve --manifests manifests` beside it.

The model is scripted, so that the example runs offline; put the name of your own in its place.
"""

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from acs_client import Client
from acs_client.integrations.pydantic_ai import Acs

REFUND = {"order_id": "1042", "amount": 5000, "currency": "EUR"}


def issue_refund(order_id: str, amount: float, currency: str) -> str:
    """Refund an order."""
    return f"refunded {amount} {currency} for order {order_id}"


def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Ask for a refund that is too large, then answer."""
    if len(messages) == 1:
        return ModelResponse(parts=[ToolCallPart("issue_refund", REFUND)])
    return ModelResponse(parts=[TextPart("I cannot. Write to jo@example.com")])


with Client(manifest="support-agent") as client, client.session("support-1") as session:
    agent = Agent(FunctionModel(answer), tools=[issue_refund], capabilities=[Acs(session)])
    result = agent.run_sync("Refund order 1042")
for message in result.all_messages():
    for part in message.parts:
        print(f"{part.part_kind}: {getattr(part, 'content', '')}")
