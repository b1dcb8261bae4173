"""A crew whose tools are governed: run `acs-sidecar serve --manifests manifests` beside it.

The model is scripted, so that the example runs offline; put your own in its place.
"""

import io
import logging
import os
import sys
import tempfile
from contextlib import redirect_stdout
from typing import Any

os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "OTEL_SDK_DISABLED": "true", "HOME": tempfile.mkdtemp()}

from crewai import Agent, BaseLLM, Crew, Task
from crewai.tools import tool

from acs_client import Client
from acs_client.integrations.crewai import governed_crew

REFUND = {"order_id": "1042", "amount": 5000, "currency": "EUR"}


@tool
def issue_refund(order_id: str, amount: float, currency: str) -> str:
    """Refund an order."""
    return f"refunded {amount} {currency} for order {order_id}"


class ScriptedModel(BaseLLM):
    """Asks for a refund that is too large, then answers."""

    def call(self, messages: Any, *_: Any, **__: Any) -> Any:
        if messages[-1]["role"] == "user":
            return [
                {"id": "1", "type": "function", "function": {"name": "issue_refund", "arguments": REFUND}}
            ]
        return f"I cannot: {messages[-1]['content']}\nWrite to jo@example.com"

    def supports_function_calling(self) -> bool:
        return True


logging.disable(logging.WARNING)  # that the scripted model counts no tokens
model = ScriptedModel(model="scripted")
agent = Agent(role="support", goal="help", backstory="a shop", llm=model, tools=[issue_refund])
task = Task(description="{request}", expected_output="an answer", agent=agent)
with (
    Client(manifest="support-agent") as client,
    client.session("support-1") as session,
    governed_crew(session),
    redirect_stdout(io.StringIO()),  # the boxes that the framework shows
):
    result = Crew(agents=[agent], tasks=[task]).kickoff(inputs={"request": "Refund order 1042"})
sys.stdout.write(f"{result.raw}\n")
