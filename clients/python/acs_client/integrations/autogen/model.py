"""A model client of AutoGen whose every prompt and answer is evaluated."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    ChatCompletionClient,
    CreateResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    ModelInfo,
    RequestUsage,
)
from autogen_core.tools import Tool, ToolSchema

from acs_client.calls import denied
from acs_client.integrations.model_points import ModelPoints, call_of, refused_stream, refuses_streams
from acs_client.session import Session
from acs_client.values import media

__all__ = ["GovernedModel"]

_REASONS = {"function_calls": "tool_calls", "unknown": "other"}


class GovernedModel(ChatCompletionClient):
    """A model client with its two points, and `output` for an answer that calls no tool.

    A streamed answer is held back until it is permitted, and goes out in one piece; with `stream="refuse"`
    it is refused.
    """

    component_type = "model"

    def __init__(self, client: ChatCompletionClient, session: Session, *, stream: str = "hold") -> None:
        self._client = client
        self._points = ModelPoints(session, "autogen")
        self._refuses_streams = refuses_streams(stream)

    async def create(
        self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | ToolSchema] = (), **options: Any
    ) -> CreateResult:
        """Return the permitted answer of the model."""
        sent = await asyncio.to_thread(self._before, messages, tools)
        return await asyncio.to_thread(self._after, await self._client.create(sent, tools=tools, **options))

    async def create_stream(
        self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | ToolSchema] = (), **options: Any
    ) -> AsyncGenerator[str | CreateResult, None]:
        """Yield the permitted answer of the model, once all of it is there."""
        if self._refuses_streams:
            raise refused_stream()
        sent = await asyncio.to_thread(self._before, messages, tools)
        answers = [
            part
            async for part in self._client.create_stream(sent, tools=tools, **options)
            if isinstance(part, CreateResult)
        ]
        permitted = await asyncio.to_thread(self._after, answers[-1])
        if isinstance(permitted.content, str):
            yield permitted.content
        yield permitted

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()

    def actual_usage(self) -> RequestUsage:
        """Return the tokens of the client."""
        return self._client.actual_usage()

    def total_usage(self) -> RequestUsage:
        """Return all tokens of the client."""
        return self._client.total_usage()

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | ToolSchema] = ()) -> int:
        """Return the tokens of a prompt."""
        return int(self._client.count_tokens(messages, tools=tools))

    def remaining_tokens(
        self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | ToolSchema] = ()
    ) -> int:
        """Return the tokens that a prompt leaves."""
        return int(self._client.remaining_tokens(messages, tools=tools))

    @property
    def capabilities(self) -> Any:
        """What the model can do, as older versions say it."""
        return self._client.capabilities

    @property
    def model_info(self) -> ModelInfo:
        """What the model can do."""
        return self._client.model_info

    @property
    def _name(self) -> str:
        return str(self._client.model_info["family"])

    def _before(self, messages: Sequence[LLMMessage], tools: Sequence[Any]) -> list[LLMMessage]:
        places = [(index, shown) for index, message in enumerate(messages) for shown in _views(message)]
        found = list(messages)
        offered = [_offered(tool) for tool in tools]
        for place, text in self._points.before([shown for _, shown in places], self._name, offered):
            index = places[place][0]
            number = sum(at == index for at, _ in places[:place])
            found[index] = _with_text(found[index], number, text)
        return found

    def _after(self, answer: CreateResult) -> CreateResult:
        calls = [] if isinstance(answer.content, str) else [_call(call) for call in answer.content]
        said = answer.content if isinstance(answer.content, str) else None
        whole = "\n".join(text for text in (answer.thought, said) if text)
        usage = {
            "prompt_tokens": answer.usage.prompt_tokens,
            "completion_tokens": answer.usage.completion_tokens,
        }
        reason = _REASONS.get(answer.finish_reason, answer.finish_reason)
        text, remaining = self._points.after(whole, calls, self._name, reason=reason, usage=usage)
        answer = answer.model_copy(update={"logprobs": None})  # tokens of what may have been replaced
        if text == whole and remaining == calls:
            return answer
        if not remaining:
            return answer.model_copy(update={"content": text, "thought": None})
        content = [
            FunctionCall(id=call["id"], name=call["name"], arguments=_arguments(call)) for call in remaining
        ]
        return answer.model_copy(update={"content": content, "thought": text or None})


def _views(message: LLMMessage) -> list[dict[str, Any]]:
    """Return a message as policies expect it: each result of a tool is a message."""
    if isinstance(message, FunctionExecutionResultMessage):
        return [
            {"role": "tool", "name": result.name, "content": result.content, "tool_call_id": result.call_id}
            for result in message.content
        ]
    if isinstance(message, AssistantMessage):
        said = message.content if isinstance(message.content, str) else None
        shown: dict[str, Any] = {
            "role": "assistant",
            "content": "\n".join(text for text in (message.thought, said) if text),
        }
        if said is None:
            shown["tool_calls"] = [_call(call) for call in message.content]
        return [shown]
    role = "system" if message.type == "SystemMessage" else "user"
    content: Any = message.content
    if not isinstance(content, str):
        parts = [
            part if isinstance(part, str) else media(part.to_base64().encode(), "image/png")
            for part in content
        ]
        are_texts = all(isinstance(part, str) for part in parts)
        content = "\n".join(map(str, parts)) if are_texts else parts
    return [{"role": role, "content": content}]


def _with_text(message: Any, number: int, text: Any) -> Any:
    """Return a message with another text; of several, the last one has it."""
    if isinstance(message, FunctionExecutionResultMessage):
        results = list(message.content)
        results[number] = results[number].model_copy(update={"content": text})
        return message.model_copy(update={"content": results})
    if isinstance(message, AssistantMessage):
        said = isinstance(message.content, str)
        return message.model_copy(update={"content": text, "thought": None} if said else {"thought": text})
    if isinstance(text, str):
        return message.model_copy(update={"content": text})
    if [part for part in text if not isinstance(part, str)] != [
        part for part in _views(message)[0]["content"] if not isinstance(part, str)
    ]:
        raise denied(
            "pre_model_call", "transform_invalid", "write_back", "the transform changes what is not text"
        )
    new = [part if isinstance(part, str) else old for part, old in zip(text, message.content, strict=True)]
    return message.model_copy(update={"content": new})


def _call(call: FunctionCall) -> dict[str, Any]:
    return call_of(call.id, call.name, call.arguments)


def _arguments(call: Mapping[str, Any]) -> str:
    return str(call["args_text"]) if "args_text" in call else json.dumps(call["args"])


def _offered(tool: Any) -> dict[str, Any]:
    schema = tool if isinstance(tool, Mapping) else tool.schema
    return {"name": schema["name"], "description": schema.get("description") or ""}
