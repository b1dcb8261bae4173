"""CrewAI (section 12.8): crews inside `with governed_crew(session):` are governed, and do not stream.

A hook of this framework that raises anything but `HookAborted` is ignored and the tool runs: here whatever
goes wrong is `HookAborted`, or the text that replaces a result. Hooks are of the whole process, so that only
one session governs crews at a time. An answer that calls tools passes no hook: its calls do.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from crewai.hooks.dispatch import HookAborted, InterceptionPoint, register, unregister

from acs_client.calls import denied
from acs_client.errors import Blocked, ConfigurationError, describe
from acs_client.integrations.model_points import ModelPoints, call_of
from acs_client.session import Session
from acs_client.snapshot.envelope import present
from acs_client.tool_call import ReplacedError, ToolCall

__all__ = ["governed_crew"]

_log = logging.getLogger("acs_client")
_FAULT = "denied by policy: the step could not be evaluated"
_one = threading.Lock()


@contextmanager
def governed_crew(session: Session) -> Iterator[None]:
    """Govern every crew of the process until the block ends.

    Raises `ConfigurationError` inside of another such block.
    """
    if not _one.acquire(blocking=False):
        raise ConfigurationError("another session governs the crews of this process")
    hooks = _Hooks(session.as_agent(framework="crewai"))
    points = {
        InterceptionPoint.INPUT: _aborting(hooks.input),
        InterceptionPoint.PRE_MODEL_CALL: _aborting(hooks.before_model),
        InterceptionPoint.POST_MODEL_CALL: _aborting(hooks.after_model),
        InterceptionPoint.PRE_TOOL_CALL: _aborting(hooks.before_tool),
        InterceptionPoint.POST_TOOL_CALL: hooks.after_tool,
        InterceptionPoint.OUTPUT: _aborting(hooks.output),
    }
    try:
        for point, hook in points.items():
            register(point, hook)
        yield
    finally:
        for point, hook in points.items():
            unregister(point, hook)
        _one.release()


class _Hooks:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._points = ModelPoints(session, "crewai")
        # By the object that both hooks of a call are given, which is kept so that no other has its id.
        self._calls: dict[int, tuple[Any, ToolCall | str]] = {}

    def input(self, context: Any) -> None:
        """Evaluate the inputs of a crew, which cannot be changed here."""
        given = context.payload
        if given is None:
            return
        texts = list(given.values()) if isinstance(given, dict) else [given]
        body = "\n".join(texts) if all(isinstance(text, str) for text in texts) else given
        if self._session.input(body).transformed:
            raise denied("input", "transform_invalid", "write_back", "the inputs of a crew cannot be changed")

    def before_model(self, context: Any) -> None:
        """Evaluate a prompt, whose texts a transform changes in place; a model that streams is refused.

        What a model streams goes to listeners of the framework before any hook sees it.
        """
        if getattr(context.llm, "stream", False):
            message = "what a crew streams cannot be held back: run it without `stream`"
            raise denied("pre_model_call", "streaming_unsupported", "stream", message)
        shown = [_shown(message) for message in context.messages]
        for index, text in self._points.before(shown, _name(context.llm), ()):
            context.messages[index]["content"] = text

    def after_model(self, context: Any) -> None:
        """Evaluate an answer in words; the permitted text replaces it."""
        response = {"content": context.response, "tool_calls": [], "finish_reason": "stop"}
        context.response = self._session.post_model_call(response, model=_name(context.llm)).value["content"]

    def before_tool(self, context: Any) -> None:
        """Evaluate a call; the permitted arguments replace those of the model in place."""
        args = context.tool_input
        self._calls[id(args)] = (args, _FAULT)
        try:
            decision = self._session.pre_tool_call(context.tool_name, args)
        except Blocked as blocked:
            self._calls[id(args)] = (args, describe(blocked.decision))
            raise
        if decision.transformed:
            args.clear()
            args.update(decision.value)
        self._calls[id(args)] = (args, ToolCall(self._session, context.tool_name, decision, None))

    def after_tool(self, context: Any) -> str:
        """Return what the model may see of a result: of a blocked call, why it was blocked."""
        try:
            _, call = self._calls.pop(id(context.tool_input))
            if isinstance(call, str):
                return call
            result = call.result(context.tool_result)
            return result if isinstance(result, str) else _FAULT
        except ReplacedError as replaced:
            return replaced.value if isinstance(replaced.value, str) else describe(replaced.decision)
        except Blocked as blocked:
            return describe(blocked.decision)
        except Exception:  # noqa: BLE001  # whatever it is, the result goes nowhere
            _log.exception("a result of `%s` could not be evaluated, and was withheld", context.tool_name)
            return _FAULT

    def output(self, context: Any) -> None:
        """Evaluate what leaves a crew or a flow; another text replaces it wherever it is kept.

        Of an agent that runs alone the framework shows no answer here: such a run is refused.
        """
        given = context.payload
        if getattr(context.flow, "executor_type", None) is not None:
            message = "the answer of an agent that runs alone passes no hook: run it in a crew"
            raise denied("output", "adapter_unsupported", "ungoverned", message)
        if given is None:
            return
        said = getattr(given, "raw", given)
        decision = self._session.output(said)
        if not decision.transformed:
            return
        is_structured = any(getattr(given, name, None) is not None for name in ("pydantic", "json_dict"))
        if is_structured or not isinstance(said, str) or not isinstance(decision.value, str):
            raise denied("output", "transform_invalid", "write_back", "a structured output cannot be changed")
        if isinstance(given, str):
            context.payload = decision.value
            return
        for holder in (*getattr(given, "tasks_output", ()), given):
            _replace(holder, said, decision.value)


def _replace(holder: Any, said: str, text: str) -> None:
    """Put `text` for what was said into an output and into the messages that it keeps."""
    holder.raw = holder.raw.replace(said, text) if said else text
    for message in getattr(holder, "messages", None) or ():
        if said and isinstance(message.get("content"), str):
            message["content"] = message["content"].replace(said, text)


def _name(model: Any) -> str:
    return str(getattr(model, "model", model))


def _shown(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message as policies expect it."""
    content = message.get("content")
    if isinstance(content, list) and all(isinstance(part.get("text"), str) for part in content):
        content = "\n".join(part["text"] for part in content)
    shown: dict[str, Any] = {"role": message["role"], "content": "" if content is None else content}
    calls = [
        call_of(call.get("id"), call["function"]["name"], call["function"]["arguments"])
        for call in message.get("tool_calls") or ()
    ]
    known = {"tool_calls": calls or None, "tool_call_id": message.get("tool_call_id")}
    return {**shown, **present(**known, name=message.get("name"))}


def _aborting(hook: Callable[[Any], None]) -> Callable[[Any], None]:
    def run(context: Any) -> None:
        try:
            hook(context)
        except Blocked as blocked:
            raise HookAborted(describe(blocked.decision), "acs_client") from blocked
        except Exception as error:
            _log.exception("a step of a crew could not be evaluated, and was stopped")
            raise HookAborted(_FAULT, "acs_client") from error

    return run
