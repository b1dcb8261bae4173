"""LangChain agents with a scripted model, for the cases that every framework is put through."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from scripted import TOOLS, Outcome, Says, main

from acs_client import Session
from acs_client.integrations.langchain import AcsMiddleware


class ScriptedModel(BaseChatModel):
    """Answers with what it was given, in turn; streams it letter by letter."""

    script: Any  # a list of its own type would be copied
    seen: Any

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **options: Any) -> "ScriptedModel":
        """The script names its tools."""
        return self

    def _next(self, messages: Any) -> AIMessage:
        self.seen.append([message.content for message in messages])
        says = self.script.pop(0)
        says.prepare()
        calls = [{"name": call.name, "args": call.args, "id": call.id} for call in says.calls]
        return AIMessage(content=says.text, tool_calls=calls)

    def _generate(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next(messages))])

    def _stream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any
    ) -> Iterator[ChatGenerationChunk]:
        message = self._next(messages)
        calls = [
            {"name": call["name"], "args": json.dumps(call["args"]), "id": call["id"], "index": index}
            for index, call in enumerate(message.tool_calls)
        ]
        for index, letter in enumerate(str(message.content) or [""]):
            part = AIMessageChunk(content=letter, tool_call_chunks=[] if index else calls)
            yield ChatGenerationChunk(message=part)


def run(session: Session, way: str, script: list[Says], prompt: str, outcome: Outcome) -> None:
    """Run an agent to its end, approving what it pauses for."""
    model = ScriptedModel(script=script, seen=outcome.seen)
    tools = [StructuredTool.from_function(function) for function in TOOLS]
    agent = create_agent(model, tools, middleware=[AcsMiddleware(session)], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    given: Any = {"messages": [{"role": "user", "content": prompt}]}
    try:
        for _ in range(3):
            stream = (
                asyncio.run(_collect(agent, given, config, outcome))
                if way == "async"
                else _stream(agent, given, config, outcome)
            )
            if not stream:
                break
            ticket = json.loads(json.dumps(stream[0]))
            given = Command(resume={"ticket": ticket, "approval": outcome.approval(ticket)})
    finally:
        messages = agent.get_state(config).values.get("messages", [])
        outcome.history += [[message.type, message.content] for message in messages]


def _entry(mode: str, value: Any, outcome: Outcome) -> list[Any]:
    """Note what the caller received; return the tickets in it."""
    if mode == "messages":
        outcome.got.append(value[0].content)
        return []
    found = value.get("__interrupt__", ()) if isinstance(value, dict) else ()
    if not found:
        outcome.got.append(str(value))
    return [interrupt.value for interrupt in found]


def _stream(agent: Any, given: Any, config: Any, outcome: Outcome) -> list[Any]:
    tickets = []
    for entry in agent.stream(given, config, stream_mode=["messages", "updates"]):
        mode, value = entry
        tickets += _entry(mode, value, outcome)
    return tickets


async def _collect(agent: Any, given: Any, config: Any, outcome: Outcome) -> list[Any]:
    tickets = []
    async for entry in agent.astream(given, config, stream_mode=["messages", "updates"]):
        mode, value = entry
        tickets += _entry(mode, value, outcome)
    return tickets


if __name__ == "__main__":
    main(run)
