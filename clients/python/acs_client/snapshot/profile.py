"""The snapshot profile (section 12.4): where the policy target of each point stands."""

from collections.abc import Iterable, Mapping
from typing import Any

from acs_client.values import encode

__all__ = ["RESERVED_MEMBERS", "TARGETS", "WriteBackError", "model_member", "put_back", "target_of"]

TARGETS: dict[str, tuple[str, ...]] = {
    "agent_startup": ("agent_init",),
    "input": ("input", "body"),
    "pre_model_call": ("messages",),
    "post_model_call": ("response",),
    "pre_tool_call": ("tool_call", "args"),
    "post_tool_call": ("tool_result", "value"),
    "output": ("response", "content"),
    "agent_shutdown": ("summary",),
}
RESERVED_MEMBERS = frozenset(
    {
        "envelope", "ifc", "agent_init", "input", "model", "messages", "tools", "request_id", "response",
        "usage", "tool_call", "tool_result", "message_chain", "summary", "provenance",
    }
)  # fmt: skip
_SNAPSHOT = ("$snap", "$")


class WriteBackError(Exception):
    """A transform cannot be put back whole; the text says why."""


def model_member(model: Mapping[str, Any] | str | None) -> dict[str, Any]:
    """Return the member `model`: a text is the name of one."""
    if isinstance(model, str):
        return {"name": model}
    return dict(model or {})


def target_of(point: str, snapshot: Mapping[str, Any]) -> Any:
    """Return the policy target of the profile."""
    value: Any = snapshot
    for name in TARGETS[point]:
        value = value[name]
    return value


def put_back(point: str, snapshot: Mapping[str, Any], path: str, transformed: Any) -> Any:
    """Return the profile's target after a transform of what stands at `path` of the snapshot.

    `path` is the manifest's `policy_target`. Raises `WriteBackError` when the transform changed anything
    beside the profile's target, or what the host cannot change there.
    """
    before = target_of(point, snapshot)
    after = transformed
    names = _names(path)
    if names != TARGETS[point]:
        whole = _replaced(snapshot, names, transformed)
        rest = _replaced(whole, TARGETS[point], None)
        if encode(rest) != encode(_replaced(snapshot, TARGETS[point], None)):
            raise WriteBackError("the transform changes what the host cannot change")
        after = target_of(point, whole)
    _CHECKS.get(point, _anything)(before, after)
    return after


def _names(path: str) -> tuple[str, ...]:
    root, *names = path.split(".")
    if root not in _SNAPSHOT or not all(name.replace("_", "a").isalnum() for name in names):
        raise WriteBackError(f"the manifest's policy target `{path[:80]}` is not a path of plain names")
    return tuple(names)


def _replaced(value: Any, names: Iterable[str], new: Any) -> Any:
    first, *rest = names or (None,)
    if first is None:
        return new
    if not isinstance(value, dict) or first not in value:
        raise WriteBackError(f"the transform leaves no `{first}`")
    return {**value, first: _replaced(value[first], rest, new) if rest else new}


def _messages(before: Any, after: Any) -> None:
    """Texts alone may change."""
    if not isinstance(after, list) or len(after) != len(before):
        raise WriteBackError("the transform changes the number of messages")
    for old, new in zip(before, after, strict=True):
        if not isinstance(new, dict) or old.keys() != new.keys():
            raise WriteBackError("the transform changes the members of a message")
        for name in old:
            same = (
                _same_shape(old[name], new[name])
                if name == "content"
                else encode(old[name]) == encode(new[name])
            )
            if not same:
                raise WriteBackError(f"the transform changes `{name}` of a message beyond its texts")


def _same_shape(old: Any, new: Any) -> bool:
    """True if `new` is `old` with other texts in it."""
    if isinstance(old, str):
        return isinstance(new, str)
    if isinstance(old, list):
        return isinstance(new, list) and len(old) == len(new) and all(map(_same_shape, old, new))
    if isinstance(old, dict) and old.get("type") in {None, "text"}:
        if not isinstance(new, dict) or old.keys() != new.keys():
            return False
        return all(
            new[name] == old[name] if name == "type" else _same_shape(old[name], new[name]) for name in old
        )
    return encode(old) == encode(new)


def _response(before: Any, after: Any) -> None:
    """Content and arguments may change, and calls may be dropped."""
    if not isinstance(after, dict) or before.keys() != after.keys():
        raise WriteBackError("the transform changes the members of the response")
    if after["finish_reason"] != before["finish_reason"] or not _same_shape(
        before["content"], after["content"]
    ):
        raise WriteBackError("the transform changes more of the response than content and calls")
    calls = after["tool_calls"]
    remaining = iter(before["tool_calls"])
    for call in calls if isinstance(calls, list) else [None]:
        if not isinstance(call, dict) or not any(_same_call(old, call) for old in remaining):
            raise WriteBackError("the transform changes the calls of the response beyond their arguments")


def _same_call(old: dict[str, Any], new: dict[str, Any]) -> bool:
    changed = {"args", "args_text"}
    fixed = old.keys() - changed == new.keys() - changed and isinstance(new.get("args"), dict)
    return fixed and all(old[name] == new[name] for name in old.keys() - changed)


def _arguments(_: Any, after: Any) -> None:
    if not isinstance(after, dict):
        raise WriteBackError("the transform makes arguments of a tool that are not an object")


def _nothing(before: Any, after: Any) -> None:
    if encode(before) != encode(after):
        raise WriteBackError("nothing can be changed at this point")


def _content(before: Any, after: Any) -> None:
    """Text stays text, parts stay the parts that they are."""
    if not (_same_shape(before, after) if isinstance(before, str | list) else type(before) is type(after)):
        raise WriteBackError("the transform makes something else of the content than it is")


def _anything(_: Any, __: Any) -> None:
    return None


_CHECKS = {
    "agent_startup": _nothing,
    "input": _content,
    "pre_model_call": _messages,
    "post_model_call": _response,
    "pre_tool_call": _arguments,
    "output": _content,
    "agent_shutdown": _nothing,
}
