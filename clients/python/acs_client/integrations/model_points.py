"""The two points of a model, and `output`, for frameworks whose model can be wrapped (section 12.8)."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from acs_client.calls import denied
from acs_client.errors import Denied
from acs_client.session import Session
from acs_client.values import to_json

__all__ = ["ModelPoints", "call_of", "refused_stream", "refuses_streams"]


class ModelPoints:
    """Evaluates what a model is sent and what it answers; a block raises."""

    def __init__(self, session: Session, framework: str) -> None:
        self._session = session.as_agent(framework=framework)

    def before(
        self, messages: list[dict[str, Any]], model: str, tools: Iterable[Mapping[str, Any]]
    ) -> list[tuple[int, Any]]:
        """Evaluate the messages for a model; return the indexes of changed ones, with their new texts."""
        decision = self._session.pre_model_call(messages, model=model, tools=tools)
        given = to_json(messages)
        return [
            (index, new["content"])
            for index, (old, new) in enumerate(zip(given, decision.value, strict=True))
            if old["content"] != new["content"]
        ]

    def after(
        self, text: Any, calls: list[dict[str, Any]], model: str, *, reason: str, usage: Any = None
    ) -> tuple[Any, list[dict[str, Any]]]:
        """Evaluate an answer; return the permitted text and calls.

        What calls no tool, from the start or because a policy dropped the calls, leaves the agent: it is
        evaluated at `output` too.
        """
        response = {"content": text, "tool_calls": calls, "finish_reason": reason}
        permitted = self._session.post_model_call(response, model=model, usage=usage).value
        content, remaining = permitted["content"], permitted["tool_calls"]
        return content if remaining else self._session.output(content).value, remaining


def refuses_streams(stream: str, on_block: str = "error", hosted: str = "refuse") -> bool:
    """Return whether `stream` refuses what would be held back; raise `ValueError` for unknown options."""
    if on_block not in {"error", "raise"} or hosted not in {"refuse", "observe"}:
        raise ValueError('`on_block` is "error" or "raise", and `hosted` is "refuse" or "observe"')
    if stream not in {"hold", "refuse"}:
        raise ValueError('`stream` is "hold" or "refuse"')
    return stream == "refuse"


def refused_stream() -> Denied:
    """Return the deny of a stream that its host does not want held back; the model is not asked."""
    message = 'streams are refused here: `stream="hold"` holds an answer back until it is permitted'
    return denied("pre_model_call", "streaming_unsupported", "stream", message)


def call_of(call_id: str | None, name: str, args: Any) -> dict[str, Any]:
    """Return a call of a model; arguments that are text are JSON, or stand beside none as `args_text`."""
    known = {} if call_id is None else {"id": call_id}
    if not isinstance(args, str):
        return {**known, "name": name, "args": args}
    try:
        parsed = json.loads(args)
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, dict):
        return {**known, "name": name, "args": parsed}
    return {**known, "name": name, "args": {}, "args_text": args}
