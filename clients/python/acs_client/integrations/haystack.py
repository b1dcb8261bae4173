"""Haystack (section 12.8): `governed_agent(session, …)` is governed at input, models, tools and output.

A blocked call gives the model one text as the tool's result, and the run goes on; an escalation raises in
the tool, any other block ends the run. Answers are held back until they are permitted.
"""

import asyncio
import copy
import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from haystack.components.agents import Agent
from haystack.components.agents.state import State
from haystack.dataclasses import ChatMessage, StreamingChunk, TextContent
from haystack.dataclasses.chat_message import ReasoningContent
from haystack.tools import Tool, Toolset, flatten_tools_or_toolsets

from acs_client.calls import denied
from acs_client.integrations.answer_details import without_texts
from acs_client.integrations.model_points import ModelPoints, call_of, refused_stream, refuses_streams
from acs_client.integrations.tool_points import ToolBlockedError, ToolPoints
from acs_client.session import Session
from acs_client.values import media

__all__ = ["govern_model", "govern_tool", "governed_agent"]


def governed_agent(
    session: Session,
    *,
    chat_generator: Any,
    tools: Sequence[Tool | Toolset] | Toolset = (),
    hooks: Mapping[str, Sequence[Any]] | None = None,
    on_block: str = "error",
    stream: str = "hold",
    **options: Any,
) -> Agent:
    """Return an agent of governed copies of a generator and of tools; `options` are those of `Agent`."""
    merged = {point: list(registered) for point, registered in (hooks or {}).items()}
    merged["before_run"] = [*merged.get("before_run", ()), _InputHook(session)]
    return Agent(
        chat_generator=govern_model(chat_generator, session, stream=stream),
        tools=[govern_tool(tool, session, on_block=on_block) for tool in _flat(tools)],
        hooks=merged,
        **options,
    )


def govern_tool(tool: Tool, session: Session, *, on_block: str = "error") -> Tool:
    """Return a copy of a tool whose every call is evaluated; `tool` is not changed."""
    points = ToolPoints(session, "haystack", on_block)
    function, coroutine_function = tool.function, getattr(tool, "async_function", None)

    def run(**args: Any) -> Any:
        try:
            return points.run(tool.name, args, lambda permitted: function(**permitted))
        except ToolBlockedError as blocked:
            return str(blocked)

    async def run_async(**args: Any) -> Any:
        async def call(permitted: dict[str, Any]) -> Any:
            assert coroutine_function is not None  # noqa: S101  # set where this function is used
            return await coroutine_function(**permitted)

        try:
            return await points.run_async(tool.name, args, call)
        except ToolBlockedError as blocked:
            return str(blocked)

    run.is_governed = run_async.is_governed = True  # type: ignore[attr-defined]  # `_check` looks for it
    changed: dict[str, Any] = {"function": run if function is not None else None}
    if coroutine_function is not None:
        changed["async_function"] = run_async
    return dataclasses.replace(tool, **changed)


def govern_model(generator: Any, session: Session, *, stream: str = "hold") -> Any:
    """Return a copy of a chat generator whose every prompt and answer is evaluated.

    An answer is held back from the callbacks of a stream until it is permitted, and goes out in one piece;
    with `stream="refuse"` a call with such a callback is refused.
    """
    refuses = refuses_streams(stream)
    model = _Model(ModelPoints(session, "haystack"), type(generator).__name__)
    found = copy.copy(generator)
    own = getattr(generator, "streaming_callback", None)
    if own is not None:
        found.streaming_callback = None
    run, run_async = found.run, getattr(found, "run_async", None)

    @functools.wraps(run)
    def governed(messages: list[ChatMessage], streaming_callback: Any = None, **options: Any) -> Any:
        if refuses and (streaming_callback or own):
            raise refused_stream()
        result = run(messages=model.before(messages, options.get("tools")), **options)
        permitted = model.after(result)
        _release(streaming_callback or own, permitted["replies"])
        return permitted

    found.run = governed
    if run_async is not None:

        @functools.wraps(run_async)
        async def governed_async(
            messages: list[ChatMessage], streaming_callback: Any = None, **options: Any
        ) -> Any:
            if refuses and (streaming_callback or own):
                raise refused_stream()
            sent = await asyncio.to_thread(model.before, messages, options.get("tools"))
            permitted = await asyncio.to_thread(model.after, await run_async(messages=sent, **options))
            for waiting in _release(streaming_callback or own, permitted["replies"]):
                await waiting
            return permitted

        found.run_async = governed_async
    return found


class _InputHook:
    """Evaluates what the user sent since the last answer."""

    def __init__(self, session: Session) -> None:
        self._session = session.as_agent(framework="haystack")

    def run(self, state: State) -> None:
        """Evaluate, and put a transform back."""
        messages = list(state.data["messages"])
        answered = [index for index, message in enumerate(messages) if message.role.value == "assistant"]
        for index in range(answered[-1] + 1 if answered else 0, len(messages)):
            if messages[index].role.value != "user":
                continue
            decision = self._session.input(_shown(messages[index])["content"])
            if decision.transformed:
                messages[index] = _with_text(messages[index], decision.value, "input")
        state.data["messages"] = messages

    async def run_async(self, state: State) -> None:
        """As `run`."""
        await asyncio.to_thread(self.run, state)


class _Model:
    def __init__(self, points: ModelPoints, name: str) -> None:
        self._points, self._name = points, name

    def before(self, messages: list[ChatMessage], tools: Any) -> list[ChatMessage]:
        """Return the messages as they may be sent."""
        places = [(index, shown) for index, message in enumerate(messages) for shown in _views(message)]
        offered = [_offered(tool) for tool in _flat(tools)]
        found = list(messages)
        for place, text in self._points.before([shown for _, shown in places], self._name, offered):
            index, shown = places[place]
            if "tool_call_id" in shown or shown["role"] == "tool":
                number = sum(at == index for at, _ in places[:place])
                found[index] = _with_result(found[index], number, text)
            else:
                found[index] = _with_text(found[index], text, "pre_model_call")
        return found

    def after(self, result: Any) -> Any:
        """Return the result of a generator with what is permitted of its replies."""
        return {**result, "replies": [self._reply(reply) for reply in result["replies"]]}

    def _reply(self, reply: ChatMessage) -> ChatMessage:
        shown = _shown(reply)
        calls = shown.get("tool_calls", [])
        reason = "tool_calls" if calls else str(reply.meta.get("finish_reason") or "stop")
        text, remaining = self._points.after(
            shown["content"], calls, self._name, reason=reason, usage=_usage(reply)
        )
        reply = dataclasses.replace(reply, _meta=without_texts(reply.meta))
        if text != shown["content"]:
            reply = _with_text(reply, text, "post_model_call")
        return reply if remaining == calls else _with_calls(reply, remaining)


def _offered(tool: Tool) -> dict[str, Any]:
    """Return a tool as policies see it; raise `Denied` for one that a run or somebody else has brought."""
    functions = [tool.function, getattr(tool, "async_function", None)]
    if not all(getattr(function, "is_governed", False) for function in functions if function is not None):
        message = f"`{tool.name}` was added after the agent was governed: add `govern_tool(tool, session)`"
        raise denied("pre_model_call", "adapter_unsupported", "ungoverned", message)
    return {"name": tool.name, "description": tool.description}


def _flat(tools: Any) -> list[Tool]:
    """Return tools, those of tool sets included."""
    given = tools if tools is None or isinstance(tools, Toolset) else list(tools)
    flat: list[Tool] = flatten_tools_or_toolsets(given)
    return flat


def _release(callback: Callable[[StreamingChunk], Any] | None, replies: list[ChatMessage]) -> list[Any]:
    """Give the permitted texts to a callback; return what is to be awaited."""
    if callback is None:
        return []
    texts = [text for reply in replies for text in reply.texts]
    given = [callback(StreamingChunk(content=text, index=0, start=True)) for text in texts]
    return [waiting for waiting in given if waiting is not None]


def _views(message: ChatMessage) -> list[dict[str, Any]]:
    """Return a message as policies expect it: each result of a tool is a message."""
    results = message.tool_call_results
    if not results:
        return [_shown(message)]
    views = []
    for result in results:
        known = {} if result.origin.id is None else {"tool_call_id": result.origin.id}
        content = result.result if isinstance(result.result, str) else _joined(result.result)
        views.append({"role": "tool", "name": result.origin.tool_name, "content": content, **known})
    return views


def _shown(message: ChatMessage) -> dict[str, Any]:
    content = [part for part in message._content if type(part).__name__ != "ToolCall"]
    shown: dict[str, Any] = {"role": message.role.value, "content": _joined(content)}
    if message.tool_calls:
        shown["tool_calls"] = [
            call_of(call.id, call.tool_name, call.arguments) for call in message.tool_calls
        ]
    return shown


def _joined(parts: Iterable[Any]) -> Any:
    """Return parts that are all text as one text, and others as a list."""
    shown = [_part(part) for part in parts]
    if all(isinstance(part, str) for part in shown):
        return "\n".join(shown)
    return [{"type": "text", "text": part} if isinstance(part, str) else part for part in shown]


def _part(part: Any) -> Any:
    if isinstance(part, TextContent):
        return part.text
    if isinstance(part, ReasoningContent):
        return part.reasoning_text
    content = getattr(part, "base64_image", None) or getattr(part, "base64_data", None)
    if not isinstance(content, str):
        raise denied(
            "pre_model_call", "request_invalid", "snapshot", f"a message has a {type(part).__name__}"
        )
    return media(content.encode(), getattr(part, "mime_type", None) or "application/octet-stream")


def _with_text(message: ChatMessage, text: Any, point: str) -> ChatMessage:
    """Return a message with another text: it goes into the last text, and the others go."""
    last = [index for index, part in enumerate(message._content) if isinstance(part, TextContent)]
    if not isinstance(text, str):
        raise denied(point, "transform_invalid", "write_back", "the transform changes what is not text")
    kept = [part for part in message._content if not isinstance(part, TextContent | ReasoningContent)]
    place = (
        0
        if not last
        else sum(
            not isinstance(part, TextContent | ReasoningContent) for part in message._content[: last[-1]]
        )
    )
    return dataclasses.replace(message, _content=[*kept[:place], TextContent(text), *kept[place:]])


def _with_result(message: ChatMessage, number: int, text: Any) -> ChatMessage:
    results = list(message._content)
    if not isinstance(results[number].result, str):
        raise denied(
            "pre_model_call", "transform_invalid", "write_back", "the transform changes what is not text"
        )
    results[number] = dataclasses.replace(results[number], result=text)
    return dataclasses.replace(message, _content=results)


def _with_calls(message: ChatMessage, calls: list[dict[str, Any]]) -> ChatMessage:
    """Return a message with the calls that a policy has left, and their arguments."""
    remaining = iter(calls)
    wanted = next(remaining, None)
    kept: list[Any] = []
    for part in message._content:
        if type(part).__name__ != "ToolCall":
            kept.append(part)
        elif wanted is not None and call_of(part.id, part.tool_name, {}) == {**wanted, "args": {}}:
            kept.append(dataclasses.replace(part, arguments=wanted["args"]))
            wanted = next(remaining, None)
    return dataclasses.replace(message, _content=kept)


def _usage(reply: ChatMessage) -> dict[str, int] | None:
    usage = reply.meta.get("usage")
    names = ("prompt_tokens", "completion_tokens")
    if not isinstance(usage, Mapping) or not all(isinstance(usage.get(name), int) for name in names):
        return None
    return {name: usage[name] for name in names}
