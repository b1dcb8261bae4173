"""Haystack with a scripted model, for the cases that every framework is put through."""

import asyncio
from typing import Any

from haystack import component
from haystack.dataclasses import ChatMessage, StreamingChunk, ToolCall
from haystack.tools import create_tool_from_function
from scripted import TOOLS, Outcome, Says, main

from acs_client import Session
from acs_client.integrations.haystack import governed_agent


@component
class ScriptedModel:
    """A model that says what the script says."""

    def __init__(self, script: list[Says], outcome: Outcome) -> None:
        self.script, self.outcome = script, outcome

    @component.output_types(replies=list[ChatMessage])
    def run(
        self, messages: list[ChatMessage], tools: Any = None, streaming_callback: Any = None
    ) -> dict[str, Any]:
        """The next answer, letter by letter where somebody listens."""
        self.outcome.seen.append([text for message in messages for text in _texts(message)])
        says = self.script.pop(0)
        says.prepare()
        for letter in says.text if streaming_callback is not None else ():
            streaming_callback(StreamingChunk(content=letter))
        calls = [ToolCall(call.name, call.args, id=call.id) for call in says.calls]
        return {"replies": [ChatMessage.from_assistant(says.text or None, tool_calls=calls)]}


def run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    """Run an agent to its end."""
    tools = [create_tool_from_function(tool) for tool in TOOLS]
    agent = governed_agent(session, chat_generator=ScriptedModel(script, outcome), tools=tools)
    given = [ChatMessage.from_user(prompt)]

    def hear(chunk: StreamingChunk) -> None:
        outcome.got.append(chunk.content)

    async def hear_async(chunk: StreamingChunk) -> None:
        outcome.got.append(chunk.content)

    result = (
        asyncio.run(agent.run_async(messages=given, streaming_callback=hear_async))
        if way == "async"
        else agent.run(messages=given, streaming_callback=hear)
    )
    outcome.got.append(result["last_message"].text)
    outcome.history = [
        [message.role.value, text] for message in result["messages"] for text in _texts(message)
    ]


def _texts(message: ChatMessage) -> list[str]:
    results = [result.result for result in message.tool_call_results]
    return [message.text or "", *(result if isinstance(result, str) else str(result) for result in results)]


if __name__ == "__main__":
    main(run, asks=True)
