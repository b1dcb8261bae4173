"""Section 6.7: an agent context is checked before it is judged, and has one identity."""

from copy import deepcopy
from typing import Any

import pytest

from acs_sidecar.spec.dialects.agent_context import ContextError, check_context, context_identity
from acs_sidecar.spec.points import InterventionPoint
from tests.spec.dialects.contexts import context
from tests.spec.dialects.test_vectors import VECTORS

IDENTITIES = [vector for vector in VECTORS["host"] if "context" in vector]


@pytest.mark.parametrize("vector", IDENTITIES, ids=lambda vector: vector["id"])
def test_an_identity_is_that_of_the_published_library(vector: dict[str, Any]) -> None:
    """What is not required is not in the identity; what cannot be written has none."""
    if "error" in vector:
        with pytest.raises(ContextError):
            context_identity(vector["context"])
    else:
        assert context_identity(vector["context"]) == vector["context_identity"]


@pytest.mark.parametrize("point", InterventionPoint)
def test_each_required_member_is_required_and_in_the_identity(point: InterventionPoint) -> None:
    """Without one of them a context is refused, and no two contexts that differ in one have one identity."""
    whole = context(point.value)
    assert check_context(whole) is point
    identity = context_identity(whole)
    assert context_identity({**whole, "tenant": {"id": "t"}, "extensions": {"x": 1}}) == identity
    for name in whole:
        lacking = {member: value for member, value in whole.items() if member != name}
        for check in (check_context, context_identity):
            with pytest.raises(ContextError, match=name):
                check(lacking)
    other = deepcopy(whole)
    other["session"]["id"] = "s2"
    assert context_identity(other) != identity


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spec": "agent-hooks/0.1.0"}, "`spec` must be `agent-hooks/<number>.<number>`"),
        ({"spec": "agent-hooks/\u0660.\u0661"}, "`spec` must be `agent-hooks/<number>.<number>`"),
        ({"interception_point": "lunch"}, "`interception_point` must be the name of an intervention point"),
        ({"interception_point": ["input"]}, "`interception_point` must be the name of an intervention point"),
        ({"sequence": -1}, "`sequence` must be an integer from 0"),
        ({"sequence": True}, "`sequence` must be an integer from 0"),
        ({"sequence": 1.0}, "`sequence` must be an integer from 0"),
        ({"agent": {"id": "", "framework": "own"}}, "`agent.id` must be a string that is not empty"),
        ({"agent": {"id": 1, "framework": "own"}}, "`agent.id` must be a string that is not empty"),
        ({"agent": "a1"}, "`agent.id` is missing: send a string that is not empty"),
        ({"tool_call": {"id": "c", "name": "pay", "args": []}}, "`tool_call.args` must be an object"),
        ({"tool_call": {"id": "c", "name": "pay"}}, "`tool_call.args` is missing: send an object"),
        ({"target": {}}, "`target` differs from `tool_call.args`, which it repeats at `pre_tool_call`"),
        ({"target": {"amount": 5.0, "to": {"iban": "DE1"}}}, "`target` differs from `tool_call.args`, which it repeats at `pre_tool_call`"),
        ({"target": {"amount": True, "to": {"iban": "DE1"}}}, "`target` differs from `tool_call.args`, which it repeats at `pre_tool_call`"),
    ],
)  # fmt: skip
def test_a_forged_context_is_refused(change: dict[str, Any], message: str) -> None:
    """Nobody is judged by one value and acts on another, or is nobody at all."""
    with pytest.raises(ContextError) as caught:
        check_context(context("pre_tool_call", **change))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("value", "identified"),
    [
        (2**53 - 1, True),
        (2**53, False),
        (-(2**53), False),
        (1e300, True),
        (-0.0, True),
        (9007199254740993.0, True),
    ],
)
def test_numbers_that_rfc_8785_cannot_write_have_no_identity(value: float, identified: bool) -> None:
    """An integer beyond 2**53 - 1 would be another one elsewhere."""
    agent = context("output", output={"content": value}, target={"content": value})
    assert check_context(agent) is InterventionPoint.OUTPUT
    if identified:
        context_identity(agent)
        return
    with pytest.raises(ContextError, match="RFC 8785"):
        context_identity(agent)
