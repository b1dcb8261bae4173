"""Answers of a model as the profile's `response`, and what a policy has made of them (section 12.5)."""

from typing import Any

from langchain.agents.middleware.types import ModelResponse
from langchain_core.messages import AIMessage, BaseMessage

from acs_client.calls import denied
from acs_client.decision import Decision
from acs_client.integrations.langchain.messages import call_of, content_of, with_text, without_reasoning

__all__ = ["leaving", "read_answer", "with_output", "with_response", "without_reasoning_in"]

_FINISH = {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "content_filter": "content_filter"}


def without_reasoning_in(response: ModelResponse[Any]) -> ModelResponse[Any]:
    """Return a response whose answer has no text but its content."""
    return _put(response, without_reasoning(_last(response)))


def read_answer(response: ModelResponse[Any]) -> dict[str, Any]:
    """Return `response` and `usage` of `post_model_call`."""
    message = _last(response)
    calls = [call_of(call) for call in message.tool_calls]
    calls += [
        {
            "name": call["name"] or "",
            "args": {},
            "args_text": call["args"] or "",
            **({"id": call["id"]} if call["id"] else {}),
        }
        for call in message.invalid_tool_calls
    ]
    reason = message.response_metadata.get("finish_reason")
    finish = _FINISH.get(reason, "other") if reason else "tool_calls" if calls else "stop"
    usage = message.usage_metadata
    counts = (
        {"prompt_tokens": usage["input_tokens"], "completion_tokens": usage["output_tokens"]}
        if usage
        else None
    )
    return {
        "response": {"content": content_of(message), "tool_calls": calls, "finish_reason": finish},
        "usage": counts,
    }


def with_response(
    response: ModelResponse[Any], before: dict[str, Any], after: dict[str, Any]
) -> ModelResponse[Any]:
    """Return a response with what a transform at `post_model_call` has made of it."""
    if before == after:
        return response
    message = _last(response)
    changed = with_text(message, before["content"], after["content"])
    held = {call["id"]: call for call in message.tool_calls}
    calls = [
        {**held[call["id"]], "args": call["args"]} for call in after["tool_calls"] if call.get("id") in held
    ]
    if len(calls) != len(after["tool_calls"]):
        raise denied(
            "post_model_call", "transform_invalid", "write_back", "a call without an id cannot be changed"
        )
    update = {"tool_calls": calls, "additional_kwargs": {}, "invalid_tool_calls": []}
    return _with_last(response, changed.model_copy(update=update))


def leaving(response: ModelResponse[Any]) -> Any:
    """Return what leaves the agent with an answer: its text, or its structured form; `None` if it goes on."""
    if not _last(response).tool_calls:
        return content_of(_last(response))
    return response.structured_response


def with_output(response: ModelResponse[Any], before: Any, decision: Decision) -> ModelResponse[Any]:
    """Return a response with what a transform at `output` has made of what leaves with it."""
    if not decision.transformed:
        return response
    return _with_last(response, with_text(_last(response), before, decision.value))


def _last(response: ModelResponse[Any]) -> AIMessage:
    found = [message for message in response.result if isinstance(message, AIMessage)]
    if len(found) != 1:
        raise denied(
            "post_model_call", "adapter_unsupported", "write_back", "the model answered no single message"
        )
    return found[0]


def _with_last(response: ModelResponse[Any], message: BaseMessage) -> ModelResponse[Any]:
    if response.structured_response is not None:
        message_text = "the transform does not reach the structured response"
        raise denied("post_model_call", "transform_invalid", "write_back", message_text)
    return _put(response, message)


def _put(response: ModelResponse[Any], message: BaseMessage) -> ModelResponse[Any]:
    last = _last(response)
    result = [message if held is last else held for held in response.result]
    return ModelResponse(result=result, structured_response=response.structured_response)
