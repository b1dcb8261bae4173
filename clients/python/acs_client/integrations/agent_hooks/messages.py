"""Content of a host of Agent Hooks as policies expect it (section 12.5), and transforms put back into it.

Content is a text, a list of parts, or a list of messages that have content.
"""

from collections.abc import Iterator
from typing import Any

from acs_client.calls import denied
from acs_client.snapshot.envelope import present

__all__ = ["put_back", "spoken", "view", "written"]

Path = tuple[int | str, ...]


def spoken(content: Any, *, role: str | None = None, without: frozenset[str] = frozenset()) -> Any:
    """Return content of texts alone as one text, and other content as the list of its parts.

    With `role`, messages of other roles are left out; `without` names types of parts that are.
    """
    if not isinstance(content, list):
        return content
    parts = [part for _, part in _parts(content, role, without)]
    if all(isinstance(part, str) for part in parts):
        return "\n".join(parts)
    return [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]


def written(
    point: str, content: Any, value: Any, *, role: str | None = None, without: frozenset[str] = frozenset()
) -> Any:
    """Return content with what a transform made of what `spoken` gives of it.

    A text goes into the last one, and the others are emptied.
    """
    if not isinstance(content, list):
        return value
    parts = list(_parts(content, role, without))
    texts = [path for path, part in parts if isinstance(part, str)]
    if isinstance(value, str) and texts:
        news: list[Any] = [*[""] * (len(texts) - 1), value]
    elif isinstance(value, list) and [part for part in value if not _is_text(part)] == [
        part for _, part in parts if not isinstance(part, str)
    ]:
        news = [part["text"] for part in value if _is_text(part)]
    else:
        raise denied(point, "transform_invalid", "write_back", "the transform changes what is not text")
    for path, text in zip(texts, news, strict=True):
        content = _replaced(content, path, text)
    return content


def view(messages: Any) -> Iterator[tuple[int, int | None, dict[str, Any]]]:
    """Yield messages as policies expect them: calls beside the text, and each result of a tool as a message.

    With each goes where it stands: the index of the message, and of the part that a result is.
    """
    names: dict[Any, Any] = {}
    for index, message in enumerate(messages):
        content = message.get("content")
        parts = content if isinstance(content, list) else []
        calls = [part for part in parts if part.get("type") == "function_call"]
        names |= {call["call_id"]: call["name"] for call in calls}
        if parts and all(_is_result(part) for part in parts):
            for number, part in enumerate(parts):
                named = {"tool_call_id": part["call_id"], **present(name=names.get(part["call_id"]))}
                yield index, number, {**message, "content": part["result"], **named}
            continue
        text = spoken(content, without=frozenset({"function_call"}))
        shown = {**message, "content": "" if text is None else text}
        if calls:
            shown["tool_calls"] = [
                {"id": call["call_id"], "name": call["name"], "args": call["arguments"]} for call in calls
            ]
        yield index, None, shown


def put_back(messages: Any, viewed: Any, changed: Any) -> list[Any]:
    """Return the host's messages with the texts that a transform has changed."""
    found = list(messages)
    for (index, number, before), after in zip(viewed, changed, strict=True):
        text, message = after["content"], found[index]
        if before["content"] == text:
            continue
        if number is not None:
            parts = list(message["content"])
            parts[number] = {**parts[number], "result": text, "items": [{"type": "text", "text": text}]}
            found[index] = {**message, "content": parts}
        else:
            without = frozenset({"function_call"})
            new = written("pre_model_call", message["content"], text, without=without)
            found[index] = {**message, "content": new}
    return found


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "text"


def _is_result(part: Any) -> bool:
    return part.get("type") == "function_result" and isinstance(part.get("result"), str)


def _parts(
    content: Any, role: str | None, without: frozenset[str], path: Path = ()
) -> Iterator[tuple[Path, Any]]:
    """Yield texts and other parts with where they stand."""
    for number, item in enumerate(content if isinstance(content, list) else [content]):
        here = (*path, number) if isinstance(content, list) else path
        kind = item.get("type") if isinstance(item, dict) else None
        if isinstance(item, dict) and item.keys() >= {"role", "content"}:
            if role in {None, item["role"]}:
                yield from _parts(item["content"], role, without, (*here, "content"))
        elif kind == "text" and isinstance(item.get("text"), str):
            yield (*here, "text"), item["text"]
        elif item is not None and kind not in without:
            yield here, item


def _replaced(content: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    copied: Any = list(content) if isinstance(content, list) else dict(content)
    copied[path[0]] = _replaced(content[path[0]], path[1:], new)
    return copied
