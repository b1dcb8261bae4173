"""The merged rules are what the files come to that they are made of (section 11.4)."""

from acs_sidecar.engines.adapters.soul.detection.rules import rule_book
from acs_sidecar.engines.adapters.soul.detection.terms import parse_term
from tests.engines.adapters.soul.merged import MERGED, merged_text


def test_the_merged_rules_are_up_to_date() -> None:
    """A change of the rules is not in force before `make soul-rules` merged them."""
    assert MERGED.read_text() == merged_text(), "run `make soul-rules`"


def test_every_term_can_be_read() -> None:
    """The service reads a term when a text has its first word: a fault would be found in some files alone."""
    texts = {text for terms in rule_book().index.sets for text in terms}
    assert len(texts) > 8_000
    assert {parse_term(text).text for text in texts} == texts
