"""Typographic variants: what typesetting and other scripts made of a number is read as it was meant, where it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.detectors.typography import typed
from tests.detectors.detected import detected, spans

SPACES = "\u00a0\u2002\u2003\u2007\u2009\u202f\u205f\u3000\u000b"
HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"
UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u202c\u2069\x01\x1b\x7f\x85"
ARABIC_INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(
    ("written", "category"),
    [
        ("4111 1111 1111 1111", "card"),
        ("+1 (415) 555-2671", "phone"),
        ("DE89 3704 0044 0532 0130 00", "iban"),
        ("06 12 34 56 78", "phone"),
    ],
)
def test_a_number_with_any_space_is_found_whole(space: str, written: str, category: str) -> None:
    """The span is the number as it stands, typographic spaces included."""
    text = written.replace(" ", space)
    assert spans("pii", f"it is {text} there") == [(category, text)]


@pytest.mark.parametrize("hyphen", HYPHENS)
@pytest.mark.parametrize(
    ("written", "category"),
    [("219-09-9999", "us_ssn"), ("415-555-2671", "phone"), ("4111-1111-1111-1111", "card")],
)
def test_a_number_with_any_hyphen_is_found_whole(hyphen: str, written: str, category: str) -> None:
    """As a word processor makes of it."""
    text = written.replace("-", hyphen)
    assert spans("pii", f"it is {text} there") == [(category, text)]


@pytest.mark.parametrize("mark", UNSEEN)
@pytest.mark.parametrize(
    ("before", "after", "category"),
    [
        ("4111", "111111111111", "card"),
        ("219-0", "9-9999", "us_ssn"),
        ("jo@exa", "mple.com", "email"),
        ("203.0.1", "13.7", "ip_address"),
    ],
)
def test_what_nobody_sees_does_not_split_a_number(mark: str, before: str, after: str, category: str) -> None:
    """Invisible and control characters disappear; what is redacted is all of it."""
    text = before + mark + after
    assert spans("pii", f"at {text} there") == [(category, text)]
    assert detected("pii", f"at {text} there")["redacted"] == f"at [{category}] there"


@pytest.mark.parametrize("digits", [ARABIC_INDIC, FULL_WIDTH])
@pytest.mark.parametrize("written", ["219-09-9999", "4111 1111 1111 1111", "203.0.113.7"])
def test_digits_of_any_script_are_digits(digits: dict[int, int], written: str) -> None:
    """Full width, Arabic-Indic and the like."""
    assert len(spans("pii", f"x {written.translate(digits)} y")) == 1


@pytest.mark.parametrize("mark", ["\u200b", "\u00ad", "\x01"])
def test_secrets_and_commands_are_read_without_what_nobody_sees(mark: str) -> None:
    """The same folding stands before every expression."""
    assert detected("secrets", f"pass{mark}word = fak{mark}e12345x")["flagged"]
    assert detected("shell_risk", f"r{mark}m -r{mark}f /")["flagged"]


def test_a_separator_in_a_text_separates_nothing() -> None:
    """NUL stands between the texts of a value; one inside of a text is a control character like others."""
    assert spans("pii", "41\x0011 1111 1111 1111") == [("card", "41\x0011 1111 1111 1111")]
    assert detected("pii", ["219-09\x00-9999", "x"])["redacted"] == ["[us_ssn]", "x"]
    assert detected("pii", ["4111 1111", "1111 1111"])["findings"] == []


@given(st.text(st.one_of(st.characters(), st.sampled_from(UNSEEN + SPACES + HYPHENS)), max_size=40))
def test_every_place_in_what_is_typed_is_one_in_the_text(text: str) -> None:
    """The span of a character is the one that was replaced by it; typing again changes nothing."""
    whole = typed(text)
    assert len(whole.shown) == len(text)
    assert typed(whole.text).text == whole.text
    for index, character in enumerate(whole.text):
        start, end = whole.span(index, index + 1)
        assert end - start == 1
        assert typed(text[start]).text == character
