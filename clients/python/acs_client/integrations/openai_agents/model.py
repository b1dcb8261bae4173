"""The model of an agent of OpenAI Agents between its two points (section 12.8)."""

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

from agents import Model, MultiProvider, Usage

from acs_client.aio import AsyncSession
from acs_client.calls import denied
from acs_client.integrations.model_points import refused_stream
from acs_client.integrations.openai_agents.items import messages_of, read_answer, with_answer, with_texts
from acs_client.integrations.openai_agents.stream import events_of
from acs_client.integrations.openai_agents.tools import Options, check_handoff, check_tool
from acs_client.session import Session

__all__ = ["PERMITTED", "GovernedModel"]

PERMITTED = "_acs_permitted"
"""The attribute of an item of an answer that was evaluated."""

_FAILED = frozenset({"response.failed", "response.incomplete", "error", "response.error"})


class GovernedModel(Model):
    """A model whose calls are evaluated, and whose answers are held until they are permitted."""

    is_governed = True

    def __init__(self, inner: Any, options: Options, session: Session) -> None:
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
        if self._options.refuses_streams:
            raise refused_stream()
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
            check_tool(tool, self._options, "pre_model_call")
        for held in handoffs:
            check_handoff(held, "pre_model_call")
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
            object.__setattr__(item, PERMITTED, True)
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


def _offered(tool: Any) -> dict[str, Any]:
    return {"name": tool.name, "description": getattr(tool, "description", "")}
