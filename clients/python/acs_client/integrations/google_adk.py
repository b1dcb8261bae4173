"""Google ADK (section 12.8): `Runner(plugins=[AcsPlugin(session)])` evaluates every step of a run.

A blocked tool call gives the model one error result, and the run goes on; blocks elsewhere raise. Put the
plugin first; what an agent's own callbacks change afterwards is not evaluated. Live sessions are refused.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from google.adk.agents.run_config import StreamingMode
from google.adk.code_executors import BuiltInCodeExecutor
from google.adk.plugins.base_plugin import BasePlugin
from google.genai import types

from acs_client.aio import AsyncSession
from acs_client.calls import denied
from acs_client.errors import Blocked, Escalated, describe
from acs_client.govern import returned
from acs_client.integrations.model_points import refused_stream, refuses_streams
from acs_client.session import Session
from acs_client.tool_call import ReplacedError, ToolCall
from acs_client.values import encode, media, to_json

__all__ = ["AcsPlugin"]

_ROLES = {"user": "user", "model": "assistant"}
# What stands beside the content of an answer, and passes no point.
_BESIDE = dict.fromkeys(("grounding_metadata", "citation_metadata", "logprobs_result", "custom_metadata"))


class AcsPlugin(BasePlugin):
    """The plugin; `on_block="raise"` stops the run at a blocked tool call.

    Tools that the provider runs are refused unless `hosted="observe"`; `exempt` names tools that pass no
    tool point, such as `transfer_to_agent`. `stream="refuse"` refuses runs that stream instead of emptying
    the parts of an answer. A confirmed call is resumed with `payload={"ticket": …,
    "approval": …}`.
    """

    def __init__(
        self,
        session: Session,
        *,
        on_block: str = "error",
        hosted: str = "refuse",
        exempt: Iterable[str] = (),
        stream: str = "hold",
    ) -> None:
        super().__init__(name="acs")
        self._session = session.as_agent(framework="google-adk")
        self._on_block, self._hosted, self._exempt = on_block, hosted, frozenset(exempt)
        self._refuses_streams = refuses_streams(stream, on_block, hosted)
        self._running: dict[tuple[str, str], ToolCall] = {}

    async def on_user_message_callback(self, *, invocation_context: Any, user_message: Any) -> Any:
        """Evaluate what the user says; a confirmation is no prompt."""
        parts = user_message.parts or []
        if parts and all(part.function_response is not None for part in parts):
            return None
        content = _content(parts)
        session = self._of(invocation_context.agent)
        after = (await session.input(content)).value
        if after == to_json(content):
            return None
        return user_message.model_copy(update={"parts": _with_text(parts, after, "input")})

    async def before_model_callback(self, *, callback_context: Any, llm_request: Any) -> None:
        """Evaluate what is about to be sent to a model."""
        _check_agent(callback_context)
        run = callback_context.run_config
        if self._refuses_streams and run is not None and run.streaming_mode is not StreamingMode.NONE:
            raise refused_stream()
        config = llm_request.config
        offered = list(_offered(config.tools or [], self._hosted))
        instructions = config.system_instruction
        system = [{"role": "system", "content": _instructions(instructions)}] if instructions else []
        places = list(_places(llm_request.contents))
        messages = [*system, *(message for _, _, message in places)]
        session = self._named(callback_context.agent_name)
        after = (await session.pre_model_call(messages, model=llm_request.model, tools=offered)).value
        if system and after[0]["content"] != system[0]["content"]:
            config.system_instruction = after[0]["content"]
        changed = [
            content.model_copy(update={"parts": list(content.parts or [])})
            for content in llm_request.contents
        ]
        for (index, numbers, old), new in zip(places, after[len(system) :], strict=True):
            if encode(to_json(old["content"])) != encode(new["content"]):
                parts = [changed[index].parts[number] for number in numbers]
                for number, part in zip(
                    numbers, _with_text(parts, new["content"], "pre_model_call"), strict=True
                ):
                    changed[index].parts[number] = part
        llm_request.contents = changed

    async def after_model_callback(self, *, callback_context: Any, llm_response: Any) -> Any:
        """Evaluate what a model has answered; nothing of a part of an answer is released."""
        if (
            llm_response.input_transcription
            or llm_response.output_transcription
            or llm_response.live_session_id
        ):
            raise denied(
                "post_model_call", "streaming_unsupported", "stream", "a live session cannot be held back"
            )
        parts = (llm_response.content and llm_response.content.parts) or []
        has_more = any(getattr(llm_response, name) is not None for name in _BESIDE)
        llm_response = llm_response.model_copy(update=_BESIDE)
        if llm_response.partial:
            return llm_response.model_copy(update={"content": types.Content(role="model", parts=[])})
        if llm_response.content is None:
            return llm_response if has_more else None
        session = self._named(callback_context.agent_name)
        spoken = [part for part in parts if _is_said(part)]
        calls = [part for part in parts if part.function_call is not None]
        before = {
            "content": _content(spoken),
            "tool_calls": [_call(part.function_call) for part in calls],
            "finish_reason": "tool_calls" if calls else "stop",
        }
        usage = llm_response.usage_metadata
        counts = usage and {
            "prompt_tokens": usage.prompt_token_count or 0,
            "completion_tokens": usage.candidates_token_count or 0,
        }
        model = {"name": llm_response.model_version} if llm_response.model_version else None
        after = (await session.post_model_call(before, model=model, usage=counts)).value
        if not after["tool_calls"]:
            after = {**after, "content": (await session.output(after["content"])).value}
        released = [
            part.model_copy(update={"part_metadata": None}) for part in _released(parts, before, after)
        ]
        return llm_response.model_copy(
            update={"content": llm_response.content.model_copy(update={"parts": released})}
        )

    async def before_tool_callback(self, *, tool: Any, tool_args: dict[str, Any], tool_context: Any) -> Any:
        """Evaluate a call; put permitted arguments into it, or return the error result of a block."""
        if not getattr(tool, "include_plugins", True):
            message = f"`{tool.name}` runs an agent without this plugin: give it `include_plugins=True`"
            return self._error(denied("pre_tool_call", "adapter_unsupported", "ungoverned", message))
        if tool.name in self._exempt:
            return None
        call_id = tool_context.function_call_id
        confirmation = tool_context.tool_confirmation
        brought = confirmation.payload if confirmation is not None and confirmation.confirmed else None
        approved = (
            {name: brought.get(name) for name in ("ticket", "approval")} if isinstance(brought, dict) else {}
        )
        session = self._named(tool_context.agent_name)
        try:
            decision = await session.pre_tool_call(tool.name, tool_args, id=call_id, **approved)
            _put_arguments(tool_args, decision.value)
        except Escalated as escalated:
            if escalated.ticket is None or confirmation is not None:
                raise
            tool_context.request_confirmation(hint=describe(escalated.decision), payload=escalated.ticket)
            tool_context.actions.skip_summarization = True
            return {"error": describe(escalated.decision)}
        except Blocked as blocked:
            return self._error(blocked)
        self._running[tool_context.invocation_id, call_id] = ToolCall(
            session.sync, tool.name, decision, call_id
        )
        return None

    async def after_tool_callback(self, *, tool: Any, tool_args: Any, tool_context: Any, result: Any) -> Any:
        """Evaluate a result before the model sees it; not that of a call that was blocked."""
        call = self._running.pop((tool_context.invocation_id, tool_context.function_call_id), None)
        if call is None:
            return None
        wrapped = isinstance(result, dict) and result.keys() == {"result"}
        value = result["result"] if wrapped else result
        try:
            after = returned(value, await self._named(tool_context.agent_name).run(call.result, value))
        except Blocked as blocked:
            return self._error(blocked)
        if after is value:
            return None
        return after if isinstance(after, dict) and not wrapped else {"result": after}

    async def on_tool_error_callback(
        self, *, tool: Any, tool_args: Any, tool_context: Any, error: Any
    ) -> Any:
        """Evaluate an error: a permit leaves it to the framework, anything else replaces it."""
        call = self._running.pop((tool_context.invocation_id, tool_context.function_call_id), None)
        if call is None:
            return None
        try:
            await self._named(tool_context.agent_name).run(call.settle_error, error)
        except ReplacedError as replaced:
            return {
                "error": replaced.value if isinstance(replaced.value, str) else describe(replaced.decision)
            }
        except Blocked as blocked:
            return self._error(blocked)
        return None

    def _error(self, blocked: Blocked) -> dict[str, str]:
        if self._on_block == "raise":
            raise blocked
        return {"error": describe(blocked.decision)}

    def _of(self, agent: Any) -> AsyncSession:
        return self._named(getattr(agent, "name", None))

    def _named(self, name: str | None) -> AsyncSession:
        return AsyncSession.over(self._session.as_agent(name=name))


def _check_agent(context: Any) -> None:
    """Raise `Denied` for an agent that runs, here, code which its model writes: that passes no tool point."""
    executor = getattr(context._invocation_context.agent, "code_executor", None)
    if executor is not None and not isinstance(executor, BuiltInCodeExecutor):
        message = f"a {type(executor).__name__} runs what the model writes, and passes no tool point"
        raise denied("pre_model_call", "adapter_unsupported", "ungoverned", message)


def _offered(tools: Iterable[Any], hosted: str) -> Iterator[dict[str, Any]]:
    for tool in tools:
        declared = getattr(tool, "function_declarations", None)
        others = [name for name, value in to_json(tool).items() if value and name != "function_declarations"]
        if (others or not declared) and hosted == "refuse":
            message = f"`{', '.join(others) or 'a tool'}` is run by the provider and passes no tool point"
            raise denied("pre_model_call", "adapter_unsupported", "ungoverned", message)
        yield from ({"name": one.name, "description": one.description or ""} for one in declared or ())


def _instructions(instructions: Any) -> str:
    if isinstance(instructions, str):
        return instructions
    parts = getattr(instructions, "parts", None) or (
        instructions if isinstance(instructions, list) else [instructions]
    )
    return "\n".join(part if isinstance(part, str) else part.text or "" for part in parts)


def _places(contents: Iterable[Any]) -> Iterator[tuple[int, list[int], dict[str, Any]]]:
    """Yield index of content, numbers of its parts, and the message that they are."""
    for index, content in enumerate(contents):
        role = _ROLES.get(content.role or "user", "user")
        spoken: list[int] = []
        calls: list[Any] = []
        for number, part in enumerate(content.parts or []):
            if part.function_response is not None:
                yield index, [number], _response(part.function_response)
            elif part.function_call is not None:
                calls.append(_call(part.function_call))
            elif not part.thought:
                spoken.append(number)
        if spoken or calls:
            message = {"role": role, "content": _content([content.parts[number] for number in spoken])}
            yield index, spoken, message | ({"tool_calls": calls} if calls else {})


def _response(response: Any) -> dict[str, Any]:
    given = response.response or {}
    (only,) = given.values() if len(given) == 1 else (None,)
    content = only if isinstance(only, str) else [{"type": "json", "value": to_json(given)}]
    named = {"tool_call_id": response.id} if response.id else {}
    return {"role": "tool", "name": response.name, "content": content, **named}


def _is_said(part: Any) -> bool:
    """True if an answer says something in a part: it is no call, no thought, and no signature alone."""
    unsaid = {"thought", "thought_signature", "function_call"}
    return not part.thought and bool(part.model_dump(exclude_none=True, exclude=unsaid))


def _call(call: Any) -> dict[str, Any]:
    return {"name": call.name, "args": to_json(call.args or {}), **({"id": call.id} if call.id else {})}


def _content(parts: Iterable[Any]) -> Any:
    """Return texts alone as one text, anything else as the list of its parts."""
    parts = list(parts)
    if all(part.text is not None for part in parts):
        return "\n".join(part.text for part in parts)
    return [{"type": "text", "text": part.text} if part.text is not None else _shown(part) for part in parts]


def _shown(part: Any) -> Any:
    data = part.inline_data
    if data is not None and data.data is not None:
        return media(data.data, data.mime_type or "")
    return part.model_dump(mode="json", exclude_none=True)


def _with_text(parts: list[Any], content: Any, point: str) -> list[Any]:
    """Return the parts with other text: joined text goes into the last part, the others are emptied."""
    if not isinstance(content, str) or not parts:
        raise denied(point, "transform_invalid", "write_back", "the transform changes what is not text")
    *others, last = parts
    return [_with(part, "") for part in others] + [_with(last, content)]


def _with(part: Any, text: str) -> Any:
    response = part.function_response
    if response is None:
        return part.model_copy(update={"text": text})
    (name,) = response.response
    return part.model_copy(
        update={"function_response": response.model_copy(update={"response": {name: text}})}
    )


def _released(parts: list[Any], before: dict[str, Any], after: dict[str, Any]) -> Iterator[Any]:
    """Return the parts of an answer with what a transform has made of it; thoughts pass no point."""
    spoken = [index for index, part in enumerate(parts) if part.text is not None and not part.thought]
    same = encode(to_json(after["content"])) == encode(to_json(before["content"]))
    if not same and not (spoken and isinstance(after["content"], str)):
        raise denied("post_model_call", "transform_invalid", "write_back", "there is no text to change")
    remaining = iter(after["tool_calls"])
    wanted = next(remaining, None)
    for index, part in enumerate(parts):
        if part.thought:
            yield types.Part(text="", thought=True, thought_signature=part.thought_signature)
        elif part.function_call is not None:
            old = _call(part.function_call)
            if wanted is not None and (wanted["name"], wanted.get("id")) == (old["name"], old.get("id")):
                call = part.function_call.model_copy(update={"args": wanted["args"]})
                yield part if wanted == old else part.model_copy(update={"function_call": call})
                wanted = next(remaining, None)
        elif index in spoken and not same:
            yield part.model_copy(update={"text": after["content"] if index == spoken[-1] else ""})
        else:
            yield part
    if wanted is not None:
        raise denied("post_model_call", "transform_invalid", "write_back", "the calls cannot be told apart")


def _put_arguments(args: dict[str, Any], permitted: dict[str, Any]) -> None:
    if encode(to_json(args)) != encode(permitted):
        args.clear()
        args.update(permitted)
