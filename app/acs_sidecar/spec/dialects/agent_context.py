"""Agent contexts of the Agent Hooks contract: what each must have, and its identity (section 6.7)."""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import NamedTuple

from rfc8785 import CanonicalizationError, dumps

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.path import Path
from acs_sidecar.spec.points import POINT_NAMES, InterventionPoint
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["POINT_TARGETS", "ContextError", "check_context", "context_identity", "repeated_place"]

POINT_TARGETS: Mapping[InterventionPoint, tuple[str, ...]] = {
    InterventionPoint.AGENT_STARTUP: ("agent_init",),
    InterventionPoint.INPUT: ("input",),
    InterventionPoint.PRE_MODEL_CALL: ("messages",),
    InterventionPoint.POST_MODEL_CALL: ("response",),
    InterventionPoint.PRE_TOOL_CALL: ("tool_call", "args"),
    InterventionPoint.POST_TOOL_CALL: ("tool_result", "value"),
    InterventionPoint.OUTPUT: ("output",),
    InterventionPoint.AGENT_SHUTDOWN: ("summary",),
}
"""Where the value is that a host copies into `target`, and to which it applies a transform."""

_TARGET = ("target",)
_SPEC = re.compile(r"agent-hooks/[0-9]+\.[0-9]+")


class ContextError(ValueError):
    """A snapshot that is no agent context, or one without an identity; the message says why."""


class _Required(NamedTuple):
    """A required member: its path, what it must be in words, and whether a value is that."""

    path: tuple[str, ...]
    expected: str
    holds: Callable[[Json], bool]

    def of(self, context: JsonObject) -> Json:
        """Return the member. Raises `ContextError` where it is absent or something else."""
        value: Json = dict(context)
        for name in self.path:
            if not isinstance(value, dict) or name not in value:
                raise ContextError(f"`{'.'.join(self.path)}` is missing: send {self.expected}")
            value = value[name]
        if not self.holds(value):
            raise ContextError(f"`{'.'.join(self.path)}` must be {self.expected}")
        return value


def _anything(_value: Json) -> bool:
    return True


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and bool(value)


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_message(value: Json) -> bool:
    return isinstance(value, dict) and isinstance(value.get("role"), str) and "content" in value


def _is_call(value: Json) -> bool:
    return (
        isinstance(value, dict) and isinstance(value.get("name"), str) and isinstance(value.get("args"), dict)
    )


def _list_of(is_item: Callable[[Json], bool]) -> Callable[[Json], bool]:
    """Return whether a value is a list of such items."""
    return lambda value: isinstance(value, list) and all(map(is_item, value))


def _text(*path: str) -> _Required:
    return _Required(path, "a string that is not empty", _is_text)


def _any_text(*path: str) -> _Required:
    return _Required(path, "a string", lambda value: isinstance(value, str))


def _value(*path: str) -> _Required:
    return _Required(path, "a value", _anything)


_EVERYWHERE = (
    _text("spec"),
    _text("interception_point"),
    _text("timestamp"),
    _Required(("sequence",), "an integer from 0", _is_count),
    _text("agent", "id"),
    _text("agent", "framework"),
    _text("session", "id"),
    _value("target"),
)
_TOOL_CALL = (
    _text("tool_call", "id"),
    _text("tool_call", "name"),
    _Required(("tool_call", "args"), "an object", lambda value: isinstance(value, dict)),
)
_OF_POINT: Mapping[InterventionPoint, tuple[_Required, ...]] = {
    InterventionPoint.AGENT_STARTUP: (
        _Required(
            ("agent_init", "tools_registered"),
            "a list of strings",
            lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
        ),
    ),
    InterventionPoint.INPUT: (_value("input", "content"), _text("input", "role")),
    InterventionPoint.PRE_MODEL_CALL: (
        _any_text("model", "id"),
        _Required(
            ("messages",), "a list of objects with a string `role`, and `content`", _list_of(_is_message)
        ),
    ),
    InterventionPoint.POST_MODEL_CALL: (
        _any_text("model", "id"),
        _value("response", "content"),
        _Required(
            ("response", "tool_calls"),
            "a list of objects with a string `name` and an object `args`",
            _list_of(_is_call),
        ),
        _any_text("response", "finish_reason"),
    ),
    InterventionPoint.PRE_TOOL_CALL: _TOOL_CALL,
    InterventionPoint.POST_TOOL_CALL: (
        *_TOOL_CALL,
        _value("tool_result", "value"),
        _Required(("tool_result", "is_error"), "a boolean", lambda value: isinstance(value, bool)),
    ),
    InterventionPoint.OUTPUT: (_value("output", "content"),),
    InterventionPoint.AGENT_SHUTDOWN: (_text("summary", "reason"),),
}


def check_context(context: JsonObject) -> InterventionPoint:
    """Check the required members of an agent context and its `target`; return its intervention point.

    Raises `ContextError`. Stops: judging one value while the host acts on another.
    """
    point = _point(context)
    for required in (*_EVERYWHERE, *_OF_POINT[point]):
        required.of(context)
    _check_target(context, point)
    return point


def repeated_place(snapshot: JsonObject, point: InterventionPoint, place: Path) -> Path | None:
    """Return where else an agent context has the value at `place`: `target` repeats it; `None` if nowhere.

    Raises `ContextError` where `target` differs from what it repeats.
    """
    spec = snapshot.get("spec")
    if not isinstance(spec, str) or not _SPEC.fullmatch(spec) or _TARGET[0] not in snapshot:
        return None
    _check_target(snapshot, point)
    named = POINT_TARGETS[point]
    for base, other in ((_TARGET, named), (named, _TARGET)):
        if place.segments[: len(base)] == base:
            return Path(place.text, place.root, (*other, *place.segments[len(base) :]))
    return None


def context_identity(snapshot: JsonObject) -> str:
    """Return the identity `jcs-sha256`: RFC 8785 over the required members of the point, hashed.

    Raises `ContextError` where it is not defined.
    """
    point = _point(snapshot)
    projection: dict[str, Json] = {}
    for required in (*_EVERYWHERE, *_OF_POINT[point]):
        value, within = required.of(snapshot), projection
        for name in required.path[:-1]:
            inner = within.setdefault(name, {})
            within = inner if isinstance(inner, dict) else {}
        within[required.path[-1]] = value
    try:
        return "sha256:" + sha256(dumps(projection)).hexdigest()
    except CanonicalizationError:
        raise ContextError("an integer is beyond those that RFC 8785 can write (2**53 - 1)") from None


def _check_target(context: JsonObject, point: InterventionPoint) -> None:
    named = POINT_TARGETS[point]
    if not _alike(context["target"], _value(*named).of(context)):
        raise ContextError(f"`target` differs from `{'.'.join(named)}`, which it repeats at `{point}`")


def _point(context: JsonObject) -> InterventionPoint:
    spec, point = context.get("spec"), context.get("interception_point")
    if not isinstance(spec, str) or not _SPEC.fullmatch(spec):
        raise ContextError("`spec` must be `agent-hooks/<number>.<number>`")
    if not isinstance(point, str) or point not in POINT_NAMES:
        raise ContextError("`interception_point` must be the name of an intervention point")
    return InterventionPoint(point)


def _alike(first: Json, second: Json) -> bool:
    """True if two values are written alike: `1`, `1.0` and `true` are three."""
    try:
        return canonical(first) == canonical(second)
    except TypeError:
        return False
