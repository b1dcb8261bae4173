"""Any text is a condition or is refused with a place (section 7.3)."""

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
