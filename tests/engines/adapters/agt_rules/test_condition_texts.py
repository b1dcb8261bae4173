"""Any text is a condition or is refused with a place (section 7.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.engines.adapters.agt_rules.condition.parser import parse_condition
from acs_sidecar.engines.adapters.agt_rules.condition.tokens import ConditionError
from acs_sidecar.engines.adapters.agt_rules.condition.tree import text_of

PIECES = [
    "and",
    "or",
    "not",
    "!",
    "&&",
    "||",
    "(",
    ")",
    "true",
    "false",
    "has(",
    "in",
    "contains",
    "matches",
    "==",
    "!=",
    "<",
    ">=",
    "[",
    "]",
    ",",
    ".",
    "x",
    "a.b",
    "'t'",
    '"u"',
    "1",
    "-2.5",
    "x[0]",
    "'",
    "é",
    "=",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from(["", " "]))
def test_a_text_is_a_tree_or_an_error_with_a_place(pieces: list[str], between: str) -> None:
    """What parses is printed as a text of the same tree; nothing else is raised but the one error."""
    text = between.join(pieces)
    try:
        tree = parse_condition(text)
    except ConditionError as error:
        assert error.code in {"agt-condition", "agt-never"}
        assert 0 <= error.offset <= len(text)
        return
    assert parse_condition(text_of(tree)) == tree


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("x => 5", 2, "`=>` is no operator: write `>=`"),
        ("x = 5", 2, "`=` is no operator: write `==`"),
        ("x === 5", 2, "`===` is no operator: write `==`"),
        ("x!==5", 1, "`!==` is no operator: write `!=`"),
        ("x <> 5", 2, "`<>` is no operator: write `!=`"),
        ("x == “a”", 5, "a text is quoted with ' or \""),
        ("x # about x", 2, "a condition has no comments: write the rule's `description`"),
        ("x ≥ 5", 2, "`≥` is no operator: write `>=`"),
        ("x ≠ 5", 2, "`≠` is no operator: write `!=`"),
        ("x in ('a', 'b')", 5, "`in` takes a list in square brackets: write `in ['a', 'b']`"),
        ("x not in ('a')", 9, "`in` takes a list in square brackets: write `in ['a', 'b']`"),
    ],
)
def test_a_known_slip_says_how_it_is_written(text: str, offset: int, message: str) -> None:
    """The message has what is meant."""
    with pytest.raises(ConditionError) as caught:
        parse_condition(text)
    assert (caught.value.code, caught.value.offset, caught.value.message) == (
        "agt-condition",
        offset,
        message,
    )
