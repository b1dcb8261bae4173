"""The middleware of an agent of LangChain (section 12.8)."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain.tools.tool_node import ToolCallRequest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.config import get_config
from langgraph.errors import GraphBubbleUp
from langgraph.types import Command, interrupt

from acs_client.aio import AsyncSession
from acs_client.calls import denied
from acs_client.errors import Blocked, Escalated, describe
from acs_client.integrations.langchain.answers import (
    leaving,
    read_answer,
    with_output,
    with_response,
    without_reasoning_in,
)
from acs_client.integrations.langchain.messages import content_of, message_of, with_text
from acs_client.integrations.langchain.results import content_of_result, settled, with_content
from acs_client.integrations.langchain.streams import hold_streams, is_streamed
from acs_client.integrations.model_points import refused_stream, refuses_streams
from acs_client.session import Session
from acs_client.tool_call import ReplacedError, ToolCall

__all__ = ["AcsMiddleware"]


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
        return _replaced(new, [self.session.input(content_of(message)).value for message in new])

    async def abefore_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:  # same
        """As `before_agent`."""
        session, new = AsyncSession.over(self.session), _new_messages(state["messages"])
        return _replaced(new, [(await session.input(content_of(message))).value for message in new])

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Evaluate what is sent to the model and what it answers; a final answer at `output` too."""
        sent = _sent(request, self._hosted, self._refuses_streams)
        before = self.session.pre_model_call(**sent)
        hold_streams(get_config())
        response = handler(_with_messages(request, sent["messages"], before.value))
        response = without_reasoning_in(response)
        answer = read_answer(response)
        after = self.session.post_model_call(answer["response"], model=sent["model"], usage=answer["usage"])
        response = with_response(response, answer["response"], after.value)
        left = leaving(response)
        return response if left is None else with_output(response, left, self.session.output(left))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """As `wrap_model_call`."""
        session = AsyncSession.over(self.session)
        sent = _sent(request, self._hosted, self._refuses_streams)
        before = await session.pre_model_call(**sent)
        hold_streams(get_config())
        response = await handler(_with_messages(request, sent["messages"], before.value))
        response = without_reasoning_in(response)
        answer = read_answer(response)
        after = await session.post_model_call(answer["response"], model=sent["model"], usage=answer["usage"])
        response = with_response(response, answer["response"], after.value)
        left = leaving(response)
        return response if left is None else with_output(response, left, await session.output(left))

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]]
    ) -> ToolMessage | Command[Any]:
        """Evaluate a tool call before it runs, and its result before the model sees it."""
        try:
            call = self._permitted(request)
            hold_streams(request.runtime.config)
            try:
                result = handler(_with_args(request, call))
            except GraphBubbleUp:
                raise
            except Exception as error:
                call.settle_error(error)
                raise
            permitted = settled(call, result)
        except Blocked as blocked:
            return self._blocked(request, blocked)
        if not _ends_run(request):
            return permitted
        content = content_of_result(permitted)
        return with_content(permitted, content, self.session.output(content))

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """As `wrap_tool_call`."""
        run = AsyncSession.over(self.session).run
        try:
            call = await self._apermitted(request)
            hold_streams(request.runtime.config)
            try:
                result = await handler(_with_args(request, call))
            except GraphBubbleUp:
                raise
            except Exception as error:
                await run(call.settle_error, error)
                raise
            permitted: ToolMessage | Command[Any] = await run(settled, call, result)
        except Blocked as blocked:
            return self._blocked(request, blocked)
        if not _ends_run(request):
            return permitted
        content = content_of_result(permitted)
        return with_content(permitted, content, await run(self.session.output, content))

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
    changed = [with_text(message, content_of(message), value) for message, value in pairs]
    return {"messages": changed} if any(a is not b for a, b in zip(messages, changed, strict=True)) else None


def _sent(request: ModelRequest[Any], hosted: str, refuses_streams: bool) -> dict[str, Any]:
    if refuses_streams and is_streamed(get_config()):
        raise refused_stream()
    system = [request.system_message] if request.system_message is not None else []
    tools = [_tool(tool, hosted) for tool in request.tools]
    name = getattr(request.model, "model_name", None) or getattr(request.model, "model", None)
    model = {"name": name if isinstance(name, str) else type(request.model).__name__}
    messages = [message_of(message) for message in [*system, *request.messages]]
    return {"messages": messages, "model": model, "tools": tools}


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
        with_text(message, old["content"], new["content"])
        for message, old, new in zip(held, before, after, strict=True)
    ]
    if request.system_message is None:
        return request.override(messages=changed)
    system = SystemMessage.model_validate(changed.pop(0).model_dump())
    return request.override(system_message=system, messages=changed)


def _with_args(request: ToolCallRequest, call: ToolCall) -> ToolCallRequest:
    if call.args == request.tool_call["args"]:
        return request
    return request.override(tool_call={**request.tool_call, "args": call.args})


def _ends_run(request: ToolCallRequest) -> bool:
    return bool(getattr(request.tool, "return_direct", False))
