"""Sets ordered beside objects, which the engine orders differently from OPA."""

import pytest

from tests.engines.rego.outcomes import HOLDS, codes, outcome


@pytest.mark.parametrize(
    "body",
    [
        '{y | y := 1} < {"a": 1}',
        "y := {1}; z := input.y; y < z",
        "s > input.y",
        "data.a.s >= input.y",
        "input.y <= s | {3}",
        "input.y <= s",
    ],
)
def test_a_set_is_not_ordered_beside_what_may_be_an_object(body: str) -> None:
    """OPA orders sets behind objects, and the engine before them."""
    assert codes(f"x if {{ {body} }}\ns contains 1")[0].startswith("rego-set-order: a.rego:2:")


@pytest.mark.parametrize(
    "rules",
    [
        "x := f({1}, input.o)\nf(a, b) := a < b",
        "x := f({1})\nf(a) := g(a)\ng(b) := b < input.o",
        "x := input.o >= s\ndefault s := {1}",
        "x := f(1) < input.o\nf(a) := {a}",
        "x := ({1, 2} - {2}) < input.o",
        "x := object.keys(input.o) < input.o",
        "x := y if { y := input.o < {} with input.o as {1} }",
        "x := input.o >= d\nd.a contains 1",
        "x := input.o >= d\nd.a[k] contains 1 if k := input.k",
        "x := input.o >= d\nd.a.b := s\ns contains 1",
        "x := o < d.s\no[k] := 1 if k := input.k\nd.s contains 1",
        'x := {"a": {"b": "x"}} < {"a": set()}',
        'x := object.union({"a": {1}}, input.o) < input.o',
        "x := array.concat([{1}], []) < input.o",
        "x := [input.o] < [s]\ns contains 1",
        'x if { v := {"a": s}; [input] < [v] }\ns contains 1',
        "x := max([s, {}])\ns contains 1",
        "x := min([[s], [input.o]])\ns contains 1",
        "x := sort([[v | v := s], [input.o]])[0]\ns contains 1",
    ],
)
def test_a_set_is_followed_to_where_it_is_ordered(rules: str) -> None:
    """Through arguments, rules, functions, operators, `with`, and documents that hold them."""
    assert codes(rules)[0].startswith("rego-set-order: a.rego:")


@pytest.mark.parametrize(
    "rules",
    [
        "x := f({1}, {2})\nf(a, b) := a < b",
        "x := f(1, 2)\nf(a, b) := a < b\ns := {1}",
        "x if { some a in s; a < input.snapshot.n }\ns contains 1",
        "x if { s := {1}; input.snapshot.n > count(s) }",
        "x := {y | some y in [0]} < {1}",
        "x := max([count({1}), input.snapshot.n]) == 3",
    ],
)
def test_what_no_set_reaches_may_be_ordered(rules: str) -> None:
    """A set elsewhere in the policy, or sets alone, are no reason to refuse it."""
    assert outcome(rules.replace("x :=", "x if"), {"n": 3}) == HOLDS


@pytest.mark.parametrize(
    "body", ["s < {2}", "count(s) < 3", "s > 3", "y := {1}; y <= s", "some y in s; y < 3"]
)
def test_sets_are_ordered_beside_sets_and_scalars(body: str) -> None:
    """There both agree."""
    assert outcome(f"x if {{ {body} }}\ns contains 1", {}) == HOLDS
