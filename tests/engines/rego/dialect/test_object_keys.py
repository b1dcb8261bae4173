"""Objects whose keys may be equal: OPA takes constant keys first, and the others in an order of its own."""

import pytest

from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import definition, evaluate, findings


@pytest.mark.parametrize(
    ("written", "column"),
    [
        ('{input.snapshot.name: 1, "role": 2}', 7),
        ('{"a": 0, lower("ROLE"): 1, "role": 2}', 15),
        ("{input.snapshot.name: 1, input.snapshot.other: 2}", 7),
        ('{"a": {1: 2, input.snapshot.name: 1, 3: 4}}', 19),
        ('[v | some v in {"role": 2, input.snapshot.name: 1}]', 33),
        ('[k | {"role": 2, input.snapshot.name: 1}[k]]', 23),
        ('{1 | every v in {"role": 2, input.snapshot.name: 1} { v == 2 }}', 34),
    ],
)
def test_a_key_that_is_not_constant_before_another_one_is_refused(written: str, column: int) -> None:
    """The engine takes the value that is written last, and OPA that of the first."""
    assert findings(definition(f"package a\nx := {written}")) == [
        f"rego-object-keys: a.rego:2:{column}: policies.main.modules: where keys of an object are equal, OPA takes "
        "the value of another one: write one key that is not constant, behind the constant ones, or use `object.union`"
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('{"role": 2, input.snapshot.name: 1}', {"role": 1}),
        ('{"role": 2, "other": 3, input.snapshot.other: 1}', {"role": 2, "other": 3, "else": 1}),
        ("{input.snapshot.name: 1}", {"role": 1}),
        ('{"role": 1, "role": 2}', {"role": 2}),
        ('object.union({input.snapshot.name: 1}, {"role": 2})', {"role": 2}),
    ],
)
def test_one_such_key_behind_the_others_is_fine(written: str, expected: Json) -> None:
    """Its value counts, in OPA too."""
    given: Json = {"name": "role", "other": "else"}
    assert evaluate(definition(f"package a\nx := {written}"), given) == expected
