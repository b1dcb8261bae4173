"""Function tools of OpenAI Agents between their two points (section 12.8)."""

import copy
import dataclasses
import inspect
import json
import weakref
from typing import Any

from agents import FunctionTool, ToolOutputText
from agents.tool import (
    maybe_invoke_function_tool_failure_error_function,
    set_function_tool_failure_error_function,
)

from acs_client.aio import AsyncSession
from acs_client.calls import denied
from acs_client.errors import Blocked, Denied, Escalated, describe
from acs_client.govern import returned
from acs_client.integrations.openai_agents.items import joined, parsed_arguments, split
from acs_client.session import Session
from acs_client.tool_call import ReplacedError, ToolCall
from acs_client.values import encode, to_json

__all__ = ["Options", "check_handoff", "check_tool", "governed_tool", "put_back", "sent_value", "ungoverned"]

_HOSTED = frozenset({
    "FileSearchTool", "WebSearchTool", "HostedMCPTool", "CodeInterpreterTool", "ImageGenerationTool",
    "ToolSearchTool",
})  # fmt: skip
_MAX_AWAITED = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    session: Session
    on_block: str
    hosted: str
    exempt: frozenset[str]
    refuses_streams: bool = False


def check_tool(tool: Any, options: Options, point: str) -> None:
    if isinstance(tool, FunctionTool):
        if not isinstance(tool.on_invoke_tool, _Invoker):
            raise ungoverned(f"`{tool.name}` was added after the agent was governed", point)
        return
    kind = type(tool).__name__
    if kind not in _HOSTED:
        raise ungoverned(f"a {kind} runs here and passes no tool point: make it a function tool", point)
    if options.hosted == "refuse":
        raise ungoverned(f"a {kind} is run by the provider and passes no tool point", point)


def check_handoff(held: Any, point: str) -> None:
    if not getattr(held.on_invoke_handoff, "is_governed", False):
        raise ungoverned(f"`{held.tool_name}` was added after the agent was governed", point)


def ungoverned(message: str, point: str = "agent_startup") -> Denied:
    return denied(point, "adapter_unsupported", "ungoverned", message)


def governed_tool(tool: Any, options: Options, session: Session) -> Any:
    if not isinstance(tool, FunctionTool):
        check_tool(tool, options, "agent_startup")
        return tool
    if isinstance(tool.on_invoke_tool, _Invoker):
        return tool
    agent = getattr(tool, "_agent_instance", None)
    if agent is not None and not getattr(agent.model, "is_governed", False):
        raise ungoverned(f"`{tool.name}` runs an agent that is not governed: use `govern(agent).as_tool(…)`")
    found = copy.copy(tool)
    invoker = _Invoker(tool, found, options, session)
    found.on_invoke_tool = invoker
    found.needs_approval = invoker.needs_approval
    return found


class _Invoker:
    """Runs one tool between its two points.

    What `needs_approval` has learnt of a call is used once, when that call is made.
    """

    def __init__(self, tool: Any, governed: Any, options: Options, session: Session) -> None:
        self._inner = copy.copy(tool)
        self._handles_failures = hasattr(tool.on_invoke_tool, "__agents_bind_function_tool__")
        if self._handles_failures:
            set_function_tool_failure_error_function(self._inner, None)
        self._governed = weakref.ref(governed)
        self._wanted = tool.needs_approval
        self._options, self._session = options, session
        self._awaited: dict[str, tuple[bytes, ToolCall | Blocked]] = {}

    async def needs_approval(self, context: Any, args: dict[str, Any], call_id: str) -> bool:
        """Evaluate a call; true if the run must pause for it.

        A permit of a call that the tool itself wants a person to see is given back: the call is evaluated
        again when it runs, however long that takes.
        """
        found = await self._evaluated(args, call_id)
        if isinstance(found, Escalated) and found.ticket is not None:
            return True
        if not isinstance(found, Blocked) and await self._is_wanted(context, args, call_id):
            self._session.budgets.release_call()
            return True
        self._awaited[call_id] = (encode(to_json(args)), found)
        if len(self._awaited) > _MAX_AWAITED:
            del self._awaited[next(iter(self._awaited))]
        return False

    async def _is_wanted(self, context: Any, args: dict[str, Any], call_id: str) -> bool:
        if not callable(self._wanted):
            return self._wanted is True
        wanted = self._wanted(context, args, call_id)
        return bool(await wanted if inspect.isawaitable(wanted) else wanted)

    async def __call__(self, context: Any, text: str) -> Any:
        """Run the tool with permitted arguments; return its permitted result, or the text of the block."""
        args = parsed_arguments(text)
        try:
            if args is None:
                message = "the arguments are not a JSON object"
                raise denied("pre_tool_call", "request_invalid", "snapshot", message)
            known, found = self._awaited.pop(context.tool_call_id, (b"", None))
            if found is None or known != encode(to_json(args)):
                found = await self._evaluated(args, context.tool_call_id)
            if isinstance(found, Blocked):
                raise found
            return await self._run(found, context)
        except ReplacedError as replaced:
            return replaced.value if isinstance(replaced.value, str) else describe(replaced.decision)
        except Blocked as blocked:
            if self._options.on_block == "raise" or isinstance(blocked, Escalated):
                raise
            return describe(blocked.decision)

    async def _evaluated(self, args: dict[str, Any], call_id: str) -> ToolCall | Blocked:
        name = self._inner.qualified_name
        try:
            decision = await AsyncSession.over(self._session).pre_tool_call(name, args, id=call_id)
        except Blocked as blocked:
            return blocked
        return ToolCall(self._session, name, decision, call_id)

    async def _run(self, call: ToolCall, context: Any) -> Any:
        run = AsyncSession.over(self._session).run
        context.tool_arguments = text = json.dumps(call.args)
        try:
            result = await self._inner.on_invoke_tool(context, text)
        except Exception as error:
            await run(call.settle_error, error)
            governed = self._governed()
            if not self._handles_failures or governed is None:
                raise
            said = await maybe_invoke_function_tool_failure_error_function(
                function_tool=governed, context=context, error=error
            )
            if said is None:
                raise
            return said
        content = sent_value(result)
        return put_back(result, content, await run(call.result, content), "post_tool_call")


def sent_value(result: Any) -> Any:
    """Return what a tool returned as a policy sees it: texts as one text."""
    if isinstance(result, ToolOutputText):
        return result.text
    if isinstance(result, list) and result and all(hasattr(part, "model_dump") for part in result):
        return joined([to_json(part) for part in result])
    return result


def put_back(result: Any, content: Any, value: Any, point: str) -> Any:
    if content is result:
        return returned(result, value, point)
    if encode(to_json(content)) == encode(value):
        return result
    if isinstance(result, ToolOutputText):
        return result.model_copy(update={"text": str(value)})
    parts = split([to_json(part) for part in result], value)
    return [type(old).model_validate(new) for old, new in zip(result, parts, strict=True)]
