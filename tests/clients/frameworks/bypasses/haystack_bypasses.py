"""Haystack: tools that a run brings or that are added to a governed agent, and what stands beside an answer."""

from typing import Any

from haystack import component
from haystack.dataclasses import ChatMessage, ToolCall
from haystack.tools import Tool
from trying import delete_file, main

from acs_client import Session, govern
from acs_client.integrations.haystack import govern_tool, governed_agent

TOOL = Tool(
    name="delete_file",
    description="Delete.",
    parameters={"type": "object", "properties": {"path": {"type": "string"}}},
    function=delete_file,
)


@component
class Scripted:
    """A model that asks for a file to be deleted."""

    def __init__(self) -> None:
        call = ToolCall("delete_file", {"path": "x"}, id="1")
        self.answers = [ChatMessage.from_assistant(tool_calls=[call]), ChatMessage.from_assistant("fine")]

    @component.output_types(replies=list[ChatMessage])
    def run(self, messages: list[ChatMessage], tools: Any = None) -> dict[str, Any]:
        """The next answer."""
        return {"replies": [self.answers.pop(0)]}


def brought(session: Session) -> Any:
    """A run brings a tool."""
    return governed_agent(session, chat_generator=Scripted()).run(
        messages=[ChatMessage.from_user("hello")], tools=[TOOL]
    )


def added(session: Session) -> Any:
    """Somebody adds one."""
    agent = governed_agent(session, chat_generator=Scripted())
    agent.tools = [TOOL]
    return agent.run(messages=[ChatMessage.from_user("hello")])


def governed(session: Session) -> Any:
    """A run brings one that is governed."""
    return governed_agent(session, chat_generator=Scripted()).run(
        messages=[ChatMessage.from_user("hello")], tools=[govern_tool(TOOL, session)]
    )


def beside(session: Session) -> Any:
    """An answer that says the same in its metadata."""
    meta = {"model": "m", "logprobs": {"content": [{"token": "secret-123"}]}, "usage": {"prompt_tokens": 1}}
    model = Scripted()
    model.answers = [ChatMessage.from_assistant("it is secret-123 now", meta=meta)]
    agent = governed_agent(session, chat_generator=model)
    return agent.run(messages=[ChatMessage.from_user("hello")])["last_message"]


def streamed(session: Session) -> Any:
    """A stream where its host wants none."""
    agent = governed_agent(session, chat_generator=Scripted(), stream="refuse")
    return agent.run(messages=[ChatMessage.from_user("hello")], streaming_callback=lambda chunk: None)


if __name__ == "__main__":
    main(
        {
            "brought": brought,
            "added": added,
            "governed": governed,
            "beside an answer": beside,
            "streamed": streamed,
            "by one import": lambda session: govern(TOOL, session=session).invoke(path="x"),
        }
    )
