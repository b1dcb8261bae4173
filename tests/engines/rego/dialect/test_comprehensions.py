"""Comprehensions that OPA evaluates for all values of the variables around them, whose conflicts it then meets."""

import pytest

from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import bound, definition, evaluate, failure, policy_input

_RULES = """
f(_) := 1 if input.snapshot.two
f(_) := 2
one(_) := 1
one(_) := 1 if input.snapshot.two
word(v) := 1 if v == "p"
word(v) := 2 if { v == "p"; input.snapshot.two }
"""
_SNAPSHOT: Json = {"two": True, "a": 1, "pair": [1, 2], "o": {"y": 1}, "xs": ["p", "q", "q"]}


_CONFLICTING = (
    "v := 5; w := [1 | v == input.snapshot.a; f(1)]",
    "v := 5; w := [1 | input.snapshot.a = v; f(v) == 9]",
    "v := 5; w := {1 | [v, 1] == [input.snapshot.a, 1]; f(1)}",
    "v := 5; w := {1: 2 | [v, _] = input.snapshot.pair; f(1)}",
    'v := 5; w := [1 | {"y": v} = input.snapshot.o; f(1)]',
    'v := "z"; w := [f(u) | some u in input.snapshot.xs; u == v]',
    'v := "q"; w := {i: 1 | some i, u in input.snapshot.xs; u == v; word(u)}',
    "v := 5; count([1 | v == input.snapshot.a; f(1)]) == 0",
    "v := 5; not count([1 | v == input.snapshot.a; f(1)]) == 7",
    "v := 5; some w in [[1 | v == input.snapshot.a; f(1)]]",
    "v := 5; every w in [1 | v == input.snapshot.a; f(1)] { w }",
    "v := 5; true with input.snapshot.a as [1 | v == input.snapshot.a; f(1)]",
    "v := 5; w := [z | z := [1 | v == input.snapshot.a; f(1)]]",
    "v := 5; every e in [7] { w := [e | v == input.snapshot.a; f(1)]; w == [] }",
    "v := 5; u := 8; w := [u | v == input.snapshot.a; f(1)]",
    "v := 5; w := [1 | one(1) == v; f(1)]",
)


@pytest.mark.parametrize("body", _CONFLICTING)
def test_a_comprehension_is_evaluated_for_all_values_of_a_variable_around_it(body: str) -> None:
    """Its conflict ends the evaluation also where the variable has a value for which nothing is called."""
    reason, _ = failure(bound(definition(f"package a\nx if {{ {body} }}\n{_RULES}")), policy_input(_SNAPSHOT))
    assert reason is Reason.POLICY_INVOCATION_FAILED


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("v := 1; found := [2 | v == input.snapshot.a; one(1)]", [2]),
        ("v := 5; found := [2 | v == input.snapshot.a; one(1)]", []),
        ("v := 5; found := [1 | v == input.snapshot.missing; f(1)]", []),
        ("v := 5; found := [1 | v == input.snapshot.a; f(1)] with input.snapshot.z as 1", []),
        ("v := 5; found := [1 | v + 1 == input.snapshot.a; f(1)]", []),
        ('v := "z"; found := [1 | input.snapshot.o[v]; f(1)]', []),
        ("v := 5; u := 6; found := [1 | v == input.snapshot.a; u[0] == 1; f(1)]", []),
        ("v := 5; found := [1 | v == input.snapshot.a; w := [1 | v == 5]; w == [1]; f(1)]", []),
        ('v := "q"; found := [[i, one(1)] | some i, u in input.snapshot.xs; u == v]', [[1, 1], [2, 1]]),
        ('v := "q"; found := {i | some i, u in input.snapshot.xs; u == v; one(1)}', [1, 2]),
        ('v := "q"; found := {v: u | some u in input.snapshot.xs; u == v; one(1)}', {"q": "q"}),
        ('v := "q"; found := [i | some i, u in input.snapshot.xs # c | d\n u == v # e\n one(1)\n]', [1, 2]),
        ("v := 1; found := [1 | one(1, v); one(2)]", [1]),
    ],
)
def test_a_comprehension_that_is_evaluated_for_all_values_yields_those_of_one(
    body: str, expected: Json
) -> None:
    """What it does not bind alone, uses first as an index or has inside of another one, keeps its value."""
    policy = definition(f"package a\nx := found if {{ {body} }}\n{_RULES}")
    assert evaluate(policy, _SNAPSHOT) == expected
