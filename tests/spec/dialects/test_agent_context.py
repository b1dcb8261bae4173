"""Section 6.7: an agent context is checked before it is judged, and has one identity."""

import json
from copy import deepcopy
from typing import Any

import pytest

from acs_sidecar.decision.request import parse_object
from acs_sidecar.spec.canonical import digest_bytes
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


@pytest.mark.parametrize("message", ["hi", {"role": 1, "content": "hi"}, {"role": "user"}])
def test_messages_have_a_role_and_content(message: Any) -> None:
    """A policy that looks for messages of a role sees whose each is."""
    sent = [{"role": "user", "content": None}, message]
    with pytest.raises(ContextError) as caught:
        check_context(context("pre_model_call", messages=sent, target=sent))
    assert str(caught.value) == "`messages` must be a list of objects with a string `role`, and `content`"


@pytest.mark.parametrize("call", ["pay", {"name": 1, "args": {}}, {"name": "pay", "args": []}])
def test_calls_of_a_model_have_a_name_and_arguments(call: Any) -> None:
    """A policy that looks for a tool by its name misses no call."""
    sent = {"content": "", "tool_calls": [call], "finish_reason": "stop"}
    with pytest.raises(ContextError) as caught:
        check_context(context("post_model_call", response=sent, target=sent))
    assert str(caught.value) == (
        "`response.tool_calls` must be a list of objects with a string `name` and an object `args`"
    )


def test_a_host_need_not_know_the_model_or_why_it_ended() -> None:
    """Both are texts of the provider, which may be empty."""
    response = {"content": "", "tool_calls": [], "finish_reason": ""}
    sent = context("post_model_call", model={"id": ""}, response=response, target=response)
    assert check_context(sent) is InterventionPoint.POST_MODEL_CALL
    assert context_identity(sent).startswith("sha256:")


def _of_output(text: str) -> dict[str, Any]:
    """Return a context of the point `output` whose content is this JSON text."""
    whole = json.dumps(context("output", output={"content": "@"}, target={"content": "@"}))
    return parse_object(whole.replace('"@"', text).encode())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9007199254740992", "an integer is beyond those that RFC 8785 can write (2**53 - 1)"),
        ("-9007199254740992", "an integer is beyond those that RFC 8785 can write (2**53 - 1)"),
        ("18446744073709551615", "an integer is beyond those that RFC 8785 can write (2**53 - 1)"),
    ],
)  # fmt: skip
def test_numbers_that_are_another_one_elsewhere_have_no_identity(text: str, message: str) -> None:
    """No two contexts that a host tells apart have one identity."""
    agent = _of_output(text)
    assert check_context(agent) is InterventionPoint.OUTPUT
    with pytest.raises(ContextError) as caught:
        context_identity(agent)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("9007199254740991", "9007199254740991"),
        ("9007199254740993.0", "9007199254740992"),
        ("1e2", "100"),
        ("-0.0", "0"),
        ("4.50", "4.5"),
        ("1e-7", "1e-7"),
        ("0.000001", "0.000001"),
        ("1e-400", "0"),
        ("5e-324", "5e-324"),
        ("333333333.33333329", "333333333.3333333"),
        ("5.4112534594144434e-145", "5.4112534594144434e-145"),
        (r'"\u20ac$\u000F\u000aA\u0042\u0022\u005c\\\"\/"', r'"€$\u000f\nAB\"\\\\\"/"'),
        (r'"e\u0301\u2028\ufeff\u007f"', '"e\u0301\u2028\ufeff\x7f"'),
        (r'{"\ufb33": 1, "\ud83d\ude00": 2, "\u00f6": 3, "": 4}', '{"": 4, "ö": 3, "😀": 2, "\ufb33": 1}'),
    ],
)  # fmt: skip
def test_an_identity_is_over_the_form_of_rfc_8785(text: str, canonical: str) -> None:
    """Numbers as ECMAScript writes them, whatever they were sent as; members by UTF-16 code units."""
    content = canonical.replace('": ', '":').replace(", ", ",")
    expected = (
        f'{{"agent":{{"framework":"own","id":"a1"}},"interception_point":"output","output":{{"content":{content}}},'
        '"sequence":3,"session":{"id":"s1"},"spec":"agent-hooks/0.1","target":'
        f'{{"content":{content}}},"timestamp":"2026-11-28T00:00:00Z"}}'
    )
    assert context_identity(_of_output(text)) == digest_bytes(expected.encode())
