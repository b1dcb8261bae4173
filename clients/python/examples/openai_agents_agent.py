"""An OpenAI agent whose every step is evaluated: run `acs-sidecar serve --manifests manifests` beside it.

The model is scripted, so that the example runs offline; put the name of your own in its place.
"""

from agents import Agent, Runner, function_tool, set_tracing_disabled
from agents.testing import ScriptedModel, assistant_message, function_call

from acs_client import Client, govern


@function_tool
def issue_refund(order_id: str, amount: float, currency: str) -> str:
    """Refund an order."""
    return f"refunded {amount} {currency} for order {order_id}"


refund = {"order_id": "1042", "amount": 5000, "currency": "EUR"}
model = ScriptedModel(
    [
        [function_call("issue_refund", refund, call_id="call-1")],
        [assistant_message("I cannot. Write to jo@example.com")],
    ]
)
set_tracing_disabled(True)
with (
    Client(manifest="support-agent") as client,
    client.session("support-1", tools=["issue_refund"]) as session,
):
    agent = govern(Agent("Support", tools=[issue_refund], model=model), session=session)
    result = Runner.run_sync(agent, "Refund order 1042")
for item in result.to_input_list():
    print(item.get("output") or item.get("content") or item.get("arguments"))
print(result.final_output)
