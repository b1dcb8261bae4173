"""Messages of LangChain as the snapshot profile has them, and texts put back into them (section 12.5)."""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from acs_client.integrations.answer_details import OPAQUE, without_texts

__all__ = ["call_of", "content_of", "message_of", "with_text", "without_reasoning"]

_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}
_REASONING = frozenset({"reasoning", "reasoning_content", "redacted_thinking", "thinking"})
_CALLS = frozenset({"function_call", "tool_calls"})  # as the provider wrote those of `tool_calls`


def content_of(message: BaseMessage) -> Any:
    """Return text alone as one string, anything else as the list of its parts; not withheld reasoning."""
    if isinstance(message.content, str):
        return message.content
    parts = [part for part in message.content if not _is_withheld(part)]
    texts = [part if isinstance(part, str) else part.get("text") for part in parts]
    return "\n".join(str(text) for text in texts) if all(map(_is_text, parts)) else parts


def message_of(message: BaseMessage) -> dict[str, Any]:
    """Return a message as it is sent to a model."""
    sent: dict[str, Any] = {"role": _ROLES.get(message.type, "user"), "content": content_of(message)}
    if message.name:
        sent["name"] = message.name
    if isinstance(message, AIMessage) and message.tool_calls:
        sent["tool_calls"] = [call_of(call) for call in message.tool_calls]
    if isinstance(message, ToolMessage):
        sent["tool_call_id"] = message.tool_call_id
    return sent


def call_of(call: Any) -> dict[str, Any]:
    """Return a call of a model, without an id that it does not have."""
    return {"name": call["name"], "args": call["args"], **({"id": call["id"]} if call.get("id") else {})}


def with_text(message: BaseMessage, before: Any, after: Any) -> BaseMessage:
    """Return `message` with other content; joined text goes into the last text, the others are emptied."""
    if after == before:
        return message
    content = after
    if isinstance(message.content, list) and isinstance(after, str):
        content = [_part(part, "") if _is_text(part) else part for part in message.content]
        places = [index for index, part in enumerate(content) if _is_text(part)]
        if places:
            content[places[-1]] = _part(content[places[-1]], after)
        else:
            content.append({"type": "text", "text": after})
    update: dict[str, Any] = {"content": content, "additional_kwargs": {}, "response_metadata": {}}
    return message.model_copy(update=update)


def without_reasoning(message: AIMessage) -> AIMessage:
    """Return a model's answer without the texts that it has beside its content: those pass no point.

    What lets the provider go on (signatures, encrypted reasoning, its own copies of the calls) stays.
    """
    content = message.content
    if not isinstance(content, str):
        content = [_emptied(part) if _is_reasoning(part) else part for part in content]
    beside = message.additional_kwargs
    own = {name: held for name, held in beside.items() if name in _CALLS or name.startswith("__")}
    update = {
        "content": content,
        "additional_kwargs": without_texts(beside) | own,
        "response_metadata": without_texts(message.response_metadata),
    }
    return message.model_copy(update=update)


def _is_text(part: Any) -> bool:
    return isinstance(part, str) or part.get("type") == "text"


def _part(part: Any, text: str) -> Any:
    return text if isinstance(part, str) else {**part, "text": text}


def _is_reasoning(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") in _REASONING


def _is_withheld(part: Any) -> bool:
    return _is_reasoning(part) and part == _emptied(part)


def _emptied(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: held if name in OPAQUE else _empty(held) for name, held in part.items()}


def _empty(held: Any) -> Any:
    if isinstance(held, Mapping):
        return _emptied(held)
    return type(held)() if isinstance(held, str | list) else held
