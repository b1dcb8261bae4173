"""Results of tools between running and being seen (section 12.5)."""

from typing import Any

from langchain_core.messages import BaseMessage, ToolMessage, convert_to_messages
from langgraph.types import Command

from acs_client.calls import denied
from acs_client.decision import Decision
from acs_client.govern import returned
from acs_client.integrations.langchain.messages import content_of, with_text
from acs_client.tool_call import ToolCall

__all__ = ["content_of_result", "settled", "with_content"]


def settled(call: ToolCall, result: ToolMessage | Command[Any]) -> ToolMessage | Command[Any]:
    """Evaluate what a tool returned: its text, or `{content, artifact}`, or what a command changes.

    A result that says that it is an error has its text alone.
    """
    if not isinstance(result, ToolMessage):
        content = content_of_result(result)
        return _unchanged(result, call.settle(content, None))
    content = content_of(result)
    if result.status == "error":
        nothing: dict[str, Any] = {"artifact": None, "additional_kwargs": {}, "response_metadata": {}}
        decision = call.settle(None, str(content))
        return with_content(result.model_copy(update=nothing), content, decision)
    held = _held(result)
    decision = call.settle(held, None)
    if held is content or not decision.transformed:
        return with_content(result, content, decision)
    if not isinstance(decision.value, dict) or decision.value.keys() != held.keys():
        raise _not_put_back(decision, "the transform changes the members of a result")
    after = dict(decision.value)
    changed = with_text(result, content, _checked(decision, after.pop("content")))
    beside = {name: returned(held[name], value, decision.point) for name, value in after.items()}
    return changed.model_copy(update=beside)


def content_of_result(result: Any) -> Any:
    """Return what leaves an agent with a result: the text of its message, or what a command changes."""
    if isinstance(result, ToolMessage):
        return content_of(result)
    if isinstance(result, list):
        return [content_of_result(one) for one in result]
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
    texts = [_held(message) for message in messages]
    return {**others, "messages": texts} if others else texts


def with_content(result: Any, before: Any, decision: Decision) -> Any:
    """Return a result with what a transform has made of its content, `before`."""
    if not isinstance(result, ToolMessage):
        return _unchanged(result, decision)
    if not decision.transformed:
        return result
    return with_text(result, before, _checked(decision, decision.value))


def _held(message: BaseMessage) -> Any:
    """Return the text of a message, or that and what else it holds."""
    content, artifact = content_of(message), getattr(message, "artifact", None)
    beside = {} if artifact is None else {"artifact": artifact}
    for name in ("additional_kwargs", "response_metadata"):
        beside |= {name: held} if (held := getattr(message, name)) else {}
    return {"content": content, **beside} if beside else content


def _unchanged(result: Any, decision: Decision) -> Any:
    if decision.transformed:
        raise _not_put_back(decision, "the transform changes more than the text of a message")
    return result


def _checked(decision: Decision, content: Any) -> Any:
    if not isinstance(content, str | list):
        raise _not_put_back(decision, "the transform leaves no content")
    return content


def _not_put_back(decision: Decision, message: str) -> Exception:
    return denied(decision.point, "transform_invalid", "write_back", message)
