"""Pydantic AI (section 12.8): `Agent(capabilities=[Acs(session)])` evaluates every step of a run.

A blocked tool call gives the model one failed result, and the run goes on; blocks elsewhere raise. Model
output is held until it is permitted, so that streams and the history have nothing else.
"""

import dataclasses
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic_ai.capabilities import AbstractCapability, CapabilityOrdering
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, ToolFailed
from pydantic_ai.messages import (
    BaseToolCallPart,
    BaseToolReturnPart,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    UserPromptPart,
)
from pydantic_ai.models import CompletedStreamedResponse
from pydantic_ai.models.wrapper import WrapperModel

from acs_client.aio import AsyncSession
from acs_client.calls import denied
from acs_client.errors import Blocked, Escalated, describe
from acs_client.govern import returned
from acs_client.integrations.answer_details import without_texts
from acs_client.integrations.model_points import refused_stream, refuses_streams
from acs_client.session import Session
from acs_client.tool_call import ReplacedError, ToolCall
from acs_client.values import encode, media, to_json

__all__ = ["Acs"]


class Acs(AbstractCapability[Any]):
    """The capability: evaluates prompts, models, tools and outputs in one session.

    `on_block="raise"` stops the run at a blocked tool call. Tools that the provider runs are refused unless
    `hosted="observe"`; `stream="refuse"` refuses streams instead of holding them back. A paused
    call is resumed with `DeferredToolResults(approvals={id: True}, metadata={id: {"ticket": …, "approval":
    …}})`.
    """

    def __init__(
        self, session: Session, *, on_block: str = "error", hosted: str = "refuse", stream: str = "hold"
    ) -> None:
        self._session = session.as_agent(framework="pydantic-ai")
        self._on_block, self._hosted = on_block, hosted
        self._refuses_streams = refuses_streams(stream, on_block, hosted)

    def get_ordering(self) -> Any:
        """Return that it is next to model and tools: what other capabilities change is what is evaluated."""
        return CapabilityOrdering(position="innermost")

    async def before_run(self, ctx: Any) -> None:
        """Evaluate the prompt of a run."""
        if ctx.prompt is None:
            return
        content = _content(ctx.prompt)
        decision = await AsyncSession.over(self._session).input(content)
        if encode(to_json(content)) != encode(decision.value):
            message = "a prompt cannot be changed here: change it at `pre_model_call`"
            raise denied("input", "transform_invalid", "write_back", message)

    def get_wrapper_model(self, model: Any) -> Any:
        """Return the model with its two points."""
        return _GovernedModel(model, self._session, self._hosted, self._refuses_streams)

    async def wrap_tool_execute(self, ctx: Any, *, call: Any, tool_def: Any, args: Any, handler: Any) -> Any:
        """Run a tool between its two points."""
        session = AsyncSession.over(self._session)
        brought = ctx.tool_call_metadata if ctx.tool_call_approved else None
        approved = (
            {name: brought.get(name) for name in ("ticket", "approval")} if isinstance(brought, dict) else {}
        )
        try:
            decision = await session.pre_tool_call(tool_def.name, args, id=call.tool_call_id, **approved)
            made = ToolCall(self._session, tool_def.name, decision, call.tool_call_id)
            permitted = _arguments(args, made.args)
            try:
                result = await handler(permitted)
            except ApprovalRequired:
                raise
            except CallDeferred:
                if self._hosted == "refuse":
                    message = f"`{tool_def.name}` leaves its result to the host, which passes no tool point"
                    raise denied("post_tool_call", "adapter_unsupported", "ungoverned", message) from None
                raise
            except Exception as error:
                await session.run(made.settle_error, error)
                raise
            return returned(result, await session.run(made.result, result))
        except ReplacedError as replaced:
            raise ToolFailed(
                replaced.value if isinstance(replaced.value, str) else describe(replaced.decision)
            ) from None
        except Escalated as escalated:
            if escalated.ticket is None:
                raise
            raise ApprovalRequired(metadata=escalated.ticket) from None
        except Blocked as blocked:
            if self._on_block == "raise":
                raise
            raise ToolFailed(describe(blocked.decision)) from None


class _GovernedModel(WrapperModel):
    def __init__(self, wrapped: Any, session: Session, hosted: str, refuses_streams: bool) -> None:
        super().__init__(wrapped)
        self._session = AsyncSession.over(session)
        self._hosted = hosted
        self._refuses_streams = refuses_streams

    async def request(self, messages: Any, model_settings: Any, model_request_parameters: Any) -> Any:
        """Return the permitted answer of the model."""
        sent = await self._before(messages, model_request_parameters)
        response = await self.wrapped.request(sent, model_settings, model_request_parameters)
        return await self._after(response, model_request_parameters)

    @asynccontextmanager
    async def request_stream(
        self, messages: Any, model_settings: Any, model_request_parameters: Any, run_context: Any = None
    ) -> AsyncIterator[Any]:
        """Return the stream of the permitted answer, once all of it is there."""
        if self._refuses_streams:
            raise refused_stream()
        sent = await self._before(messages, model_request_parameters)
        async with self.wrapped.request_stream(
            sent, model_settings, model_request_parameters, run_context
        ) as stream:
            async for _ in stream:
                pass
            response = stream.get()
        released = await self._after(response, model_request_parameters)
        yield CompletedStreamedResponse(
            released, model_request_parameters=model_request_parameters, replay_events=True
        )

    async def count_tokens(self, *_: Any, **__: Any) -> Any:
        """Refused: it sends a prompt."""
        raise _ungoverned("counting tokens sends a prompt that was not evaluated")

    async def compact_messages(self, *_: Any, **__: Any) -> Any:
        """Refused: it sends a prompt."""
        raise _ungoverned("compacting messages sends a prompt that was not evaluated")

    async def batch_encode(self, *_: Any, **__: Any) -> Any:
        """Refused: a batch passes no point."""
        raise _ungoverned("a batch of requests passes no model point")

    async def _before(self, messages: Sequence[Any], parameters: Any) -> list[Any]:
        if parameters.native_tools and self._hosted == "refuse":
            kind = parameters.native_tools[0].kind
            raise _ungoverned(f"`{kind}` is run by the provider and passes no tool point")
        external = [tool.name for tool in parameters.function_tools if tool.kind == "external"]
        if external and self._hosted == "refuse":
            raise _ungoverned(f"`{external[0]}` is run by the host and passes no tool point")
        places = list(_places(messages))
        before = [place.message for place in places]
        instructions = [part.content for part in parameters.instruction_parts or ()]
        system = [{"role": "system", "content": "\n\n".join(instructions)}] if instructions else []
        tools = [*parameters.function_tools, *parameters.output_tools]
        offered = [{"name": tool.name, "description": tool.description or ""} for tool in tools]
        decision = await self._session.pre_model_call(
            [*system, *before], model=self.model_name, tools=offered
        )
        after = decision.value
        if system and after[0] != system[0]:
            raise _not_put_back("instructions cannot be changed", "pre_model_call")
        changed = list(messages)
        for place, old, new in zip(places, to_json(before), after[len(system) :], strict=True):
            if old["content"] != new["content"]:
                changed[place.index] = place.put_back(changed[place.index], new["content"])
        return changed

    async def _after(self, response: Any, parameters: Any) -> Any:
        usage = {
            "prompt_tokens": response.usage.input_tokens,
            "completion_tokens": response.usage.output_tokens,
        }
        calls = [_call(part) for part in response.parts if isinstance(part, BaseToolCallPart)]
        before = {
            "content": _spoken(response.parts),
            "tool_calls": calls,
            "finish_reason": "tool_calls" if calls else "stop",
        }
        decision = await self._session.post_model_call(before, model=self.model_name, usage=usage)
        after = decision.value
        outputs = {tool.name for tool in parameters.output_tools}
        for call in after["tool_calls"]:
            if call["name"] in outputs:
                call["args"] = (await self._session.output(call["args"])).value
        if not after["tool_calls"]:
            after = {**after, "content": (await self._session.output(after["content"])).value}
        return dataclasses.replace(
            response,
            parts=[_plain(part) for part in _released(response.parts, before, after)],
            provider_details=without_texts(response.provider_details or {}) or None,
            metadata=None,
        )


@dataclasses.dataclass(frozen=True)
class _Place:
    """One message of the profile, and where it stands: in which message, in which of its parts."""

    index: int
    parts: tuple[int, ...]
    message: dict[str, Any]

    def put_back(self, message: Any, content: Any) -> Any:
        """Return `message` with other content: joined text goes into the last part, others are emptied."""
        parts = list(message.parts)
        if not self.parts or not isinstance(content, str):
            raise _not_put_back("the transform changes what is not text", "pre_model_call")
        for number, index in enumerate(self.parts):
            last = number == len(self.parts) - 1
            parts[index] = dataclasses.replace(parts[index], content=content if last else "")
        return dataclasses.replace(message, parts=parts)


def _places(messages: Sequence[Any]) -> Iterator[_Place]:
    for index, message in enumerate(messages):
        if isinstance(message, ModelResponse):
            texts = tuple(number for number, part in enumerate(message.parts) if isinstance(part, TextPart))
            calls = [_call(part) for part in message.parts if isinstance(part, BaseToolCallPart)]
            content = "\n".join(message.parts[number].content for number in texts)
            called = {"tool_calls": calls} if calls else {}
            yield _Place(index, texts, {"role": "assistant", "content": content, **called})
            continue
        for number, part in enumerate(message.parts):
            yield _Place(index, (number,), _request_part(part))


def _request_part(part: Any) -> dict[str, Any]:
    if isinstance(part, SystemPromptPart):
        return {"role": "system", "content": part.content}
    if isinstance(part, UserPromptPart):
        return {"role": "user", "content": _content(part.content)}
    if isinstance(part, BaseToolReturnPart):
        content = (
            part.content
            if isinstance(part.content, str)
            else [{"type": "json", "value": to_json(part.content)}]
        )
        return {"role": "tool", "name": part.tool_name, "content": content, "tool_call_id": part.tool_call_id}
    other: Any = getattr(part, "content", None)
    shown = other if isinstance(other, str) else [{"type": part.part_kind, "value": to_json(part)}]
    return {"role": "user", "content": shown}


def _content(content: Any) -> Any:
    """Return texts alone as one text, anything else as the list of its parts."""
    if isinstance(content, str):
        return content
    texts: list[Any] = [part if isinstance(part, str) else getattr(part, "content", None) for part in content]
    if all(isinstance(text, str) for text in texts):
        return "\n".join(texts)
    return [{"type": "text", "text": part} if isinstance(part, str) else _shown(part) for part in content]


def _spoken(parts: Sequence[Any]) -> Any:
    """Return what an answer says beside its calls: texts alone as one text, else the list of its parts."""
    said = [part for part in parts if not isinstance(part, BaseToolCallPart | ThinkingPart)]
    if all(isinstance(part, TextPart) for part in said):
        return "\n".join(part.content for part in said)
    return [
        {"type": "text", "text": part.content}
        if isinstance(part, TextPart)
        else _shown(getattr(part, "content", part))
        for part in said
    ]


def _shown(part: Any) -> Any:
    data = getattr(part, "data", None)
    return media(data, part.media_type) if isinstance(data, bytes) else to_json(part)


def _call(part: Any) -> dict[str, Any]:
    named = {"id": part.tool_call_id, "name": part.tool_name}
    if isinstance(part.args, dict) or not part.args:
        return {**named, "args": part.args or {}}
    try:
        found = json.loads(part.args)
    except ValueError:
        found = None
    return (
        {**named, "args": found} if isinstance(found, dict) else {**named, "args": {}, "args_text": part.args}
    )


def _released(parts: Sequence[Any], before: dict[str, Any], after: dict[str, Any]) -> Iterator[Any]:
    """Return the parts of an answer with what a transform has made of it; reasoning passes no point."""
    texts = [index for index, part in enumerate(parts) if isinstance(part, TextPart)]
    if after["content"] != before["content"] and not (texts and isinstance(after["content"], str)):
        raise _not_put_back("the transform makes a text where there was none", "post_model_call")
    calls = {call["id"]: call for call in after["tool_calls"]}
    for index, part in enumerate(parts):
        if isinstance(part, ThinkingPart):
            yield dataclasses.replace(part, content="")
        elif isinstance(part, TextPart):
            last = index == texts[-1]
            same = after["content"] == before["content"]
            yield part if same else dataclasses.replace(part, content=after["content"] if last else "")
        elif not isinstance(part, BaseToolCallPart):
            yield part
        elif (call := calls.get(part.tool_call_id)) is not None:
            if call == _call(part):
                yield part
            elif isinstance(part, ToolCallPart) and "args_text" not in call:
                yield dataclasses.replace(part, args=call["args"])
            else:
                raise _not_put_back(
                    f"the arguments of `{part.tool_name}` cannot be changed", "post_model_call"
                )


def _plain(part: Any) -> Any:
    """Return a part of an answer without texts that stand beside its content."""
    details = getattr(part, "provider_details", None)
    return dataclasses.replace(part, provider_details=without_texts(details) or None) if details else part


def _arguments(args: dict[str, Any], permitted: dict[str, Any]) -> dict[str, Any]:
    """Return the validated arguments with what a transform has changed, each in its own kind."""
    sent = to_json(args)
    if encode(sent) == encode(permitted):
        return args
    changed = dict(args)
    if sent.keys() != permitted.keys():
        raise _not_put_back("the transform adds or removes an argument")
    for name, value in permitted.items():
        if encode(sent[name]) == encode(value):
            continue
        if type(value) is not type(args[name]) or not isinstance(value, str | int | float | bool):
            raise _not_put_back(f"the transform makes something else of the argument `{name}`")
        changed[name] = value
    return changed


def _ungoverned(message: str) -> Exception:
    return denied("pre_model_call", "adapter_unsupported", "ungoverned", message)


def _not_put_back(message: str, point: str = "pre_tool_call") -> Exception:
    return denied(point, "transform_invalid", "write_back", message)
