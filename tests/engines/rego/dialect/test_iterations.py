"""`some … in` a value that is no collection finds nothing, as in OPA; the engine alone fails."""

import pytest

from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import definition, evaluate

INPUT: Json = {"text": "abc", "number": 1, "null": None, "xs": [1, 2], "o": {"a": 1}}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("x := [v | some v in input.snapshot.text]", []),
        ("x := [v | some k, v in input.snapshot.number]", []),
        ('x if { some "a" in input.snapshot.text }', None),
        ("x := [v | some [v, _] in input.snapshot.null]", []),
        ("x := [v | some v in input.snapshot[_]; v != [1]]", [1, 1, 2]),
        ("x := [k | some k, 1 in input.snapshot.o]", ["a"]),
        ("x := [v | some v in f(input.snapshot.text)]\nf(t) := t", []),
        ("x := [v | some v in {1 | true}]", [1]),
        ("x := [v | some v in s]\ns contains 1", [1]),
        ('x := [v | some v in input.snapshot.xs]\ny if count(x) == 2 with type_name as "array"', [1, 2]),
    ],
)
def test_some_in_finds_what_it_finds_in_opa(rules: str, expected: Json) -> None:
    """The value of `x`, or `null` where it is undefined."""
    module = f"package p\n{rules}\ndefault answer := null\nanswer := x\n"
    assert evaluate(definition({"p.rego": module}, "data.p.answer"), INPUT) == expected


def test_some_in_of_version_0() -> None:
    """The function around the value is written as the module is."""
    module = "package p\nimport future.keywords.in\nx = y { y := [v | some v in input.snapshot.text] }\n"
    assert evaluate(definition({"p.rego": module}, "data.p.x", rego_version=0), INPUT) == []


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            "x contains v if { some _ in input.snapshot with input.snapshot as [7]; v := input.snapshot }",
            [[1, 2]],
        ),
        ("x contains v if { some w in r with input.snapshot as [7]; v := [w, r] }", [[7, [1, 2]]]),
        ("x := [input.snapshot | some v in input.snapshot with input.snapshot as [7]; v == 7]", [[1, 2]]),
        ("x contains input.snapshot if some _ in input.snapshot with input.snapshot as [7]", [[1, 2]]),
        ("x := [v | some v in input.y\n  with input.y as 1\n  with input.y as {7}\n]", [7]),
        ("x := [[k, v, s] | some k, v in f(s) with data.a.s as 5]\nf(v) := [v, s]", [[0, 5, 1], [1, 5, 1]]),
    ],
)
def test_with_applies_to_what_is_iterated_over_alone(rules: str, expected: Json) -> None:
    """The engine would evaluate all that stands behind it under the `with`, too."""
    assert evaluate(definition(f"package a\n{rules}\nr := input.snapshot\ns := 1"), [1, 2]) == expected
