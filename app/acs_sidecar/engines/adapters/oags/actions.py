"""What calls of tools do: templates whose values are read from the policy input (section 9.4)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from acs_sidecar.engines.adapters.oags.enforcement import ABSENT, Absent, Enforcer
from acs_sidecar.engines.adapters.oags.rules import OagsRule
from acs_sidecar.spec.path import Path
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

__all__ = [
    "ACTION_MEMBERS",
    "MAX_ITEMS",
    "ActionTemplate",
    "ActionType",
    "broken_by_call",
    "check_action",
    "is_complete",
]

MAX_ITEMS = 256


class ActionType(StrEnum):
    """What an agent does to something outside of it."""

    NETWORK_ACCESS = "network_access"
    FILESYSTEM_ACCESS = "filesystem_access"
    API_CALL = "api_call"
    TOOL_EXECUTION = "tool_execution"
    MODEL_USAGE = "model_usage"


ACTION_MEMBERS: Mapping[ActionType, tuple[str, ...]] = {
    ActionType.NETWORK_ACCESS: ("url", "domain", "protocol"),
    ActionType.FILESYSTEM_ACCESS: ("path", "operation", "resolved"),
    ActionType.API_CALL: ("service",),
    ActionType.TOOL_EXECUTION: ("tool",),
    ActionType.MODEL_USAGE: ("model", "provider"),
}
"""The members of each action besides `type`."""

_SUBJECTS = frozenset({"url", "domain", "path", "service", "tool", "model"})
_UNREADABLE: Mapping[str, Json] = {"url": None}
"""Values that no check can read, whatever the action."""


@dataclass(frozen=True, slots=True)
class ActionTemplate:
    """One action of a tool's call; each value is a text, or the path of one."""

    type: ActionType
    values: Mapping[str, str | Path]


def check_action(enforcer: Enforcer, kind: ActionType, values: Mapping[str, Json]) -> OagsRule | None:
    """Return the first rule that an action breaks; a member that is absent was not given."""
    get = values.get
    match kind:
        case ActionType.NETWORK_ACCESS:
            if "url" in values:
                alone = "domain" not in values and "protocol" not in values
                return enforcer.url(get("url") if alone else None)
            return enforcer.host(get("domain"), get("protocol", ABSENT))
        case ActionType.FILESYSTEM_ACCESS:
            return enforcer.file(get("path"), get("operation", ABSENT), get("resolved", ABSENT))
        case ActionType.API_CALL:
            return enforcer.service(get("service"))
        case ActionType.TOOL_EXECUTION:
            return enforcer.tool(get("tool"))
        case ActionType.MODEL_USAGE:
            return enforcer.model(get("model"), get("provider", ABSENT))
        case _:
            assert_never(kind)


def is_complete(members: Mapping[str, object]) -> bool:
    """True if an action says what it is about, once."""
    subjects = _SUBJECTS & members.keys()
    return len(subjects) == 1 and not ("url" in members and "protocol" in members)


def broken_by_call(
    enforcer: Enforcer, templates: Sequence[ActionTemplate], policy_input: Mapping[str, Json]
) -> Iterator[OagsRule]:
    """Yield what the actions of one call break, in order; a list is one check an item, at most 256 in all."""
    left = MAX_ITEMS
    for template in templates:
        try:
            items = _items(template, policy_input, left)
        except EvaluationError:
            items = [_UNREADABLE if template.type is ActionType.NETWORK_ACCESS else {}]
        left -= len(items)
        for values in items:
            if rule := check_action(enforcer, template.type, values):
                yield rule


def _items(
    template: ActionTemplate, policy_input: Mapping[str, Json], most: int
) -> Sequence[Mapping[str, Json]]:
    """Return the values of an action, for each item of its list. Raises `EvaluationError`."""
    read = {
        name: value
        for name, template_value in template.values.items()
        if (value := _value(name, template_value, policy_input)) is not ABSENT
    }
    subject = next(name for name in template.values if name in _SUBJECTS)
    listed = read[subject]
    items = listed if isinstance(listed, list) else [listed]
    if len(items) > most:
        raise EvaluationError(Reason.RESOURCE_LIMIT_EXCEEDED, f"more than {MAX_ITEMS} actions in one call")
    if not isinstance(listed, list):
        return [read]
    # Stops: no paths beside resolved ones, of which no check would see any.
    if any(isinstance(value, list) and len(value) != len(items) for value in read.values()):
        raise EvaluationError(Reason.PATH_TYPE_MISMATCH, "lists of one action have different lengths")
    return [
        {name: value[index] if isinstance(value, list) else value for name, value in read.items()}
        for index in range(len(items))
    ]


def _value(name: str, template_value: str | Path, policy_input: Mapping[str, Json]) -> Json | Absent:
    """Return the value of a member, or `ABSENT` for one that may be absent. Raises `EvaluationError`."""
    if isinstance(template_value, str):
        return template_value
    try:
        return template_value.resolve(policy_input)
    except EvaluationError as error:
        if error.reason is Reason.PATH_MISSING and name in ("resolved", "provider"):
            return ABSENT
        raise
