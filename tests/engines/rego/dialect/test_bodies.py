"""Rules of several bodies, and what their heads make of the variables of each."""

import pytest

from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import definition, evaluate, findings

INPUT: Json = {"t": "a", "xs": ["a", "b"], "o": {"a": 1}}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("x := [i | input.snapshot.t = i] if input.snapshot.xs[i] else := 3", []),
        ("x := {i: i | upper(input.snapshot.t) = i} if { input.snapshot.xs[i]; true } else := 3", {}),
        ("x := count([i | input.snapshot.t = i]) if { i := 1 } else := 3", 0),
        ("x := [v | input.snapshot.o[v] = i] if { i := 1 } else := 3", ["a"]),
        ("x := [v | walk(input.snapshot.o, [v, i])] if {\ni = 1\n} else := 3", [["a"]]),
        ('x := {"k": [1 | not input.snapshot.t = i]} if { i := "b" } else := 3', {"k": [1]}),
        ("x := [i | input.snapshot.t = i] if { i := 1; false } else := [i | i = 2] if { i := 2 }", [2]),
        ("x := f(1)\nf(y) := [i | input.snapshot.t = i; y] if { input.snapshot.xs[i] } else := 3", []),
        ("x := f(1)\nf(y) := [y.a, [i | i = 1]] if { i := 1 } else := 3", 3),
    ],
)
def test_a_value_before_an_else_has_the_variables_of_its_body(rules: str, expected: Json) -> None:
    """Also in comprehensions that could give them other values."""
    assert evaluate(definition(f"package a\n{rules}"), INPUT) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("x := 5 if { false } { true }", 5),
        ("x := 5 if { false } # one\n\n{ true }", 5),
        ("x := 5 if false { true }", 5),
        ('x := {"é": y} if { y := 1; false } { y := 2 }', {"é": 2}),
        ('x := "é" if { false } { y } { true }\ny := "ß" if { false }  { false }', "é"),
        ("x if { false } { true }", True),
        ("x := f(2)\nf(y) := [y] if { y == 1 } { y == 2 }", [2]),
        ("x[y] := 5 if { y := 1 } { y := 2 }", {"1": 5, "2": 5}),
        ("default x := 3\nx := 5 if { false } { false }", 3),
    ],
)
def test_several_bodies_share_their_head(rules: str, expected: Json) -> None:
    """Each is a rule of its own."""
    assert evaluate(definition(f"package a\n{rules}"), INPUT) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("x = 5 { false } { true }", 5),
        ("x = f(1)\nf(y) = y { false } { true }", 1),
        ("x { false } { true }", True),
    ],
)
def test_several_bodies_share_their_head_in_version_0(rules: str, expected: Json) -> None:
    """Without `if`."""
    assert evaluate(definition(f"package a\n{rules}", rego_version=0), INPUT) == expected


def test_several_bodies_behind_a_head_of_several_lines_are_refused() -> None:
    """No line may move."""
    assert findings(definition("package a\nx := [\n1] if { false } { true }")) == [
        "rego-syntax: a.rego:3:17: policies.main.modules: several bodies behind a head of several lines: "
        "write each body as a rule of its own"
    ]
