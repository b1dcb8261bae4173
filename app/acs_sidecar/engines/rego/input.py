"""Which part of the policy input a policy can read, so that the engine converts no more than that.

Sound because Rego reads its input through references only: what no reference of any module names,
or leads to, cannot change the outcome.
"""

from collections.abc import Callable, Iterable, Mapping

from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.engines.rego.engine import Engine
from acs_sidecar.spec.ports import PolicyInput
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["SetInput", "input_setter"]

SetInput = Callable[[Engine, PolicyInput], None]
"""Makes what is read of a policy input the `input` of an engine."""

_Members = dict[str, "_Members | None"]
"""The members that are read, each with those that are read of it; `None` where it is read whole."""

_Select = Callable[[JsonObject], dict[str, Json]]


def input_setter(paths: Iterable[Segments]) -> SetInput:
    """Return the function that gives an engine the parts at `paths`, and what is above them."""
    members: _Members = {}
    for path in paths:
        if not path:
            return _set_whole
        _note(members, path)
    select = _selection(members)

    def set_parts(engine: Engine, policy_input: PolicyInput) -> None:
        engine.set_input(select(policy_input.value))

    return set_parts


def _set_whole(engine: Engine, policy_input: PolicyInput) -> None:
    engine.set_input_json(policy_input.canonical.decode())


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
