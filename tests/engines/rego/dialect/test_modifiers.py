"""The values of `with`, which OPA evaluates before what they apply to."""

import pytest

from acs_sidecar.spec.values import Json
from tests.engines.rego.outcomes import codes
from tests.engines.rego.policies import definition, evaluate


@pytest.mark.parametrize(
    "body",
    [
        'input.q[i] with input as {"n": i}',
        "input.q[i] with input as i",
        'some i in input.q with input as {"q": [i]}',
        'i = input.q with input as {"q": i}',
        "f(input.q[i]) with input as i",
    ],
)
def test_a_statement_binds_nothing_for_its_own_with(body: str) -> None:
    """OPA refuses each of these as unsafe."""
    found = codes(f"x if {{ {body} }}\nf(v) := v")
    assert {code.partition(":")[0] for code in found} == {"rego-variable-unsafe"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('count(i) == 1; y[i] == 1; input.r[i] with input as {"n": i, "r": {"a": 2}}', ["a"]),
        ('not i == "b"; y[i] == 1; input.r[i] with input as {"n": i, "r": {"a": 2}}', ["a"]),
        ('every e in [i] { e == "a" }; y[i] == 1; input[i] with input as {i: true}', ["a"]),
        ('upper(i) == "A"; y[i] == 1; not input.r[i] with input as {"n": i}', ["a"]),
        ('count(i) == 1; y[i] == 1; input.r[i] with input as {"n": i}', []),
    ],
)
def test_an_index_binds_where_a_later_statement_needs_it_for_its_with(body: str, expected: Json) -> None:
    """The statement with the `with` cannot bind the variable in the place of the index."""
    assert evaluate(definition(f'package a\nx contains i if {{ {body} }}\ny := {{"a": 1}}')) == expected
