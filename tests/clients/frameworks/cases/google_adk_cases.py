"""Google ADK with a scripted model, for the cases that every framework is put through."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

from google.adk.agents import LlmAgent
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.models import BaseLlm, LlmResponse
from google.adk.runners import InMemoryRunner
from google.genai import types
from scripted import TOOLS, Outcome, Says, main

from acs_client import Session
from acs_client.integrations.google_adk import AcsPlugin

logging.disable(logging.CRITICAL)


class ScriptedModel(BaseLlm):
    """Answers with what it was given, in turn; streams it letter by letter."""

    script: Any
    seen: Any

    async def generate_content_async(
        self, llm_request: Any, stream: bool = False
    ) -> AsyncIterator[LlmResponse]:
        """Answer."""
        self.seen.append([_text(part) for content in llm_request.contents for part in content.parts])
        says = self.script.pop(0)
        says.prepare()
        if stream:
            for letter in says.text:
                yield LlmResponse(
                    content=types.Content(role="model", parts=[types.Part(text=letter)]), partial=True
                )
        parts = [types.Part(text=says.text)] if says.text else []
        called = [types.FunctionCall(name=call.name, args=dict(call.args), id=call.id) for call in says.calls]
        parts += [types.Part(function_call=call) for call in called]
        yield LlmResponse(content=types.Content(role="model", parts=parts))


def run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    """Run an agent to its end, approving what it pauses for."""
    asyncio.run(_run(session, way, script, prompt, outcome))


async def _run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    agent = LlmAgent(
        name="helper",
        model=ScriptedModel(model="scripted", script=script, seen=outcome.seen),
        tools=list(TOOLS),
    )
    runner = InMemoryRunner(agent, app_name="app", plugins=[AcsPlugin(session)])
    known = await runner.session_service.create_session(app_name="app", user_id="u")
    config = RunConfig(streaming_mode=StreamingMode.SSE if way == "stream" else StreamingMode.NONE)
    message = types.Content(role="user", parts=[types.Part(text=prompt)])
    try:
        for _ in range(3):
            asked: list[Any] = []
            async for event in runner.run_async(
                user_id="u", session_id=known.id, new_message=message, run_config=config
            ):
                for part in (event.content and event.content.parts) or []:
                    outcome.got.append(_text(part))
                    if (
                        part.function_call is not None
                        and part.function_call.name == "adk_request_confirmation"
                    ):
                        asked.append(part.function_call)
            if not asked:
                break
            parts = []
            for call in asked:
                ticket = json.loads(json.dumps(call.args["toolConfirmation"]["payload"]))
                payload = {"ticket": ticket, "approval": outcome.approval(ticket)}
                answer = {"confirmed": True, "payload": payload}
                parts.append(
                    types.Part(
                        function_response=types.FunctionResponse(id=call.id, name=call.name, response=answer)
                    )
                )
            message = types.Content(role="user", parts=parts)
    finally:
        found = await runner.session_service.get_session(app_name="app", user_id="u", session_id=known.id)
        outcome.history = [
            [event.author, _text(part)]
            for event in found.events
            for part in (event.content and event.content.parts) or []
        ]


def _text(part: Any) -> str:
    if part.function_response is not None:
        given = part.function_response.response or {}
        return (
            next((value for value in given.values() if isinstance(value, str)), "") if len(given) == 1 else ""
        )
    return part.text or ""


if __name__ == "__main__":
    main(run)
