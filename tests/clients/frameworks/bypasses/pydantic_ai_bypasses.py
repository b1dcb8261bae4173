"""Pydantic AI: tools that the host runs itself, tools that a run brings, answers that are not text."""

import asyncio
from typing import Any

from pydantic_ai import Agent, BinaryContent, DeferredToolRequests
from pydantic_ai.messages import FilePart, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import ExternalToolset, FunctionToolset
from trying import RAN, delete_file, main

from acs_client import Session
from acs_client.integrations.pydantic_ai import Acs

CALL = ToolCallPart("delete_file", {"path": "x"}, "1")


def agent(session: Session, *parts: Any, **options: Any) -> Any:
    """An agent whose model says these, and then that it is done."""
    answers = [ModelResponse(parts=list(parts)), ModelResponse(parts=[TextPart("fine")])]
    hosted = options.pop("hosted", "refuse")
    model = FunctionModel(lambda messages, info: answers.pop(0))
    return Agent(model, capabilities=[Acs(session, hosted=hosted)], **options)


def external(hosted: str) -> Any:
    """A tool that the host runs itself."""
    tools = ExternalToolset([ToolDefinition(name="delete_file")])

    def way(session: Session) -> Any:
        made = agent(session, CALL, hosted=hosted, toolsets=[tools], output_type=[str, DeferredToolRequests])
        return made.run_sync("hello").output

    return way


def brought(session: Session) -> Any:
    """A run brings a tool."""
    return agent(session, CALL).run_sync("hello", toolsets=[FunctionToolset([delete_file])]).all_messages()


def file(session: Session) -> Any:
    """A file in an answer."""
    part = FilePart(content=BinaryContent(data=b"secret-123", media_type="text/plain"))
    return agent(session, TextPart("fine"), part).run_sync("hello").all_messages()


def streamed(session: Session) -> Any:
    """A stream where its host wants none."""
    model = FunctionModel(stream_function=_pieces)
    return asyncio.run(_streamed(Agent(model, capabilities=[Acs(session, stream="refuse")])))


async def _pieces(messages: Any, info: Any) -> Any:
    RAN.append("model")
    yield "fine"


async def _streamed(made: Any) -> Any:
    async with made.run_stream("hello") as result:
        return await result.get_output()


if __name__ == "__main__":
    main(
        {
            "external": external("refuse"),
            "external observed": external("observe"),
            "brought": brought,
            "file": file,
            "streamed": streamed,
        }
    )
