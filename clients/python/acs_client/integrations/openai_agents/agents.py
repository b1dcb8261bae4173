"""Governed copies of agents of OpenAI Agents, and of those that they hand over to (section 12.8)."""

import copy
import dataclasses
import inspect
import json
import weakref
from collections.abc import Iterable
from typing import Any

from agents import (
    Agent,
    AgentHooks,
    FunctionTool,
    GuardrailFunctionOutput,
    Handoff,
    InputGuardrail,
    ToolsToFinalOutputResult,
    handoff,
)

from acs_client.aio import AsyncSession
from acs_client.calls import denied
from acs_client.integrations.model_points import refuses_streams
from acs_client.integrations.openai_agents.items import messages_of, parsed_arguments
from acs_client.integrations.openai_agents.model import PERMITTED, GovernedModel
from acs_client.integrations.openai_agents.runner import refuse_other_models
from acs_client.integrations.openai_agents.tools import (
    Options,
    governed_tool,
    put_back,
    sent_value,
    ungoverned,
)
from acs_client.session import Session
from acs_client.values import encode, to_json

__all__ = ["govern"]


def govern(
    agent: Any,
    *,
    session: Session,
    on_block: str = "error",
    hosted: str = "refuse",
    exempt: Iterable[str] = (),
    stream: str = "hold",
) -> Any:
    """Return a governed copy of an agent, or of a function tool.

    `on_block="raise"` stops the run at a blocked tool call. Tools that the provider runs are refused unless
    `hosted="observe"`; `exempt` names hand-overs that pass no tool point; `stream="refuse"` refuses
    streams instead of holding them back. Raises `Denied` for an agent with
    tools that cannot be governed.
    """
    named = session.as_agent(framework="openai-agents")
    options = Options(named, on_block, hosted, frozenset(exempt), refuses_streams(stream, on_block, hosted))
    if isinstance(agent, FunctionTool):
        return governed_tool(agent, options, options.session)
    if not isinstance(agent, Agent):
        raise TypeError(f"a {type(agent).__name__} of OpenAI Agents cannot be governed: govern the agent")
    refuse_other_models()
    return _Graph(options).governed(agent)


class _Graph:
    """The governed copies of agents that reach one another by hand-overs."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._governed: dict[int, Any] = {}
        self._originals: list[Any] = []

    def governed(self, agent: Any) -> Any:
        if getattr(agent.model, "is_governed", False):
            return agent
        if id(agent) in self._governed:
            return self._governed[id(agent)]
        session = self._options.session.as_agent(name=agent.name)
        tools = [governed_tool(tool, self._options, session) for tool in agent.tools]
        kind = _governed_class(type(agent))
        found: Any = object.__new__(kind)
        vars(found).update(vars(agent))
        found.acs_options, found.acs_session = self._options, session
        found.tools, found.mcp_servers = tools, list(agent.mcp_servers)
        found.model = GovernedModel(agent.model, self._options, session)
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

        invoke.is_governed = True  # type: ignore[attr-defined]  # `check_handoff` looks for it
        found.on_invoke_handoff = invoke
        if kept is not None:
            found._agent_ref = weakref.ref(kept)
        return found


class _GovernedAgent:
    """What a governed agent does in its own way: tools of MCP servers are governed when listed."""

    acs_options: Options
    acs_session: Session

    async def get_mcp_tools(self, run_context: Any) -> list[Any]:
        found = await super().get_mcp_tools(run_context)  # type: ignore[misc]  # the agent's
        return [governed_tool(tool, self.acs_options, self.acs_session) for tool in found]

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
        if not all(getattr(item, PERMITTED, False) for item in response.output):
            raise ungoverned("a run configuration has replaced the governed model", "post_model_call")
        if self._inner is not None:
            await self._inner.on_llm_end(context, agent, response)


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
    """Return the contents of the messages of the user since the last answer."""
    new: list[Any] = []
    for message in reversed(messages_of(None, items)):
        if message["role"] in {"assistant", "tool"}:
            break
        if message["role"] == "user":
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
        content = sent_value(found.final_output)
        value = (await AsyncSession.over(session).output(content)).value
        return dataclasses.replace(found, final_output=put_back(found.final_output, content, value, "output"))

    return decide


def _stopped(behavior: Any, results: list[Any]) -> Any:
    names = None if behavior == "stop_on_first_tool" else behavior.get("stop_at_tool_names", [])
    for result in results:
        if names is None or result.tool.name in names or result.tool.qualified_name in names:
            return ToolsToFinalOutputResult(is_final_output=True, final_output=result.output)
    return ToolsToFinalOutputResult(is_final_output=False, final_output=None)
