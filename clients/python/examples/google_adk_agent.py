"""A Google ADK agent whose every step is evaluated: run `acs-sidecar serve --manifests manifests` beside it.

The model is scripted, so that the example runs offline; put the name of your own in its place.
"""

import asyncio
from collections.abc import AsyncIterator

from google.adk.agents import LlmAgent
from google.adk.models import BaseLlm, LlmRequest, LlmResponse
from google.adk.runners import InMemoryRunner
from google.genai import types

from acs_client import Client
from acs_client.integrations.google_adk import AcsPlugin

REFUND = {"order_id": "1042", "amount": 5000, "currency": "EUR"}


def issue_refund(order_id: str, amount: float, currency: str) -> str:
    """Refund an order."""
    return f"refunded {amount} {currency} for order {order_id}"


class ScriptedModel(BaseLlm):
    """Asks for a refund that is too large, then answers."""

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncIterator[LlmResponse]:
        """Answer."""
        call = types.Part(function_call=types.FunctionCall(name="issue_refund", args=REFUND))
        text = types.Part(text="I cannot. Write to jo@example.com")
        part = call if len(llm_request.contents) == 1 else text
        usage = types.GenerateContentResponseUsageMetadata(prompt_token_count=9, candidates_token_count=5)
        yield LlmResponse(content=types.Content(role="model", parts=[part]), usage_metadata=usage)


async def main() -> None:
    """Ask for a refund."""
    agent = LlmAgent(name="support", model=ScriptedModel(model="scripted"), tools=[issue_refund])
    with Client(manifest="support-agent") as client, client.session("support-1") as session:
        runner = InMemoryRunner(agent, app_name="support", plugins=[AcsPlugin(session)])
        await runner.session_service.create_session(app_name="support", user_id="jo", session_id="s")
        asked = types.Content(role="user", parts=[types.Part(text="Refund order 1042")])
        async for event in runner.run_async(user_id="jo", session_id="s", new_message=asked):
            for part in event.content.parts:
                print(part.function_response.response if part.function_response else part.text)


asyncio.run(main())
