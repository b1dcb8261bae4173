"""AutoGen with a scripted model, for the cases that every framework is put through."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import ChatCompletionClient, CreateResult, ModelInfo, RequestUsage
from autogen_core.tools import FunctionTool, StaticWorkbench
from scripted import TOOLS, Outcome, Says, main

from acs_client import Session
from acs_client.integrations.autogen import GovernedModel, GovernedWorkbench

USAGE = RequestUsage(prompt_tokens=1, completion_tokens=1)


class ScriptedModel(ChatCompletionClient):
    """A model that says what the script says."""

    def __init__(self, script: list[Says], outcome: Outcome) -> None:
        self.script, self.outcome = script, outcome

    async def create(self, messages: Sequence[Any], **_: Any) -> CreateResult:
        """The next answer."""
        self.outcome.seen.append([text for message in messages for text in _texts(message)])
        says = self.script.pop(0)
        says.prepare()
        calls = [
            FunctionCall(id=call.id, name=call.name, arguments=json.dumps(call.args)) for call in says.calls
        ]
        reason = "function_calls" if calls else "stop"
        return CreateResult(finish_reason=reason, content=calls or says.text, usage=USAGE, cached=False)

    async def create_stream(self, messages: Sequence[Any], **_: Any) -> Any:
        """The next answer, letter by letter."""
        answer = await self.create(messages)
        for letter in answer.content if isinstance(answer.content, str) else ():
            yield letter
        yield answer

    async def close(self) -> None:
        """Nothing."""

    def actual_usage(self) -> RequestUsage:
        """Nothing much."""
        return USAGE

    def total_usage(self) -> RequestUsage:
        """Nothing much."""
        return USAGE

    def count_tokens(self, *_: Any, **__: Any) -> int:
        """Nothing much."""
        return 1

    def remaining_tokens(self, *_: Any, **__: Any) -> int:
        """Enough."""
        return 1000

    @property
    def capabilities(self) -> Any:
        """What it can do."""
        return self.model_info

    @property
    def model_info(self) -> ModelInfo:
        """What it can do."""
        return ModelInfo(
            vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False
        )


def run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    """Run an agent to its end."""
    asyncio.run(_run(session, way, script, prompt, outcome))


async def _run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    tools = StaticWorkbench([FunctionTool(tool, description=tool.__doc__ or "") for tool in TOOLS])
    agent = AssistantAgent(
        "a",
        GovernedModel(ScriptedModel(script, outcome), session),
        workbench=GovernedWorkbench(tools, session),
        max_tool_iterations=4,
        model_client_stream=way == "stream",
    )
    try:
        async for event in agent.run_stream(task=prompt):
            outcome.got.append(
                event.messages[-1].to_text() if hasattr(event, "messages") else event.to_text()
            )
    finally:
        state: Mapping[str, Any] = await agent.save_state()
        outcome.history = [
            [message["type"], text] for message in state["llm_context"]["messages"] for text in _said(message)
        ]


def _texts(message: Any) -> list[str]:
    return _said(message.model_dump())


def _said(message: Any) -> list[str]:
    content = message["content"]
    if isinstance(content, str):
        return [content]
    return [part.get("content", "") for part in content if isinstance(part, dict)]


if __name__ == "__main__":
    main(run, asks=True)
