"""What a host of Agent Hooks says of a step itself, as members of a snapshot's envelope (section 12.9)."""

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["ContextError", "host_envelope"]

_AGENT = ("id", "framework", "name", "version")
_WHOLE = ("tool_call_count", "token_count")
_DECIMAL = ("elapsed_seconds", "cost_usd")


class ContextError(Exception):
    """A member of an agent context is missing or something else; the text names it."""


def host_envelope(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return `agent`, `session` and `timestamp` of a context, and of the others those that it has.

    Of `budgets` only what the host filled is there. Raises `ContextError`.
    """
    agent, session = _object(context, "agent"), _object(context, "session")
    told: dict[str, Any] = {
        "agent": {"id": _text(agent, "agent", "id"), **_texts(agent, "agent", _AGENT)},
        "session": {"id": _text(session, "session", "id"), **_texts(session, "session", ("started_at",))},
        "timestamp": _text(context, "", "timestamp"),
    }
    for name, members in (("trace", ("trace_id", "span_id")), ("tenant", ("id", "name"))):
        if context.get(name) is not None:
            told[name] = _texts(_object(context, name), name, members)
    if context.get("actor") is not None:
        told["actor"] = dict(_object(context, "actor"))
    budgets = _object(context, "budgets") if context.get("budgets") is not None else {}
    told["budgets"] = {
        name: _count(budgets[name], name, whole=name in _WHOLE)
        for name in (*_WHOLE, *_DECIMAL)
        if budgets.get(name) is not None
    }
    return told


def _object(container: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = container.get(name)
    if not isinstance(value, Mapping):
        raise ContextError(f"`{name}` of the context is not an object")
    return value


def _text(container: Mapping[str, Any], path: str, name: str) -> str:
    value = container.get(name)
    if not isinstance(value, str) or not value:
        raise ContextError(f"`{path}{'.' if path else ''}{name}` of the context is not a text")
    return value


def _texts(container: Mapping[str, Any], path: str, names: tuple[str, ...]) -> dict[str, str]:
    return {name: _text(container, path, name) for name in names if container.get(name) is not None}


def _count(value: Any, name: str, *, whole: bool) -> float:
    """Return a count as the profile writes it: calls and tokens whole, seconds and cost with a point."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        raise ContextError(f"`budgets.{name}` of the context is not {kind}")
    return int(value) if whole else float(value)
