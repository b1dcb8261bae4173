"""Pydantic AI with a scripted model, for the cases that every framework is put through."""

import asyncio
import json
from typing import Any

from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, capture_run_messages
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import DeltaToolCall, FunctionModel
from scripted import TOOLS, Outcome, Says, main

from acs_client import Session
from acs_client.integrations.pydantic_ai import Acs


def run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    """Run an agent to its end, approving what it pauses for."""

    def answer(messages: Any, _: Any) -> ModelResponse:
        outcome.seen.append([_text(part) for message in messages for part in message.parts])
        says = script.pop(0)
        says.prepare()
        calls = [ToolCallPart(call.name, call.args, call.id) for call in says.calls]
        return ModelResponse(parts=[*([TextPart(says.text)] if says.text else []), *calls])

    async def stream(messages: Any, info: Any) -> Any:
        for index, part in enumerate(answer(messages, info).parts):
            if isinstance(part, TextPart):
                for letter in part.content:
                    yield letter
            else:
                yield {
                    index: DeltaToolCall(
                        part.tool_name, json.dumps(part.args), tool_call_id=part.tool_call_id
                    )
                }

    model = FunctionModel(answer, stream_function=stream)
    agent = Agent(
        model, tools=list(TOOLS), capabilities=[Acs(session)], output_type=[str, DeferredToolRequests]
    )
    given: dict[str, Any] = {"user_prompt": prompt}
    with capture_run_messages() as messages:
        try:
            for _ in range(3):
                result = (
                    asyncio.run(_streamed(agent, given, outcome))
                    if way == "async"
                    else agent.run_sync(**given)
                )
                if not isinstance(result.output, DeferredToolRequests):
                    outcome.got.append(result.output)
                    break
                resumed = DeferredToolResults()
                for call in result.output.approvals:
                    ticket = json.loads(json.dumps(result.output.metadata[call.tool_call_id]))
                    approval = outcome.approval(ticket)
                    resumed.approvals[call.tool_call_id] = True
                    resumed.metadata[call.tool_call_id] = {"ticket": ticket, "approval": approval}
                given = {"message_history": result.all_messages(), "deferred_tool_results": resumed}
            outcome.history = [
                [part.part_kind, _text(part)] for message in result.all_messages() for part in message.parts
            ]
        finally:
            outcome.history += [
                [part.part_kind, _text(part)] for message in messages for part in message.parts
            ]


async def _streamed(agent: Any, given: Any, outcome: Outcome) -> Any:
    async with agent.run_stream_events(**given) as events:
        async for event in events:
            outcome.got.append(repr(event))
            if event.event_kind == "agent_run_result":
                found = event.result
    return found


def _text(part: Any) -> Any:
    content = getattr(part, "content", None)
    return content if isinstance(content, str) else ""


if __name__ == "__main__":
    main(run)
