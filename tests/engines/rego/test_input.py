"""The engine gets the part of the input that a policy can read, and answers as if it got all (1.7.2)."""

from typing import cast

import orjson
import pytest
import regorus
from hypothesis import given, settings
from hypothesis import strategies as st

from acs_sidecar.engines.rego.engine import NativeEngine
from acs_sidecar.engines.rego.input import input_setter
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.ports import PolicyInput
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json, JsonObject
from tests.engines.rego.policies import bound, definition, policy_input

USER: Json = {"id": "ann", "roles": ["admin", "ops"]}
CALLS: Json = [{"name": "a", "cost": 1}, {"name": "b", "cost": 2}]
SNAPSHOT: dict[str, Json] = {
    "user": USER,
    "calls": CALLS,
    "empty": None,
    "text": "plain",
}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([("snapshot", "user", "id")], {"snapshot": {"user": {"id": "ann"}}}),
        ([("snapshot", "user"), ("snapshot", "user", "id")], {"snapshot": {"user": USER}}),
        ([("snapshot", "user", "id"), ("snapshot", "user")], {"snapshot": {"user": USER}}),
        ([("snapshot", "calls", "name")], {"snapshot": {"calls": CALLS}}),
        ([("snapshot", "text", "deeper")], {"snapshot": {"text": "plain"}}),
        ([("snapshot", "empty", "deeper")], {"snapshot": {"empty": None}}),
        ([("snapshot", "missing"), ("tool",)], {"snapshot": {}, "tool": None}),
        ([("nothing", "at", "all")], {}),
        ([], {}),
    ],
)
def test_only_what_is_read_is_written(paths: list[tuple[str, ...]], expected: Json) -> None:
    """A path through a value that is no object ends there, with that value."""
    assert _seen(paths, policy_input(SNAPSHOT)) == expected


def test_a_policy_that_reads_everything_gets_the_canonical_input() -> None:
    """There is nothing to choose then."""
    whole = policy_input(SNAPSHOT)
    assert _seen([("snapshot",), ()], whole) == whole.value


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("x := input.snapshot.user.id", "ann"),
        ('x := input["snapshot"]["user"].id', "ann"),
        ("x := input[`snapshot`].user.id", "ann"),
        ("x := count(input)", 5),
        ("x := count([k | some k, _ in input])", 5),
        ('x := v if { k := "snapshot"; v := input[k].user.id }', "ann"),
        ('x := object.get(input, ["snapshot", "user", "id"], "none")', "ann"),
        ("x := count(object.keys(input.snapshot))", 4),
        ("x := [c.cost | some c in input.snapshot.calls]", [1, 2]),
        ("x := input.snapshot.calls[1].name", "b"),
        ("x := [n | n := input.snapshot.calls[_].name]", ["a", "b"]),
        ('x if input.snapshot.user == {"id": "ann", "roles": ["admin", "ops"]}', True),
        ("x if not input.snapshot.user.gone", True),
        ("x := f(input.snapshot.user)\nf(u) := u.roles[0]", "admin"),
        ("x := u.id if u := input.snapshot.user", "ann"),
        ("x := v if { some s in [input.snapshot]; v := s.user.id }", "ann"),
        ("x if every c in input.snapshot.calls { c.cost > 0 }", True),
        ('x if input.snapshot.user.roles[_] == "ops"', True),
        ("x := {input.snapshot.user.id: input.snapshot.text}", {"ann": "plain"}),
        ("x := walked if walked := count([p | walk(input.snapshot.user, [p, _])])", 5),
        ('x := y with input.snapshot.user.id as "eve"\ny := input.snapshot.user.id', "eve"),
        ('x := y with input as {"z": 1}\ny := input', {"z": 1}),
        ("x := y with input.snapshot.new as 1\ny := input.snapshot", {**SNAPSHOT, "new": 1}),
        ("x[input.snapshot.user.id] := 1", {"ann": 1}),
        ("x contains input.snapshot.text", ["plain"]),
        ('default x := 0\nx := 1 if input.snapshot.user.id == "bob"', 0),
        ("x := 1 if input.snapshot.gone else := input.snapshot.text", "plain"),
        ('x := sprintf("%v", [input.snapshot.user.id])', "ann"),
        ('x := json.filter(input, {"snapshot/text"})', {"snapshot": {"text": "plain"}}),
        ("x := input.policy_target.value.user.id", "ann"),
        ("x if input.tool == null", True),
    ],
)
def test_no_way_of_reading_is_overlooked(rule: str, expected: Json) -> None:
    """Each rule gets the same from the part as from the whole of the input."""
    rule = rule.replace("x := y with", "x := z if z := y with")
    own = bound(definition(f"package a\n{rule}"))
    whole = bound(definition({"a.rego": f"package a\n{rule}", "b.rego": "package b\nall := input"}))
    value = own.evaluate(policy_input(SNAPSHOT)).value
    assert value == expected
    assert value == whole.evaluate(policy_input(SNAPSHOT)).value


@pytest.mark.parametrize(
    "imported", ["import input.snapshot as s", "import input\nimport input.snapshot as s", "import data.b.s"]
)
def test_imports_of_the_input_are_followed(imported: str) -> None:
    """Through other modules too."""
    modules = {
        "a.rego": f"package a\n{imported}\nx := s.user.id",
        "b.rego": "package b\nimport input as i\ns := i.snapshot",
    }
    assert bound(definition(modules)).evaluate(policy_input(SNAPSHOT)).value == "ann"


def test_a_member_that_is_not_read_may_be_anything() -> None:
    """The engine never sees it: its cost is that of what the policy reads."""
    read_input = policy_input({"user": USER, "history": "x" * 100})
    assert _seen([("snapshot", "user", "id")], read_input) == {"snapshot": {"user": {"id": "ann"}}}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "b", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)

READER = """
package a

x := [
	[v | v := input.snapshot.a.b],
	[v | v := input.snapshot.b.c.a],
	[v | v := input.snapshot.c[_].a],
	[v | v := input.snapshot.a.c[0].b],
	[1 | not input.snapshot.b.a],
	[k | some k, _ in input.snapshot.a.a],
	object.get(input.snapshot.b, "b", "none"),
]
"""


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(snapshot=st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3))
def test_the_part_decides_like_the_whole(snapshot: dict[str, Json]) -> None:
    """For any snapshot, whatever shapes it has where the policy reads."""
    read_input = policy_input(snapshot)
    part, whole = (
        _answer(definition({"a.rego": READER, "b.rego": f"package b\nall := {all_of}"}), read_input)
        for all_of in ("1", "input")
    )
    assert part == whole


def _engine() -> NativeEngine:
    engine = cast(NativeEngine, regorus.Engine())
    engine.add_policy("seen.rego", READ_BACK)
    return engine


def _seen(paths: list[tuple[str, ...]], read_input: PolicyInput) -> Json:
    """What an engine has as its input."""
    engine = _engine()
    input_setter(paths)(engine, read_input)
    seen: Json = orjson.loads(engine.eval_rule_as_json("data.seen.all"))
    return seen


NUMBERS = ["1", "1.0", "-0.0", "1e2", "0.1", "0.30000000000000004", "9007199254740993", "9007199254740992.0"]
NUMBERS += ["9223372036854775808", "18446744073709551615", "18446744073709551616", "-9223372036854775808"]
NUMBERS += ["1e21", "1e22", "1e308", "5e-324", "1.7976931348623157e308"]

READ_BACK = """package seen

all := input

known := [
	json.marshal(input),
	sprintf("%v", [input]),
	[input.snapshot.n + 1, input.snapshot.n - 1, input.snapshot.n == floor(input.snapshot.n)],
	object.get({1: "whole", 1.5: "fraction"}, input.snapshot.n, "none"),
	{input.snapshot.n, 1, 100},
]
"""


def _known(number: Json) -> list[str]:
    """What policies can know of a number, given as a value and given as text."""
    value: JsonObject = {"snapshot": {"n": number}}
    known: list[str] = []
    for paths in ([("snapshot", "n")], [()]):
        engine = _engine()
        input_setter(paths)(engine, PolicyInput(value, canonical(value)))
        known.append(engine.eval_rule_as_json("data.seen.known"))
    return known


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_are_those_of_their_text(text: str) -> None:
    """No policy can tell whether the engine got a value or its canonical text."""
    given_value, given_text = _known(orjson.loads(text))
    assert given_value == given_text


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(number=st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1))
def test_any_number_is_that_of_its_text(number: float) -> None:
    """For the numbers that a request can hold."""
    given_value, given_text = _known(number)
    assert given_value == given_text


def test_an_input_may_nest_as_deep_as_its_limit_allows() -> None:
    """A value is no text, whose reader stops at 128 levels."""
    nested: Json = "end"
    for _ in range(200):
        nested = [nested]
    assert _seen([("snapshot", "nested")], policy_input({"nested": nested})) == {
        "snapshot": {"nested": nested}
    }


def _answer(policy: JsonObject, read_input: PolicyInput) -> Json:
    try:
        return bound(policy).evaluate(read_input).value
    except EvaluationError as error:
        return error.detail
