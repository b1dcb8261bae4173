"""`with` that replaces built-in functions on which the engine's form of a policy might depend."""

import pytest

from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import definition, evaluate, findings


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ('f("one") := 1\nf(x) := count(x) if x != "one"\nx := y if y := count("one") with count as f', 1),
        ("f(x) := count(x)\nx := y if y := count(input.snapshot.s) with count as f", 3),
        ("f(_) := 7\nx := y if y := count(input.snapshot.s) with count as f", 7),
        ("f(_) := false\nx := y if y := count(input.snapshot.s) with count as f", False),
        ('f(_, _) := ["a"]\nx := y if y := count(input.snapshot.s) with split as f', 3),
        ("x := y if y := count(input.snapshot.s) with is_string as false", 3),
        ("x := y if y := count(input.snapshot.xs) with is_string as true", 2),
        ("x := y if y := input.snapshot.n - 0.1 with is_number as false", 0.2),
        ("x := y if y := [1 | some _ in input.snapshot.s] with type_name as `array`", []),
        ("x := y if y := [1 | some _ in input.snapshot.xs] with type_name as `string`", [1, 1]),
        ("x := [1 | q with count as 1]\nq if { some {`a`: _} in [input.snapshot.o] }", []),
        ("x := [1 | q with count as 5]\nq if { {`a`: _, `b`: _} = input.snapshot.o }", [1]),
        ("x := [1 | q with is_object as true]\nq if { {`a`: _} = input.snapshot.xs }", []),
    ],
)
def test_what_the_engine_evaluates_instead_is_not_replaced(rules: str, expected: Json) -> None:
    """Only the calls that the policy writes are."""
    snapshot: Json = {"s": "a😀c", "xs": ["a", "b"], "n": 0.3, "o": {"a": 1, "b": 2}}
    found = evaluate(definition(f"package a\n{rules}"), snapshot)
    assert found == pytest.approx(expected) if expected == 0.2 else found == expected


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("1 + input.snapshot.n == 7 with plus as 7", "plus"),
        ("input.snapshot.n > 5 with gt as true", "gt"),
        ("count({1} | {2}) == 1 with or as {1}", "or"),
    ],
)
def test_an_operator_is_not_replaced(body: str, name: str) -> None:
    """OPA replaces it by its name; the engine has no function of that name."""
    (found,) = findings(definition(f"package a\nx if {body}"))
    assert found.endswith(
        f"`with` does not replace `{name}` here: call a function of your own, and replace that"
    )
    assert found.startswith("rego-function-unsupported: a.rego:2:")


def test_a_rule_with_the_name_of_an_operator_is_replaced() -> None:
    """It is no operator."""
    assert evaluate(definition("package a\nplus := 1\nx := y if y := plus with plus as 7")) == 7
