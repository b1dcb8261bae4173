"""Arrays, objects and sets as keys, which become names in an answer: JSON, sorted and safe in HTML."""

import pytest

from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import bound, definition, evaluate, failure, policy_input

SNAPSHOT: Json = {
    "object": {"b": 1, "a": ["&", 2.5]},
    "unsorted": '{"9":1,"10":1}',
    "names": {'["<"]': 1, '{"b":1,"a":2}': 2, "[NaN]": 3, "[[": 4, '["\\ud800<"]': 5, "[" * 2_000: 6},
}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("x := {{10: 1, 9: 1}: 1}", {'{"10":1,"9":1}': 1}),
        ("x := {[{10: 1, 9: 1}]: 1}", {'[{"10":1,"9":1}]': 1}),
        ('x := {["<&>"]: 1}', {'["\\u003c\\u0026\\u003e"]': 1}),
        ('x := {{"é\\n\\u2028"}: 1}', {'["é\\n\\u2028"]': 1}),
        ("x := {input.snapshot.object: 1}", {'{"a":["\\u0026",2.5],"b":1}': 1}),
        ("x[k] contains v if some k, v in {[9]: {[{10: 1, 9: 1}]: 1}}", {"[9]": [{'[{"10":1,"9":1}]': 1}]}),
        ("x contains {{10: 1, 9: 1}: 1}", [{'{"10":1,"9":1}': 1}]),
        ('x := {{["<"]: 1}: 1}', {'{"[\\"\\\\u003c\\"]":1}': 1}),
        ("x := {{10: 1, 9: 1}: k | k := 2}", {'{"10":1,"9":1}': 2}),
    ],
)
def test_a_key_is_named_as_in_opa(rules: str, expected: Json) -> None:
    """Also in keys, below other names and in sets."""
    assert evaluate(definition(f"package a\n{rules}"), SNAPSHOT) == expected


@pytest.mark.parametrize("query", ["data.a.x", "data.a"])
def test_a_key_is_named_in_every_query(query: str) -> None:
    """That of a rule, and that of a package."""
    answer = evaluate(definition("package a\nx := {{10: 1, 9: 1}: 1}", query))
    expected: Json = {'{"10":1,"9":1}': 1}
    assert answer == (expected if query == "data.a.x" else {"x": expected})


@pytest.mark.parametrize(
    "rules",
    [
        "x := input.snapshot.names",
        "x := object.union(y, input.snapshot.names)\ny := {}",
        "x := {k: v | some k, v in input.snapshot.names}",
    ],
)
def test_a_text_as_a_name_stays_what_it_is(rules: str) -> None:
    """Whether or not it is JSON."""
    assert evaluate(definition(f"package a\n{rules}"), SNAPSHOT) == SNAPSHOT["names"]  # type: ignore[index,call-overload]


def test_texts_and_keys_are_told_apart() -> None:
    """In one answer, where another name is the text of an array."""
    module = 'package a\nx := {input.snapshot.unsorted: {{10: 2, 9: 2}: 3}}\ny["[1]"] := {[1]: 4}\ny[k] := 5 if k := ["<"]'
    expected = {
        "x": {'{"9":1,"10":1}': {'{"10":2,"9":2}': 3}},
        "y": {"[1]": {"[1]": 4}, '["\\u003c"]': 5},
    }
    assert evaluate(definition(module, "data.a"), SNAPSHOT) == expected


@pytest.mark.parametrize(
    "rules",
    [
        "x := {input.snapshot.unsorted: {{10: 1, 9: 1}: 3}}",
        "x := {{{{{10: 1, 9: 1}: 1}: 2}: 3}: 4}",
    ],
)
def test_what_may_be_either_fails(rules: str) -> None:
    """A name that is a text here and a key there, and keys in keys in keys in keys."""
    evaluator = bound(definition(f"package a\n{rules}"))
    assert failure(evaluator, policy_input(SNAPSHOT)) == (
        Reason.POLICY_INVOCATION_FAILED,
        "`data.a.x` could not be evaluated: a function failed or rules disagree",
    )
