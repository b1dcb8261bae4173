"""Items of the OpenAI Responses API as messages of the snapshot profile, and back (sections 12.4 and 12.5).

Each item of a model's input is one message, so that a transform of texts finds its way back.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from acs_client.calls import denied
from acs_client.values import media, to_json

__all__ = [
    "Answer",
    "joined",
    "messages_of",
    "parsed_arguments",
    "read_answer",
    "split",
    "with_answer",
    "with_texts",
]

_TEXT_PARTS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
_ROLES = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system", "tool": "tool"}
_BESIDE = frozenset({"annotations", "logprobs"})
_OWN = frozenset({"id", "type", "status", "call_id"})

Answer = dict[str, Any]


def messages_of(instructions: str | None, items: str | list[Any]) -> list[dict[str, Any]]:
    """Return what is sent to a model as messages: the instructions if there are any, then each item."""
    messages = [] if instructions is None else [{"role": "system", "content": instructions}]
    if isinstance(items, str):
        return [*messages, {"role": "user", "content": items}]
    sent = [to_json(item) for item in items]
    names = {item["call_id"]: item["name"] for item in sent if item.get("type") == "function_call"}
    return [*messages, *(_message(item, names) for item in sent)]


def with_texts(
    instructions: str | None, items: str | list[Any], before: list[Any], after: list[Any]
) -> tuple[str | None, str | list[Any]]:
    """Return instructions and items with the contents of `after` where they differ from `before`."""
    contents = [(old["content"], new["content"]) for old, new in zip(before, after, strict=True)]
    if instructions is not None:
        instructions = contents.pop(0)[1]
    if isinstance(items, str):
        return instructions, contents[0][1]
    changed = [
        item if old == new else _with_content(to_json(item), new)
        for item, (old, new) in zip(items, contents, strict=True)
    ]
    return instructions, changed


def parsed_arguments(text: str) -> dict[str, Any] | None:
    """Return the arguments of a call as the model wrote them, or `None` for what is no JSON object."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def joined(parts: list[Any]) -> str | list[Any]:
    """Return parts that are texts alone as one text, and others as they are; media by their digest."""
    texts = [_text_of(part) for part in parts]
    if all(text is not None for text in texts):
        return "\n".join(str(text) for text in texts)
    return [_shown(part) for part in parts]


def split(parts: list[Any], content: Any) -> list[Any]:
    """Return `parts` with the texts of `content`: joined text goes into the last part, others are emptied."""
    if isinstance(content, list):
        if len(content) != len(parts):
            raise _not_put_back("the transform changes the number of parts")
        return [
            part if _text_of(part) is None else _with_text(part, _text_of(new))
            for part, new in zip(parts, content, strict=True)
        ]
    if not isinstance(content, str) or not parts or any(_text_of(part) is None for part in parts):
        raise _not_put_back("the transform leaves no text")
    return [_with_text(part, "") for part in parts[:-1]] + [_with_text(parts[-1], content)]


def read_answer(output: list[Any]) -> Answer:
    """Return the items of a model's answer as the profile's `response`."""
    parts = [to_json(part) for message in _messages(output) for part in message.content]
    calls = [_call(item) for item in output if _is_call(item)]
    finish = "tool_calls" if any(item.type == "function_call" for item in output) else "stop"
    return {"content": joined(parts), "tool_calls": calls, "finish_reason": finish}


def with_answer(output: list[Any], before: Answer, after: Answer) -> list[Any]:
    """Return the items of an answer with what a transform has made of it.

    Reasoning passes no point, nor do annotations and log probabilities of texts: they are withheld, and what
    lets the provider go on with reasoning stays.
    """
    released = [_plain(item) for item in output]
    if after["content"] != before["content"]:
        released = _with_contents(released, after["content"])
    if after["tool_calls"] != before["tool_calls"]:
        released = list(_with_calls(released, after["tool_calls"]))
    return released


def _message(item: Any, names: Mapping[str, str]) -> dict[str, Any]:
    kind = item.get("type", "message")
    if kind == "message" and "content" in item:
        content = item["content"]
        role = _ROLES.get(item.get("role", ""), "user")
        return {"role": role, "content": content if isinstance(content, str) else joined(content or [])}
    if kind == "function_call":
        call = {"id": item["call_id"], "name": item["name"], **_arguments(item["arguments"])}
        return {"role": "assistant", "content": "", "tool_calls": [call]}
    if kind == "function_call_output":
        output = item["output"]
        content = output if isinstance(output, str) else joined(output)
        named = {"name": names[item["call_id"]]} if item["call_id"] in names else {}
        return {"role": "tool", "content": content, **named, "tool_call_id": item["call_id"]}
    return {"role": "assistant", "content": [_shown(item)]}


def _with_content(item: dict[str, Any], content: Any) -> dict[str, Any]:
    name = "output" if item.get("type") == "function_call_output" else "content"
    if name not in item:
        raise _not_put_back(f"the transform changes an item of type `{item.get('type')}`")
    parts = item[name]
    return {**item, name: content if isinstance(parts, str) else split(parts, content)}


def _arguments(text: str) -> dict[str, Any]:
    found = parsed_arguments(text)
    return {"args": {}, "args_text": text} if found is None else {"args": found}


def _text_of(part: Any) -> str | None:
    if isinstance(part, str):
        return part
    name = _TEXT_PARTS.get(part.get("type", "")) if isinstance(part, Mapping) else None
    text = part.get(name) if name is not None else None
    return text if isinstance(text, str) else None


def _with_text(part: Any, text: str | None) -> Any:
    if text is None:
        raise _not_put_back("the transform leaves no text")
    if isinstance(part, str):
        return text
    plain: dict[str, Any] = {name: [] for name in _BESIDE if part.get(name)}
    return part if _text_of(part) == text else {**part, **plain, _TEXT_PARTS[part["type"]]: text}


def _shown(part: Any) -> Any:
    """Return a part as policies see it: texts as the profile's, data URLs by what they hold."""
    text = _text_of(part)
    if text is not None:
        return {"type": "text", "text": text}
    if not isinstance(part, Mapping):
        return part
    return {name: _digest(value) if isinstance(value, str) else value for name, value in part.items()}


def _digest(text: str) -> Any:
    if not text.startswith("data:"):
        return text
    head, _, content = text.partition(",")
    return media(content.encode(), head[5:].partition(";")[0] or "text/plain")


def _messages(output: list[Any]) -> Iterator[Any]:
    return (item for item in output if item.type == "message")


def _is_call(item: Any) -> bool:
    return item.type not in {"message", "reasoning"}


def _call(item: Any) -> dict[str, Any]:
    if item.type == "function_call":
        return {"id": item.call_id, "name": item.name, **_arguments(item.arguments)}
    members = to_json(item)
    arguments = {name: value for name, value in members.items() if name not in _OWN}
    return {"id": str(members.get("id") or members.get("call_id")), "name": item.type, "args": arguments}


def _plain(item: Any) -> Any:
    """Return an item of an answer with what is evaluated of it."""
    if item.type == "reasoning" and (item.summary or getattr(item, "content", None)):
        return item.model_copy(update={"summary": [], "content": None})
    if item.type == "message":
        return item.model_copy(update={"content": [_plain_part(part) for part in item.content]})
    return item


def _plain_part(part: Any) -> Any:
    beside: dict[str, Any] = {name: [] for name in _BESIDE if getattr(part, name, None)}
    return part.model_copy(update=beside) if beside else part


def _with_contents(output: list[Any], content: Any) -> list[Any]:
    """Return the items with the texts of `content` in the parts of their messages, in order."""
    parts = [to_json(part) for message in _messages(output) for part in message.content]
    changed = split(parts, content)
    released = []
    for item in output:
        if item.type != "message":
            released.append(item)
            continue
        own, changed = changed[: len(item.content)], changed[len(item.content) :]
        held = [type(old).model_validate(new) for old, new in zip(item.content, own, strict=True)]
        released.append(item.model_copy(update={"content": held}))
    return released


def _with_calls(output: list[Any], calls: list[Any]) -> Iterator[Any]:
    wanted = {call.get("id"): call for call in calls}
    if len(wanted) != len(calls):
        raise _not_put_back("calls of one id cannot be changed")
    for item in output:
        if not _is_call(item):
            yield item
            continue
        old = _call(item)
        new = wanted.get(old["id"])
        if new is None:
            continue
        if new == old:
            yield item
        elif item.type == "function_call" and "args_text" not in old:
            yield item.model_copy(update={"arguments": json.dumps(new["args"])})
        else:
            raise _not_put_back(f"the arguments of `{old['name']}` cannot be changed")


def _not_put_back(message: str) -> Exception:
    return denied("post_model_call", "transform_invalid", "write_back", message)
