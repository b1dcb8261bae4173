"""Pydantic AI: tools that the host runs itself, tools that a run brings, answers that are more than text."""

import asyncio
from typing import Any

from pydantic_ai import Agent, BinaryContent, CallDeferred, DeferredToolRequests
from pydantic_ai.messages import FilePart, ModelResponse, TextPart, ThinkingPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import ExternalToolset, FunctionToolset
from trying import RAN, delete_file, main

from acs_client import Session
from acs_client.integrations.pydantic_ai import Acs

LEAKS = "it is secret-123 now"
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


def deferred(hosted: str) -> Any:
    """A tool that leaves its result to the host."""

    def delete_file(path: str) -> str:
        raise CallDeferred

    def way(session: Session) -> Any:
        options: Any = {"tools": [delete_file], "output_type": [str, DeferredToolRequests]}
        call = ToolCallPart("search", {"path": "x"}, "1")
        made = agent(session, call, hosted=hosted, **options)
        return made.run_sync("hello").all_messages()

    delete_file.__name__ = "search"
    return way


def beside(session: Session) -> Any:
    """An answer that says the same in other places."""
    details = {"logprobs": [{"token": LEAKS}], "finish_reason": "stop", "count": [1]}
    parts = [
        ThinkingPart(LEAKS, signature="s1", provider_details={"raw_content": [LEAKS]}),
        TextPart(LEAKS, provider_details={"thought_signature": "s2", "logprobs": [LEAKS]}),
    ]
    answer = ModelResponse(parts=parts, provider_details=details, metadata={"text": LEAKS})
    model = FunctionModel(lambda messages, info: answer)
    return Agent(model, capabilities=[Acs(session)]).run_sync("hello").all_messages()[-1]


def other_model(session: Session) -> Any:
    """A model that a run brings."""
    other = FunctionModel(lambda messages, info: ModelResponse(parts=[TextPart(LEAKS)]))
    return agent(session, TextPart("fine")).run_sync("hello", model=other).output


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
            "deferred": deferred("refuse"),
            "deferred observed": deferred("observe"),
            "beside an answer": beside,
            "another model": other_model,
            "brought": brought,
            "file": file,
            "streamed": streamed,
        }
    )
