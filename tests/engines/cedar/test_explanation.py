"""The conditions of Cedar policies, taken apart for explanations (section 2.7)."""

import pytest

from acs_sidecar.engines.cedar.explanation.conditions import Condition, conditions_of
from acs_sidecar.spec.ports import ExplainingEvaluator
from tests.engines.cedar import bind, compile_cedar, input_of
from tests.engines.cedar.test_bounds import CHAINS, NESTED

SCOPE = "permit(principal, action, resource)"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", []),
        ("when { true }", [Condition("when", "true", ("true",))]),
        ("when {a && b}", [Condition("when", "a && b", ("a", "b"))]),
        ("when { (a && (b && c)) && d }", [Condition("when", "(a && (b && c)) && d", ("a", "b", "c", "d"))]),
        ("when { a && b || c }", [Condition("when", "a && b || c", ("a && b || c",))]),
        ("unless { a && b || c }", [Condition("unless", "a && b || c", ("a && b", "c"))]),
        ("unless { (a || b) && c }", [Condition("unless", "(a || b) && c", ("(a || b) && c",))]),
        ("when { if a && b then c else d && e }", [Condition("when", "if a && b then c else d && e", ("if a && b then c else d && e",))]),
        ("when { (a) == (b) }", [Condition("when", "(a) == (b)", ("(a) == (b)",))]),
        ('when { a == "x && // y" && {b: [1 && 2]}\n // no && c\n == d }', [Condition("when", 'a == "x && // y" && {b: [1 && 2]} == d', ('a == "x && // y"', "{b: [1 && 2]} == d"))]),
        ("when { a } unless { b } when { c }", [Condition("when", "a", ("a",)), Condition("unless", "b", ("b",)), Condition("when", "c", ("c",))]),
    ],
)  # fmt: skip
def test_conditions(written: str, expected: list[Condition]) -> None:
    """A chain of the operator that decides is taken apart; a part is as it is written, without comments."""
    assert list(conditions_of(f'@when("{{ x }}") {SCOPE} {written};')) == expected


DEEP = {
    **{kind: make(98) for kind, make in NESTED.items() if kind != "in the scope"},
    **{kind: make(290) for kind, make in CHAINS.items()},
}


@pytest.mark.parametrize("kind", DEEP)
def test_explains_what_is_within_bounds(kind: str) -> None:
    """A policy as deep as it may be is explained."""
    evaluator = bind(compile_cedar(DEEP[kind]))
    assert isinstance(evaluator, ExplainingEvaluator)
    policies = evaluator.explain(input_of({"envelope": {"agent": {"id": "a"}}, "a": 1}))["policies"]
    assert isinstance(policies, list)
    assert [one["policy"] for one in policies if isinstance(one, dict)] == ["policy0"]


def test_policies_of_one_id() -> None:
    """Of two policies with one `@id` only the one that decides is said to."""
    evaluator = bind(compile_cedar(f'@id("a") {SCOPE}; @id("a") {SCOPE} when {{ context.text == "x" }};'))
    assert isinstance(evaluator, ExplainingEvaluator)
    policies = evaluator.explain(input_of())["policies"]
    assert isinstance(policies, list)
    assert [one["determining"] for one in policies if isinstance(one, dict)] == [True, False]
