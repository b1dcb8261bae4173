"""Which part of the policy input a policy can read, so that the engine parses no more than that.

Sound because Rego reads its input through references only: what no reference of any module names,
or leads to, cannot change the outcome.
"""

from collections.abc import Callable, Iterable, Mapping

import orjson

from app.core.ports import PolicyInput
from app.core.values import Json, JsonObject
from app.evaluators.rego_documents import Segments

__all__ = ["InputText", "input_text"]

InputText = Callable[[PolicyInput], str]
"""Gives the JSON text that the engine gets as `input`."""

_Members = dict[str, "_Members | None"]
"""The members that are read, each with those that are read of it; `None` where it is read whole."""


def input_text(paths: Iterable[Segments]) -> InputText:
    """Give the function that writes the parts at `paths`, and what is above them, as JSON."""
    members: _Members = {}
    for path in paths:
        if not path:
            return _whole
        _note(members, path)

    def parts(policy_input: PolicyInput) -> str:
        return orjson.dumps(_select(policy_input.value, members)).decode()

    return parts


def _whole(policy_input: PolicyInput) -> str:
    return policy_input.canonical.decode()


def _note(members: _Members, path: Segments) -> None:
    for name in path[:-1]:
        below = members.setdefault(name, {})
        if below is None:
            return
        members = below
    members[path[-1]] = None


def _select(value: JsonObject, members: Mapping[str, "_Members | None"]) -> dict[str, Json]:
    selected: dict[str, Json] = {}
    for name, below in members.items():
        if name in value:
            member = value[name]
            selected[name] = (
                member if below is None or not isinstance(member, dict) else _select(member, below)
            )
    return selected
