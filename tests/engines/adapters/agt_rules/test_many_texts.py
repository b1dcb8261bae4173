"""Searching many texts: what one search of all of them leaves out is what no search of one finds (section 7.3)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.engines.adapters.agt_rules.comparisons import contains
from acs_sidecar.engines.adapters.agt_rules.expressions import Expression
from acs_sidecar.spec.values import Json
from tests.engines.adapters.agt_rules.policies import compiled, evaluate, rule, short, tool_call, written

PATTERNS = (
    r"^a$",
    r"\Aa",
    r"a\Z",
    r"(?m)^a$",
    r"(?s)a.b",
    r"a\s+b",
    r"[^a]b",
    r"\bab\b",
    r"a\Bb",
    r"^$",
    r"[$^]a",
    r"(?i)^A|b$",
    r"a|^b",
    r"(?-m:^)b",
)


@given(st.sampled_from(PATTERNS), st.lists(st.text("ab\n \0$", max_size=4), max_size=5))
def test_all_at_once_finds_what_one_by_one_finds(pattern: str, texts: list[str]) -> None:
    """Anchors, boundaries and flags are those of each text."""
    each = [text.encode() for text in texts]
    expression = Expression(pattern)
    expected = any(expression.occurs_in([text], text) for text in each)
    assert expression.occurs_in(each, Expression.joined(each)) is expected


class _Counting:
    """A search that counts how often it is asked."""

    def __init__(self, answer: bool) -> None:
        self.answer, self.searches = answer, 0

    def __call__(self, _: bytes) -> bool:
        self.searches += 1
        return self.answer


def test_many_texts_without_a_match_are_searched_once() -> None:
    """A thousand short texts cost one search, not a thousand."""
    expression: Any = Expression.__new__(Expression)
    expression._may_occur, expression._occurs = _Counting(False), _Counting(False)
    texts = [str(number).encode() for number in range(1_000)]
    assert not expression.occurs_in(texts, Expression.joined(texts))
    assert (expression._may_occur.searches, expression._occurs.searches) == (1, 0)


@pytest.mark.parametrize("operator", ["in", "not in", "==", "!="])
def test_tests_of_two_paths_are_bounded(operator: str) -> None:
    """An object that is looked for in a list of a thousand objects is read once for all of them."""
    policy = compiled(written("d", [rule(f"args.a {operator} args.b")], default_action="allow"))
    wide: dict[str, Json] = {f"k{number}": number for number in range(20_000)}
    listed: list[Json] = [{"q": number} for number in range(2_000)]
    found = short(evaluate(policy, tool_call("t", a=wide, b=[*listed, dict(wide)])))
    assert found == ("allow" if operator == "not in" else "deny:r")


def test_an_object_is_found_by_its_value() -> None:
    """In any order of its members, and with numbers that are equal."""
    items = [{"b": 1, "a": [1.0]}, {"a": 2}]
    assert contains(items, {"a": [1], "b": 1.0}) is True
    assert contains(items, {"a": 3}) is False
