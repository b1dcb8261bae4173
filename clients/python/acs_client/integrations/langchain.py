"""LangChain 1 and LangGraph 1 (section 12.8): `create_agent(middleware=[AcsMiddleware(session)])`.

Put it first. Blocks at `input`, at the model points and at `output` raise; a blocked tool call gives the
model one error message, and the run goes on. Model output is held until it is permitted. What LangChain's
callbacks, tracers and `astream_events` see of a model is its raw output: nothing can be held back there.
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain.tools.tool_node import ToolCallRequest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
)
from langchain_core.runnables.config import get_callback_manager_for_config
from langchain_core.tracers._streaming import _StreamingCallbackHandler
from langgraph.config import get_config
from langgraph.constants import TAG_NOSTREAM
from langgraph.errors import GraphBubbleUp
from langgraph.types import Command, interrupt

from acs_client.aio import AsyncSession
from acs_client.calls import denied
from acs_client.decision import Decision
from acs_client.errors import Blocked, Escalated, describe
from acs_client.integrations.model_points import refused_stream, refuses_streams
from acs_client.session import Session
from acs_client.tool_call import ReplacedError, ToolCall

__all__ = ["AcsMiddleware"]

_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}
_FINISH = {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "content_filter": "content_filter"}


class AcsMiddleware(AgentMiddleware[Any, Any, Any]):
    """Evaluates every point of an agent's loop in one session, sync and async.

    `on_block="raise"` stops the run at a blocked tool call. Tools that the provider runs pass no tool point:
    they are refused unless `hosted="observe"`. `stream="refuse"` refuses runs whose caller streams what
    models say, `astream_events` included, instead of holding answers back.
    """

    def __init__(
        self, session: Session, *, on_block: str = "error", hosted: str = "refuse", stream: str = "hold"
    ) -> None:
        super().__init__()
        self.session = session.as_agent(framework="langchain")
        self._on_block, self._hosted = on_block, hosted
        self._refuses_streams = refuses_streams(stream, on_block, hosted)

    def before_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:  # LangChain's
        """Evaluate the messages of the user that began this run."""
        new = _new_messages(state["messages"])
        return _replaced(new, [self.session.input(_content(message)).value for message in new])

    async def abefore_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:  # same
        """As `before_agent`."""
        session, new = AsyncSession.over(self.session), _new_messages(state["messages"])
        return _replaced(new, [(await session.input(_content(message))).value for message in new])

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Evaluate what is sent to the model and what it answers; a final answer at `output` too."""
        sent = _sent(request, self._hosted, self._refuses_streams)
        before = self.session.pre_model_call(**sent)
        response = handler(_with_messages(request, sent["messages"], before.value))
        answer = _answer(response)
        after = self.session.post_model_call(answer["response"], model=sent["model"], usage=answer["usage"])
        response = _with_response(response, answer["response"], after.value)
        leaving = _leaving(response)
        return response if leaving is None else _left(response, leaving, self.session.output(leaving))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """As `wrap_model_call`."""
        session = AsyncSession.over(self.session)
        sent = _sent(request, self._hosted, self._refuses_streams)
        before = await session.pre_model_call(**sent)
        response = await handler(_with_messages(request, sent["messages"], before.value))
        answer = _answer(response)
        after = await session.post_model_call(answer["response"], model=sent["model"], usage=answer["usage"])
        response = _with_response(response, answer["response"], after.value)
        leaving = _leaving(response)
        return response if leaving is None else _left(response, leaving, await session.output(leaving))

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]]
    ) -> ToolMessage | Command[Any]:
        """Evaluate a tool call before it runs, and its result before the model sees it."""
        try:
            call = self._permitted(request)
            try:
                result = handler(_with_args(request, call))
            except GraphBubbleUp:
                raise
            except Exception as error:
                call.settle_error(error)
                raise
            settled = _settled(call, result)
        except Blocked as blocked:
            return self._blocked(request, blocked)
        if not _ends_run(request):
            return settled
        content = _result_content(settled)
        return _with_result(settled, content, self.session.output(content))

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """As `wrap_tool_call`."""
        run = AsyncSession.over(self.session).run
        try:
            call = await self._apermitted(request)
            try:
                result = await handler(_with_args(request, call))
            except GraphBubbleUp:
                raise
            except Exception as error:
                await run(call.settle_error, error)
                raise
            settled: ToolMessage | Command[Any] = await run(_settled, call, result)
        except Blocked as blocked:
            return self._blocked(request, blocked)
        if not _ends_run(request):
            return settled
        content = _result_content(settled)
        return _with_result(settled, content, await run(self.session.output, content))

    def _permitted(self, request: ToolCallRequest) -> ToolCall:
        try:
            return self._evaluated(request)
        except Escalated as escalated:
            return self._evaluated(request, **_resumed(request, escalated))

    async def _apermitted(self, request: ToolCallRequest) -> ToolCall:
        run = AsyncSession.over(self.session).run
        try:
            call: ToolCall = await run(self._evaluated, request)
        except Escalated as escalated:
            resumed = _resumed(request, escalated)
        else:
            return call
        resolved: ToolCall = await run(lambda: self._evaluated(request, **resumed))
        return resolved

    def _evaluated(self, request: ToolCallRequest, **approved: Any) -> ToolCall:
        name, call_id = request.tool_call["name"], request.tool_call["id"]
        decision = self.session.pre_tool_call(name, request.tool_call["args"], id=call_id, **approved)
        return ToolCall(self.session, name, decision, call_id)

    def _blocked(self, request: ToolCallRequest, blocked: Blocked) -> ToolMessage:
        stops = self._on_block == "raise" and not isinstance(blocked, ReplacedError)
        if stops or isinstance(blocked, Escalated):
            raise blocked
        call = request.tool_call
        replaced = blocked.value if isinstance(blocked, ReplacedError) else None
        content = replaced if isinstance(replaced, str) else describe(blocked.decision)
        return ToolMessage(content=content, tool_call_id=call["id"], name=call["name"], status="error")


def _resumed(request: ToolCallRequest, escalated: Escalated) -> dict[str, Any]:
    """Pause the graph with the ticket; return what it is resumed with: the ticket and its approval."""
    config = getattr(request.runtime, "config", None) or {}
    if escalated.ticket is None or not (config.get("configurable") or {}).get("__pregel_checkpointer"):
        raise escalated
    answer = interrupt(escalated.ticket)
    if not isinstance(answer, dict) or not isinstance(answer.get("approval"), str):
        raise denied("pre_tool_call", "approval_resolver_failed", "ticket", "nobody has signed an approval")
    return {"ticket": answer.get("ticket", escalated.ticket), "approval": answer["approval"]}


def _content(message: BaseMessage) -> Any:
    """Return text alone as one string, anything else as the list of its parts."""
    if isinstance(message.content, str):
        return message.content
    texts = [part if isinstance(part, str) else part.get("text") for part in message.content]
    plain = all(isinstance(part, str) or part.get("type") == "text" for part in message.content)
    return "\n".join(str(text) for text in texts) if plain else list(message.content)


def _with_text(message: BaseMessage, before: Any, after: Any) -> BaseMessage:
    """Return `message` with other content; joined text goes into the last part, the others are emptied."""
    if after == before:
        return message
    content = after
    if isinstance(message.content, list) and isinstance(after, str):
        *others, last = message.content
        content = [_part(part, "") for part in others] + [_part(last, after)]
    update: dict[str, Any] = {"content": content, "additional_kwargs": {}, "response_metadata": {}}
    return message.model_copy(update=update)


def _part(part: Any, text: str) -> Any:
    return text if isinstance(part, str) else {**part, "text": text}


def _new_messages(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return the messages of the user since the last answer."""
    new: list[BaseMessage] = []
    for message in reversed(messages):
        if isinstance(message, AIMessage | ToolMessage):
            break
        if isinstance(message, HumanMessage):
            new.insert(0, message)
    return new


def _replaced(messages: list[BaseMessage], values: list[Any]) -> dict[str, Any] | None:
    pairs = zip(messages, values, strict=True)
    changed = [_with_text(message, _content(message), value) for message, value in pairs]
    return {"messages": changed} if any(a is not b for a, b in zip(messages, changed, strict=True)) else None


def _sent(request: ModelRequest[Any], hosted: str, refuses_streams: bool) -> dict[str, Any]:
    if refuses_streams:
        handlers = get_callback_manager_for_config(get_config()).handlers
        if any(isinstance(handler, _StreamingCallbackHandler) for handler in handlers):
            raise refused_stream()
    system = [request.system_message] if request.system_message is not None else []
    tools = [_tool(tool, hosted) for tool in request.tools]
    name = getattr(request.model, "model_name", None) or getattr(request.model, "model", None)
    model = {"name": name if isinstance(name, str) else type(request.model).__name__}
    messages = [_message(message) for message in [*system, *request.messages]]
    return {"messages": messages, "model": model, "tools": tools}


def _message(message: BaseMessage) -> dict[str, Any]:
    sent: dict[str, Any] = {"role": _ROLES.get(message.type, "user"), "content": _content(message)}
    if message.name:
        sent["name"] = message.name
    if isinstance(message, AIMessage) and message.tool_calls:
        sent["tool_calls"] = [_call(call) for call in message.tool_calls]
    if isinstance(message, ToolMessage):
        sent["tool_call_id"] = message.tool_call_id
    return sent


def _call(call: Any) -> dict[str, Any]:
    return {"name": call["name"], "args": call["args"], **({"id": call["id"]} if call.get("id") else {})}


def _tool(tool: Any, hosted: str) -> dict[str, Any]:
    if not isinstance(tool, dict):
        return {"name": tool.name, "description": inspect.cleandoc(tool.description or "")}
    function = tool.get("function", tool)
    if "parameters" not in function and "input_schema" not in function and hosted == "refuse":
        message = f"`{tool.get('type', 'a tool')}` is run by the provider and passes no tool point"
        raise denied("pre_model_call", "adapter_unsupported", "ungoverned", message)
    return {"name": function.get("name") or str(tool.get("type"))}


def _with_messages(request: ModelRequest[Any], before: list[Any], after: list[Any]) -> ModelRequest[Any]:
    held = [request.system_message] if request.system_message is not None else []
    held += request.messages
    changed = [
        _with_text(message, old["content"], new["content"])
        for message, old, new in zip(held, before, after, strict=True)
    ]
    tags = [*(request.model.tags or []), TAG_NOSTREAM]
    overrides: dict[str, Any] = {"model": request.model.model_copy(update={"tags": tags})}
    if request.system_message is not None:
        overrides["system_message"] = SystemMessage.model_validate(changed.pop(0).model_dump())
    return request.override(**overrides, messages=changed)


def _last(response: ModelResponse[Any]) -> AIMessage:
    found = [message for message in response.result if isinstance(message, AIMessage)]
    if len(found) != 1:
        raise denied(
            "post_model_call", "adapter_unsupported", "write_back", "the model answered no single message"
        )
    return found[0]


def _answer(response: ModelResponse[Any]) -> dict[str, Any]:
    message = _last(response)
    calls = [_call(call) for call in message.tool_calls]
    calls += [
        {
            "name": call["name"] or "",
            "args": {},
            "args_text": call["args"] or "",
            **({"id": call["id"]} if call["id"] else {}),
        }
        for call in message.invalid_tool_calls
    ]
    reason = message.response_metadata.get("finish_reason")
    finish = _FINISH.get(reason, "other") if reason else "tool_calls" if calls else "stop"
    usage = message.usage_metadata
    counts = (
        {"prompt_tokens": usage["input_tokens"], "completion_tokens": usage["output_tokens"]}
        if usage
        else None
    )
    return {
        "response": {"content": _content(message), "tool_calls": calls, "finish_reason": finish},
        "usage": counts,
    }


def _with_response(
    response: ModelResponse[Any], before: dict[str, Any], after: dict[str, Any]
) -> ModelResponse[Any]:
    if before == after:
        return response
    message = _last(response)
    changed = _with_text(message, before["content"], after["content"])
    held = {call["id"]: call for call in message.tool_calls}
    calls = [
        {**held[call["id"]], "args": call["args"]} for call in after["tool_calls"] if call.get("id") in held
    ]
    if len(calls) != len(after["tool_calls"]):
        raise denied(
            "post_model_call", "transform_invalid", "write_back", "a call without an id cannot be changed"
        )
    update = {"tool_calls": calls, "additional_kwargs": {}, "invalid_tool_calls": []}
    return _with_last(response, changed.model_copy(update=update))


def _leaving(response: ModelResponse[Any]) -> Any:
    """Return what leaves the agent with an answer: its text, or its structured form; `None` if it goes on."""
    if not _last(response).tool_calls:
        return _content(_last(response))
    return response.structured_response


def _left(response: ModelResponse[Any], before: Any, decision: Decision) -> ModelResponse[Any]:
    if not decision.transformed:
        return response
    return _with_last(response, _with_text(_last(response), before, decision.value))


def _with_last(response: ModelResponse[Any], message: BaseMessage) -> ModelResponse[Any]:
    if response.structured_response is not None:
        message_text = "the transform does not reach the structured response"
        raise denied("post_model_call", "transform_invalid", "write_back", message_text)
    last = _last(response)
    return ModelResponse(result=[message if held is last else held for held in response.result])


def _with_args(request: ToolCallRequest, call: ToolCall) -> ToolCallRequest:
    if call.args == request.tool_call["args"]:
        return request
    return request.override(tool_call={**request.tool_call, "args": call.args})


def _ends_run(request: ToolCallRequest) -> bool:
    return bool(getattr(request.tool, "return_direct", False))


def _settled(call: ToolCall, result: ToolMessage | Command[Any]) -> ToolMessage | Command[Any]:
    """Evaluate what a tool returned: the text of its message, or what a command changes of the state."""
    content = _result_content(result)
    is_error = isinstance(result, ToolMessage) and result.status == "error"
    decision = call.settle(None, str(content)) if is_error else call.settle(content, None)
    return _with_result(result, content, decision)


def _result_content(result: Any) -> Any:
    if isinstance(result, ToolMessage):
        return _content(result)
    if isinstance(result, list):
        return [_result_content(one) for one in result]
    update = result.update if isinstance(result, Command) else result
    if not isinstance(update, dict | None):
        message = f"a {type(update).__name__} of a tool cannot be evaluated: give a message or a mapping"
        raise denied("post_tool_call", "adapter_unsupported", "write_back", message)
    others = {name: value for name, value in (update or {}).items() if name != "messages"}
    added = (update or {}).get("messages", [])
    try:
        messages = convert_to_messages(added if isinstance(added, list) else [added])
    except (NotImplementedError, ValueError) as error:
        message = f"a command of a tool has messages that are none: {error}"
        raise denied("post_tool_call", "adapter_unsupported", "write_back", message) from None
    texts = [_content(message) for message in messages]
    return {**others, "messages": texts} if others else texts


def _with_result(result: Any, before: Any, decision: Decision) -> Any:
    if not decision.transformed:
        return result
    if not isinstance(result, ToolMessage) or not isinstance(decision.value, str | list):
        message = "the transform changes more than the text of a message"
        raise denied(decision.point, "transform_invalid", "write_back", message)
    return _with_text(result, before, decision.value).model_copy(update={"artifact": None})
