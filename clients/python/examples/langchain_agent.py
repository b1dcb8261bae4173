"""A LangChain agent whose every step is evaluated: run `acs-sidecar serve --manifests manifests` beside it.

The model is scripted, so that the example runs offline; put your own in its place.
"""

from langchain.agents import create_agent
from langchain.tools import tool
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from acs_client import Client
from acs_client.integrations.langchain import AcsMiddleware


@tool
def issue_refund(order_id: str, amount: float, currency: str) -> str:
    """Refund an order."""
    return f"refunded {amount} {currency} for order {order_id}"


class ScriptedModel(GenericFakeChatModel):
    """Asks for a refund that is too large, then answers."""

    def bind_tools(self, tools: object, **options: object) -> "ScriptedModel":
        """The script names its tools."""
        return self


call = {
    "name": "issue_refund",
    "args": {"order_id": "1042", "amount": 5000, "currency": "EUR"},
    "id": "call-1",
}
model = ScriptedModel(
    messages=iter([AIMessage("", tool_calls=[call]), AIMessage("I cannot. Write to jo@example.com")])
)
with (
    Client(manifest="support-agent") as client,
    client.session("support-1", tools=["issue_refund"]) as session,
):
    agent = create_agent(model, [issue_refund], middleware=[AcsMiddleware(session)])
    done = agent.invoke({"messages": [{"role": "user", "content": "Refund order 1042"}]})
for message in done["messages"]:
    print(f"{message.type}: {message.content}")
