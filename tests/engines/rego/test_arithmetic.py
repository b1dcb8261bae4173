"""Arithmetic in as many bits as OPA's."""

import re

import pytest

from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import bound, definition, evaluate, failure, findings, policy_input


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0.1 + 0.2", 0.3),
        ("0.3 - 0.1", 0.2),
        ("[1 | 0.3 - 0.1 > 0.2]", [1]),
        ("[1 | input.snapshot.a * 1.1 > 0.11]", [1]),
        ("[1 | (input.snapshot.a + 0.2) * 3 > 0.9]", [1]),
        ("[1 | input.snapshot.paid - 100 + 0.5 < 0.49]", [1]),
        ("[1 | 0.3 - 0.1 == 0.2]", []),
        ("[1 | input.snapshot.c - input.snapshot.a > input.snapshot.b]", [1]),
        ("[1 | not input.snapshot.c - input.snapshot.a > input.snapshot.b]", []),
        ("[1 | input.snapshot.c - input.snapshot.a - input.snapshot.b > 0]", [1]),
        ("[1 | v := input.snapshot.c - input.snapshot.a; v <= input.snapshot.b]", []),
        ("[1 | {2} - {input.snapshot.a} == {2}]", [1]),
        ("input.snapshot.a * 1.1", 0.11),
        ("(input.snapshot.a + 0.2) * 3", 0.9),
        ("((input.snapshot.a) + (0.2))", 0.3),
        ("1 / 0.1", 10),
        ("[input.snapshot.a + 0.2, 1]", [0.3, 1]),
        ('{"a": input.snapshot.a + 0.2}', {"a": 0.3}),
        ("[1 | input.snapshot.a + 0.2 > 0.3]", []),
        ("[1 | input.snapshot.a + 0.2 == 0.3]", [1]),
        ("[1 | 0.3 == input.snapshot.a + input.snapshot.b]", [1]),
        ("[1 | input.snapshot.a + input.snapshot.b > 0.3]", []),
        ("[1 | not input.snapshot.a + 0.2 == 0.3]", []),
        ("[1 | not input.snapshot.a + 0.2 > 0.3]", [1]),
        ("[1 | input.snapshot.a * 3 > 0.3]", []),
        ("[1 | y := input.snapshot.a + 0.2; y == 0.3]", [1]),
        ("[1 | some y in input.snapshot.tens; y * 3 == 0.3]", [1]),
        ("[1 | every y in input.snapshot.tens { y + 0.2 == 0.3 }]", [1]),
        ("[1 | sum([input.snapshot.a, input.snapshot.b]) > 0.3]", []),
        ("[1 | sum({v | some v in [0.1, 0.2]}) == 0.3]", [1]),
        ("[1 | product([input.snapshot.a, 3]) == 0.3]", []),
        ("[1 | sum(input.snapshot.tens) + input.snapshot.b == 0.3]", [1]),
        ("f(input.snapshot.a)", 0.3),
        ("5 + 7", 12),
        ("{1, 2} - {1}", [2]),
        ("{[1], {2}} - {[1]}", [[2]]),
        ("[1 | t := input.snapshot.a + input.snapshot.b; t > 0.3]", []),
        ("[1 | input.snapshot.a + input.snapshot.b == limit]", [1]),
        ("[1 | sum([input.snapshot.a, input.snapshot.b]) == limit]", [1]),
        ("[1 | 100 - input.snapshot.paid > 0.01]", [1]),
        ("input.snapshot.paid - 100 + 0.5", 0.49),
        ("124.58 - 124.68", -0.09999999999999999),
        ("1 / 3 * 0.5", 0.16666666666666666),
        ("product([0.1, 180.84, 0.69, 975])", 12166.010999999999),
    ],
)
def test_fractions_are_added_in_digits(expression: str, expected: Json) -> None:
    """Differences of sets are the engine's own."""
    rules = "f(v) := v + 0.2\nlimit := 0.3"
    snapshot: Json = {"a": 0.1, "b": 0.2, "c": 0.3, "tens": [0.1], "paid": 99.99}
    assert evaluate(definition(f"package a\nx := {expression}\n{rules}"), snapshot) == expected


@pytest.mark.parametrize("expression", ['"a" + 0.1', "true * 0.1", "[1] - 0.1", "0.1 / 0", "sum(3) > 0.1"])
def test_what_is_no_number_fails(expression: str) -> None:
    """In OPA the call errs."""
    text = "package a\nx := [y | y := " + expression.replace('"a"', "input.snapshot.s") + "]"
    text = (
        text.replace("true", "input.snapshot.t")
        .replace("[1]", "input.snapshot.l")
        .replace("(3)", "(input.snapshot.n)")
    )
    given: Json = {"s": "a", "t": True, "l": [1], "n": 3}
    assert failure(bound(definition(text)), policy_input(given))[0] is Reason.POLICY_INVOCATION_FAILED


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + b", 0.3),
        ("[1 | c - a > b]", [1]),
        ("sum([a, b])", 0.3),
        ("large + 2", 9007199254740995),
        ("sum([large, large])", 18014398509481986),
        ("product([large, 3])", 27021597764222979),
        ("large * 3 - large * 2", 9007199254740993),
        ("large - 0", 9007199254740993),
        ("count([1, 2]) - 3 + count([])", -1),
        ("0 / (0 - 3)", 0),
        ("7 % 4 - 1", 2),
        ("product([c, 3])", 0.8999999999999999),
        ("[1 | c / 7 * 7 == c]", [1]),
        ("[1 | v := c / 7; w := v * 7; w == c]", [1]),
        ("[c - a, {1: c - a}]", [0.2, {"1": 0.2}]),
        ("json.marshal([a * a, large + 0, c / 3])", "[0.010000000000000000001,9007199254740993,0.1]"),
        ('sprintf("%v %v %.3f", [a * a, [c - a], c - a])', "0.01 [0.20000000000000000002] 0.200"),
        ('sprintf("%v %v", [1234567 + 0.5, [1234567 + 0.5]])', "1.2345675e+06 [1.2345675e+06]"),
        ("json.marshal([abs(a - c), abs(0 - large)])", "[0.20000000000000000002,9007199254740993]"),
        ("json.marshal(3 * sum({3.5, a, 0.07}))", "11.01"),
        ("json.marshal(product([a, 3]))", "0.30000000000000004"),
    ],
)
def test_numbers_of_a_request_are_computed_in_digits(expression: str, expected: Json) -> None:
    """Also where no fraction is written, and beyond 53 bits."""
    for name in ("large", "a", "b", "c"):
        expression = re.sub(rf"\b{name}\b", f"input.snapshot.{name}", expression)
    snapshot: Json = {"a": 0.1, "b": 0.2, "c": 0.3, "large": 2**53 + 1}
    assert evaluate(definition(f"package a\nx := {expression}"), snapshot) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "(v - large) + large",
        "json.marshal_with_options(v * 1000001, {})",
        'sprintf("%d", [tiny])',
        "top + 1",
        "top * top",
        "sum([top, top])",
        "product([top, top])",
        "tiny * tiny",
        "large * v",
    ],
)
def test_what_the_engine_cannot_hold_fails(expression: str) -> None:
    """In OPA each of these has a value."""
    for name in ("large", "top", "tiny", "v"):
        expression = re.sub(rf"\b{name}\b", f"input.snapshot.{name}", expression)
    given: Json = {"v": 3.5, "large": 2**53 + 1, "top": 2**64 - 1, "tiny": 1e-200}
    evaluator = bound(definition(f"package a\nx := {expression}"))
    assert failure(evaluator, policy_input(given))[0] is Reason.POLICY_INVOCATION_FAILED


def test_a_function_that_with_replaces_is_the_policys_own() -> None:
    """The rule is evaluated with the value that takes the place of `sum`."""
    text = "package a\nx := [1 | total == 9 with sum as 9]\ntotal := sum([0.1, 0.2])"
    assert evaluate(definition(text), {}) == [1]


def test_an_undefined_operand_is_undefined() -> None:
    """As for the operator."""
    assert evaluate(definition("package a\nx := [y | y := input.snapshot.z + 0.2]"), {}) == []


def test_no_policy_can_name_the_functions() -> None:
    """They stand for operators alone."""
    (found,) = findings(definition("package a\nx := acs_sidecar.plus(1, 2)"))
    assert found.startswith("rego-function-unknown: a.rego:2:6: ")


def test_a_number_stands_for_another_one_in_one_evaluation_alone() -> None:
    """What stands for a little more than 0.2 is itself in the request after it."""
    evaluator = bound(definition("package a\nx := input.snapshot.a - input.snapshot.b"))
    assert evaluator.evaluate(policy_input({"a": 0.3, "b": 0.1})).value == 0.2
    assert evaluator.evaluate(policy_input({"a": 0.20000000000000004, "b": 0})).value == 0.20000000000000004


def test_numbers_that_the_engine_cannot_tell_apart_fail() -> None:
    """To OPA `0.3 - 0.1` and the other number are two, with one number of the engine between 0.2 and the next."""
    text = "package a\nx := [input.snapshot.a - input.snapshot.b, input.snapshot.b * 2 + input.snapshot.t]"
    evaluator = bound(definition(text))
    given: Json = {"a": 0.3, "b": 0.1, "t": 1e-18}
    assert failure(evaluator, policy_input(given))[0] is Reason.POLICY_INVOCATION_FAILED
