"""Which part of the policy input a policy can read, so that the engine parses no more than that.

Sound because Rego reads its input through references only: what no reference of any module names,
or leads to, cannot change the outcome.
"""

from collections.abc import Callable, Iterable, Mapping

import orjson

from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.ports import PolicyInput
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["InputText", "input_text"]

InputText = Callable[[PolicyInput], str]
"""Gives the JSON text that the engine gets as `input`."""

_Members = dict[str, "_Members | None"]
"""The members that are read, each with those that are read of it; `None` where it is read whole."""

_Select = Callable[[JsonObject], dict[str, Json]]


def input_text(paths: Iterable[Segments]) -> InputText:
    """Return the function that writes the parts at `paths`, and what is above them, as JSON."""
    members: _Members = {}
    for path in paths:
        if not path:
            return _whole
        _note(members, path)
    select = _selection(members)

    def parts(policy_input: PolicyInput) -> str:
        return orjson.dumps(select(policy_input.value)).decode()

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


def _selection(members: Mapping[str, "_Members | None"]) -> _Select:
    """Return the function that copies these members of an object, as far as it has them."""
    read_whole = tuple(name for name, below in members.items() if below is None)
    read_in_part = tuple((name, _selection(below)) for name, below in members.items() if below is not None)

    def select(value: JsonObject) -> dict[str, Json]:
        selected: dict[str, Json] = {}
        for name in read_whole:
            if name in value:
                selected[name] = value[name]
        for name, select_below in read_in_part:
            if name in value:
                member = value[name]
                selected[name] = select_below(member) if isinstance(member, dict) else member
        return selected

    return select
