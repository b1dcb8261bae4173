"""Google ADK: agents that run without the plugin, code that a model writes, answers that are more than text."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from google.adk.agents import LlmAgent
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.code_executors import UnsafeLocalCodeExecutor
from google.adk.models import BaseLlm, LlmResponse
from google.adk.runners import InMemoryRunner
from google.adk.tools.agent_tool import AgentTool
from google.genai import types
from trying import RAN, delete_file, main

from acs_client import Session
from acs_client.integrations.google_adk import AcsPlugin

LEAKS = "it is secret-123 now"


class Scripted(BaseLlm):
    """A model that says these in turn."""

    answers: list[Any]

    async def generate_content_async(self, llm_request: Any, stream: bool = False) -> AsyncIterator[Any]:
        """The next answer."""
        answer = self.answers.pop(0)
        yield answer if isinstance(answer, LlmResponse) else LlmResponse(content=content(answer))


def content(parts: list[types.Part]) -> types.Content:
    """The content of an answer."""
    return types.Content(role="model", parts=parts)


def text(said: str) -> list[types.Part]:
    """An answer in words."""
    return [types.Part(text=said)]


def call(name: str, args: Any) -> list[types.Part]:
    """A call."""
    return [types.Part(function_call=types.FunctionCall(name=name, args=args, id="1"))]


def agent(name: str, *answers: Any, **options: Any) -> LlmAgent:
    """An agent whose model says these in turn."""
    return LlmAgent(name=name, model=Scripted(model="m", answers=list(answers)), **options)


def ran(made: Any, run_config: RunConfig | None = None, **options: Any) -> Any:
    """Run an agent with the plugin."""

    async def run(session: Session) -> Any:
        runner = InMemoryRunner(agent=made(), app_name="x", plugins=[AcsPlugin(session, **options)])
        kept = await runner.session_service.create_session(app_name="x", user_id="u")
        message = types.Content(role="user", parts=text("hello"))
        events = runner.run_async(user_id="u", session_id=kept.id, new_message=message, run_config=run_config)
        return [str(event.content) async for event in events]

    return lambda session: asyncio.run(run(session))


def beside() -> LlmResponse:
    """An answer that says the same in other places."""
    segment = types.Segment(text=LEAKS)
    return LlmResponse(
        content=content([types.Part(text=LEAKS, part_metadata={"text": LEAKS})]),
        logprobs_result=types.LogprobsResult(chosen_candidates=[types.LogprobsResultCandidate(token=LEAKS)]),
        grounding_metadata=types.GroundingMetadata(
            grounding_supports=[types.GroundingSupport(segment=segment)]
        ),
        citation_metadata=types.CitationMetadata(citations=[types.Citation(title=LEAKS)]),
        custom_metadata={"text": LEAKS},
    )


def shown(*answers: Any) -> Any:
    """All that a caller sees of these answers."""

    async def run(session: Session) -> Any:
        made = agent("one", *answers)
        runner = InMemoryRunner(agent=made, app_name="x", plugins=[AcsPlugin(session)])
        kept = await runner.session_service.create_session(app_name="x", user_id="u")
        events = runner.run_async(user_id="u", session_id=kept.id, new_message=content(text("hello")))
        return [event.model_dump_json(exclude_none=True) async for event in events]

    return lambda session: asyncio.run(run(session))


def asking(has_plugins: bool) -> Any:
    """An agent that is a tool."""

    def made() -> Any:
        inner = agent("inner", call("delete_file", {"path": "x"}), text("fine"), tools=[delete_file])
        tools = [AgentTool(inner, include_plugins=has_plugins)]
        return agent("outer", call("inner", {"request": "go"}), text("fine"), tools=tools)

    return ran(made)


class Executor(UnsafeLocalCodeExecutor):
    """Runs what the model writes."""

    def execute_code(self, *arguments: Any) -> Any:
        """Note it."""
        RAN.append("code")
        return super().execute_code(*arguments)


if __name__ == "__main__":
    blob = types.Part(inline_data=types.Blob(mime_type="text/plain", data=b"secret-123"))
    signature = types.Part(thought_signature=b"x")
    code = types.ExecutableCode(code=LEAKS, language=types.Language.PYTHON)
    main(
        {
            "agent with plugins": asking(True),
            "agent without": asking(False),
            "code": ran(
                lambda: agent("one", text("```python\nprint(1)\n```"), text("fine"), code_executor=Executor())
            ),
            "data": ran(lambda: agent("one", [*text("fine"), blob])),
            "beside an answer": shown(beside()),
            "beside nothing": shown(beside().model_copy(update={"content": None})),
            "beside a thought": shown([types.Part(thought=True, executable_code=code), *text("fine")]),
            "streamed": ran(
                lambda: agent("one", text("fine")),
                RunConfig(streaming_mode=StreamingMode.SSE),
                stream="refuse",
            ),
            "whole": ran(lambda: agent("one", text("fine")), stream="refuse"),
            "signature": ran(lambda: agent("one", [*text("fine"), signature])),
        }
    )
