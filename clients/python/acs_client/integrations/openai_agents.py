"""OpenAI Agents (section 12.8): `govern(agent)` returns a copy whose every step is evaluated.

Its tools, its model, its hand-overs and the agents that it hands over to are governed in one session; the
original agent is not changed, and must not be run. A blocked tool call gives the model one error result, and
the run goes on; blocks elsewhere raise. Tracing sees what the model itself said.
"""

import copy
import dataclasses
import inspect
import json
import weakref
from collections.abc import AsyncIterator, Iterable
from typing import Any

from agents import (
    Agent,
    AgentHooks,
    FunctionTool,
    GuardrailFunctionOutput,
    Handoff,
    InputGuardrail,
    Model,
    MultiProvider,
    ToolOutputText,
    ToolsToFinalOutputResult,
    Usage,
    handoff,
)
from agents.tool import (
    maybe_invoke_function_tool_failure_error_function,
    set_function_tool_failure_error_function,
)

from acs_client.aio import AsyncSession
from acs_client.calls import denied
from acs_client.errors import Blocked, Denied, Escalated, describe
from acs_client.govern import returned
from acs_client.integrations.openai_items import (
    joined,
    messages_of,
    parsed_arguments,
    read_answer,
    split,
    with_answer,
    with_texts,
)
from acs_client.integrations.openai_stream import events_of
from acs_client.session import Session
from acs_client.tool_call import ReplacedError, ToolCall
from acs_client.values import encode, to_json

__all__ = ["govern"]

_HOSTED = frozenset({
    "FileSearchTool", "WebSearchTool", "HostedMCPTool", "CodeInterpreterTool", "ImageGenerationTool",
    "ToolSearchTool",
})  # fmt: skip
_FAILED = frozenset({"response.failed", "response.incomplete", "error", "response.error"})
_MAX_AWAITED = 1000
_ENDED = "_acs_permitted"


def govern(
    agent: Any,
    *,
    session: Session,
    on_block: str = "error",
    hosted: str = "refuse",
    exempt: Iterable[str] = (),
) -> Any:
    """Return a governed copy of an agent, or of a function tool.

    `on_block="raise"` stops the run at a blocked tool call. Tools that the provider runs are refused unless
    `hosted="observe"`; `exempt` names hand-overs that pass no tool point. Raises `Denied` for an agent with
    tools that cannot be governed.
    """
    if on_block not in {"error", "raise"} or hosted not in {"refuse", "observe"}:
        raise ValueError('`on_block` is "error" or "raise", and `hosted` is "refuse" or "observe"')
    options = _Options(session.as_agent(framework="openai-agents"), on_block, hosted, frozenset(exempt))
    if isinstance(agent, FunctionTool):
        return _governed_tool(agent, options, options.session)
    if not isinstance(agent, Agent):
        raise TypeError(f"a {type(agent).__name__} of OpenAI Agents cannot be governed: govern the agent")
    return _Graph(options).governed(agent)


@dataclasses.dataclass(frozen=True, slots=True)
class _Options:
    session: Session
    on_block: str
    hosted: str
    exempt: frozenset[str]


class _Graph:
    """The governed copies of agents that reach one another by hand-overs."""

    def __init__(self, options: _Options) -> None:
        self._options = options
        self._governed: dict[int, Any] = {}
        self._originals: list[Any] = []

    def governed(self, agent: Any) -> Any:
        if getattr(agent.model, "is_governed", False):
            return agent
        if id(agent) in self._governed:
            return self._governed[id(agent)]
        session = self._options.session.as_agent(name=agent.name)
        tools = [_governed_tool(tool, self._options, session) for tool in agent.tools]
        kind = _governed_class(type(agent))
        found: Any = object.__new__(kind)
        vars(found).update(vars(agent))
        found.acs_options, found.acs_session = self._options, session
        found.tools, found.mcp_servers = tools, list(agent.mcp_servers)
        found.model = _GovernedModel(agent.model, self._options, session)
        found.model_settings = agent.model_settings
        found.hooks = _Hooks(agent.hooks)
        found.input_guardrails = [_input_guardrail(session), *agent.input_guardrails]
        found.tool_use_behavior = _final_output(agent.tool_use_behavior, session)
        self._governed[id(agent)] = found
        self._originals.append(agent)  # ids are of living objects
        found.handoffs = [self._handoff(held, session) for held in agent.handoffs]
        return found

    def _handoff(self, held: Any, session: Session) -> Any:
        if isinstance(held, Handoff):
            target = held._agent_ref() if held._agent_ref is not None else None
            found = copy.copy(held)
        else:
            target = held
            found = handoff(self.governed(held))
        inner, name = found.on_invoke_handoff, found.tool_name
        kept = self.governed(target) if target is not None else None

        async def invoke(context: Any, text: str | None = None) -> Any:
            reached = kept
            if name in self._options.exempt:
                made = await inner(context, text)
                return reached or self.governed(made)
            args = parsed_arguments(text or "")
            if args is None:
                raise denied(
                    "pre_tool_call", "request_invalid", "snapshot", "the arguments are not a JSON object"
                )
            async with AsyncSession.over(session).tool(name, args) as call:
                text = text if call.args == args else json.dumps(call.args)
                made = await inner(context, text)
                reached = reached or self.governed(made)
                said = {"assistant": reached.name}
                if encode(await call.result(said)) != encode(said):
                    raise denied(
                        "post_tool_call", "transform_invalid", "write_back", "a hand-over cannot be changed"
                    )
            return reached

        found.on_invoke_handoff = invoke
        if kept is not None:
            found._agent_ref = weakref.ref(kept)
        return found


class _GovernedAgent:
    """What a governed agent does in its own way: tools of MCP servers are governed when listed."""

    acs_options: _Options
    acs_session: Session

    async def get_mcp_tools(self, run_context: Any) -> list[Any]:
        found = await super().get_mcp_tools(run_context)  # type: ignore[misc]  # the agent's
        return [_governed_tool(tool, self.acs_options, self.acs_session) for tool in found]

    def clone(self, **_: Any) -> Any:
        raise TypeError("a governed agent is not cloned: govern the clone")


_classes: dict[type, type] = {}


def _governed_class(kind: type) -> type:
    if kind not in _classes:
        _classes[kind] = type(kind.__name__, (_GovernedAgent, kind), {"__module__": kind.__module__})
    return _classes[kind]


class _Hooks(AgentHooks):
    """The hooks of an agent, after a check that each answer has been evaluated."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattribute__(self, name: str) -> Any:
        inner = object.__getattribute__(self, "_inner") if name.startswith("on_") else None
        if name == "on_llm_end":
            return object.__getattribute__(self, "_checked")
        return object.__getattribute__(self, name) if inner is None else getattr(inner, name)

    async def _checked(self, context: Any, agent: Any, response: Any) -> None:
        if not all(getattr(item, _ENDED, False) for item in response.output):
            raise _ungoverned("a run configuration has replaced the governed model", "post_model_call")
        if self._inner is not None:
            await self._inner.on_llm_end(context, agent, response)


class _GovernedModel(Model):
    """A model whose calls are evaluated, and whose answers are held until they are permitted."""

    is_governed = True

    def __init__(self, inner: Any, options: _Options, session: Session) -> None:
        self._inner = inner
        self._options = options
        self._session = AsyncSession.over(session)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model(), name)

    def _model(self) -> Any:
        if self._inner is None or isinstance(self._inner, str):
            self._inner = MultiProvider().get_model(self._inner)
        return self._inner

    def get_retry_advice(self, request: Any) -> Any:
        return self._model().get_retry_advice(request)

    async def _cleanup_on_run_end(self, owner: object) -> None:
        await self._model()._cleanup_on_run_end(owner)

    async def close(self) -> None:
        await self._model().close()

    async def get_response(  # noqa: PLR0917  # the signature of the package
        self,
        system_instructions: Any,
        input: Any,
        model_settings: Any,
        tools: Any,
        output_schema: Any,
        handoffs: Any,
        tracing: Any,
        **options: Any,
    ) -> Any:
        """Return the permitted answer of the model."""
        name, system_instructions, input = await self._before(system_instructions, input, tools, handoffs)
        response = await self._model().get_response(
            system_instructions, input, model_settings, tools, output_schema, handoffs, tracing, **options
        )
        output = await self._after(name, response.output, response.usage)
        return dataclasses.replace(response, output=output)

    async def stream_response(  # noqa: PLR0917  # same
        self,
        system_instructions: Any,
        input: Any,
        model_settings: Any,
        tools: Any,
        output_schema: Any,
        handoffs: Any,
        tracing: Any,
        **options: Any,
    ) -> AsyncIterator[Any]:
        """Return the events of the permitted answer, once all of it is there."""
        name, system_instructions, input = await self._before(system_instructions, input, tools, handoffs)
        stream = self._model().stream_response(
            system_instructions, input, model_settings, tools, output_schema, handoffs, tracing, **options
        )
        done, last = [], None
        async for event in stream:
            if event.type == "response.output_item.done":
                done.append(event.item)
            if event.type in _FAILED:
                yield _failure(event)
                return
            if event.type == "response.completed":
                last = event.response
        if last is None:
            raise denied("post_model_call", "adapter_unsupported", "stream", "the model's stream has no end")
        usage = last.usage and Usage(
            input_tokens=last.usage.input_tokens, output_tokens=last.usage.output_tokens
        )
        output = await self._after(name, last.output or done, usage)
        for event in events_of(_with_output(last, output)):
            yield event

    async def _before(self, instructions: Any, items: Any, tools: Any, handoffs: Any) -> tuple[str, Any, Any]:
        for tool in tools:
            _check_tool(tool, self._options, "pre_model_call")
        name = getattr(self._model(), "model", None)
        name = name if isinstance(name, str) else type(self._model()).__name__
        offered = [_offered(tool) for tool in tools]
        offered += [{"name": held.tool_name, "description": held.tool_description} for held in handoffs]
        before = messages_of(instructions, items)
        decision = await self._session.pre_model_call(before, model=name, tools=offered)
        return (name, *with_texts(instructions, items, before, decision.value))

    async def _after(self, name: str, output: list[Any], usage: Any) -> list[Any]:
        counts = usage and {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens}
        before = read_answer(output)
        decision = await self._session.post_model_call(before, model=name, usage=counts or None)
        after = decision.value
        released = with_answer(output, before, after)
        if not any(item.type == "function_call" for item in released):
            content = (await self._session.output(after["content"])).value
            released = with_answer(released, after, {**after, "content": content})
        for item in released:
            object.__setattr__(item, _ENDED, True)
        return released


def _with_output(response: Any, output: list[Any]) -> Any:
    found = response.model_copy(update={"output": output})
    for name, value in vars(response).items():  # what the package notes beside the members, such as usage
        if name not in type(response).model_fields:
            object.__setattr__(found, name, value)
    return found


def _failure(event: Any) -> Any:
    response = getattr(event, "response", None)
    return event if response is None else event.model_copy(update={"response": _with_output(response, [])})


def _input_guardrail(session: Session) -> Any:
    async def acs_input(context: Any, agent: Any, items: Any) -> Any:  # noqa: ARG001  # the package's
        for content in _prompts(items):
            decision = await AsyncSession.over(session).input(content)
            if encode(decision.value) != encode(to_json(content)):
                message = "a prompt cannot be changed here: change it at `pre_model_call`"
                raise denied("input", "transform_invalid", "write_back", message)
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=False)

    return InputGuardrail(guardrail_function=acs_input, name="acs_input", run_in_parallel=False)


def _prompts(items: Any) -> list[Any]:
    """Return the contents of the messages of the user that began this run."""
    messages = messages_of(None, items)
    new: list[Any] = []
    for message in reversed(messages):
        if message["role"] != "user":
            break
        new.insert(0, message["content"])
    return new


def _final_output(behavior: Any, session: Session) -> Any:
    """Return how tools end a run, with `output` evaluated when they do."""
    if behavior == "run_llm_again":
        return behavior

    async def decide(context: Any, results: list[Any]) -> Any:
        found = _stopped(behavior, results) if not callable(behavior) else behavior(context, results)
        found = await found if inspect.isawaitable(found) else found
        if not found.is_final_output:
            return found
        content = _sent(found.final_output)
        value = (await AsyncSession.over(session).output(content)).value
        return dataclasses.replace(
            found, final_output=_put_back(found.final_output, content, value, "output")
        )

    return decide


def _stopped(behavior: Any, results: list[Any]) -> Any:
    names = None if behavior == "stop_on_first_tool" else behavior.get("stop_at_tool_names", [])
    for result in results:
        if names is None or result.tool.name in names or result.tool.qualified_name in names:
            return ToolsToFinalOutputResult(is_final_output=True, final_output=result.output)
    return ToolsToFinalOutputResult(is_final_output=False, final_output=None)


def _offered(tool: Any) -> dict[str, Any]:
    return {"name": tool.name, "description": getattr(tool, "description", "")}


def _check_tool(tool: Any, options: _Options, point: str) -> None:
    if isinstance(tool, FunctionTool):
        if not isinstance(tool.on_invoke_tool, _Invoker):
            raise _ungoverned(f"`{tool.name}` was added after the agent was governed", point)
        return
    kind = type(tool).__name__
    if kind not in _HOSTED:
        raise _ungoverned(f"a {kind} runs here and passes no tool point: make it a function tool", point)
    if options.hosted == "refuse":
        raise _ungoverned(f"a {kind} is run by the provider and passes no tool point", point)


def _ungoverned(message: str, point: str = "agent_startup") -> Denied:
    return denied(point, "adapter_unsupported", "ungoverned", message)


def _governed_tool(tool: Any, options: _Options, session: Session) -> Any:
    if not isinstance(tool, FunctionTool):
        _check_tool(tool, options, "agent_startup")
        return tool
    if isinstance(tool.on_invoke_tool, _Invoker):
        return tool
    agent = getattr(tool, "_agent_instance", None)
    if agent is not None and not getattr(agent.model, "is_governed", False):
        raise _ungoverned(f"`{tool.name}` runs an agent that is not governed: use `govern(agent).as_tool(…)`")
    found = copy.copy(tool)
    invoker = _Invoker(tool, found, options, session)
    found.on_invoke_tool = invoker
    found.needs_approval = invoker.needs_approval
    return found


class _Invoker:
    """Runs one tool between its two points.

    What `needs_approval` has learnt of a call is used once, when that call is made.
    """

    def __init__(self, tool: Any, governed: Any, options: _Options, session: Session) -> None:
        self._inner = copy.copy(tool)
        self._handles_failures = hasattr(tool.on_invoke_tool, "__agents_bind_function_tool__")
        if self._handles_failures:
            set_function_tool_failure_error_function(self._inner, None)
        self._governed = weakref.ref(governed)
        self._wanted = tool.needs_approval
        self._options, self._session = options, session
        self._awaited: dict[str, tuple[bytes, ToolCall | Blocked]] = {}

    async def needs_approval(self, context: Any, args: dict[str, Any], call_id: str) -> bool:
        """Evaluate a call; true if the run must pause for it."""
        found = await self._evaluated(args, call_id)
        if isinstance(found, Escalated) and found.ticket is not None:
            return True
        self._awaited[call_id] = (encode(to_json(args)), found)
        if len(self._awaited) > _MAX_AWAITED:
            del self._awaited[next(iter(self._awaited))]
        if isinstance(found, Blocked) or not callable(self._wanted):
            return self._wanted is True and not isinstance(found, Blocked)
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
        content = _sent(result)
        return _put_back(result, content, await run(call.result, content), "post_tool_call")


def _sent(result: Any) -> Any:
    """Return what a tool returned as a policy sees it: texts as one text."""
    if isinstance(result, ToolOutputText):
        return result.text
    if isinstance(result, list) and result and all(hasattr(part, "model_dump") for part in result):
        return joined([to_json(part) for part in result])
    return result


def _put_back(result: Any, content: Any, value: Any, point: str) -> Any:
    if content is result:
        return returned(result, value, point)
    if encode(to_json(content)) == encode(value):
        return result
    if isinstance(result, ToolOutputText):
        return result.model_copy(update={"text": str(value)})
    parts = split([to_json(part) for part in result], value)
    return [type(old).model_validate(new) for old, new in zip(result, parts, strict=True)]
