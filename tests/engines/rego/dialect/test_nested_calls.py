"""Calls inside of an expression: OPA evaluates each before it, so that its references bind nothing for them."""

import pytest

from tests.engines.rego.outcomes import codes
from tests.engines.rego.policies import definition, evaluate, findings

_RULES = 'y := {"a": 1, "b": {"a": 2}}\nf(v) := v\nn := [1, 2, 3]'


def test_the_variable_of_a_call_is_named() -> None:
    """The place is that of the variable in the call."""
    message = "`i` has no value: no rule, import or statement outside of a `not` has this name or binds it"
    assert findings(definition(f"package a\nx if y[i] == is_object(i)\n{_RULES}")) == [
        f"rego-variable-unsafe: a.rego:2:24: policies.main.modules: {message}"
    ]


@pytest.mark.parametrize(
    "body",
    [
        "f(i) == y[i]",
        "y[i] != f(i)",
        "n[i] < i + 1",
        "y[i] == f(f(i))",
        "y[i] == [f(i)]",
        '{"k": y[i], "l": f(i)} == 1',
        "y[i] in [f(i)]",
        "f(i) in y[i]",
        "f([y[i], f(i)])",
        'y[i] == sprintf("%v", [i])',
        'startswith(y[i], concat("", [i]))',
        "(y[i] == f(i)) == true",
        "y[i] == [i][0]",
        'y[i] == {"k": i}["k"]',
        "some i; y[i] == f(i)",
        "i == 1; y[i] == f(i)",
        "not y[i] == f(i)",
        "y[i] == f(i) with input as 1",
        "z := [y[i], f(i)]",
        "z = [f(i), y[i]]",
        "z := (y[i] == f(i))",
        "some z in [y[i], f(i)]",
        "every z in [y[i], f(i)] { z }",
        "z := [1 | y[i] == f(i)]",
        "z := {k: f(i) | k := y[i] == f(i)}",
        "y[_] == f(_)",
    ],
)
def test_what_an_expression_binds_is_not_bound_for_calls_in_it(body: str) -> None:
    """OPA refuses each of these as unsafe."""
    found = codes(f"x if {{ {body} }}\n{_RULES}")
    assert {code.partition(":")[0] for code in found} == {"rego-variable-unsafe"}


@pytest.mark.parametrize(
    "body",
    [
        "y[i] = f(y[i])",
        "n[i] = i + 1",
        "n[i] == n[f(i)]",
        "n[i] == n[i + 1] - 1",
        "n[i] == f(n[i])",
        "f(n[i]) == f(n[i])",
        "f(n[i]) == i + 1",
        "y[i] == f(y[i])",
        "y[i]; y[i] == f(f(y[i]))",
        'y[i] == f(1); i = "a"',
        "m := n[i]; m == i + 1",
        "m := n[i] - i",
        "[n[i], i][0] == 1",
        "m := {i: f(i) | y[i]}; m.a",
        "some i, m in n; m == i + 1",
        "every m in [k | k := n[i] + i] { m > 0 }",
        "n[i]; not n[i] == f(i)",
    ],
)
def test_a_variable_that_is_bound_before_a_call_is_left_alone(body: str) -> None:
    """By another statement, by a reference in the call, or by `=`, which binds both of its sides."""
    assert evaluate(definition(f"package a\nx if {{ {body} }}\n{_RULES}")) is True
