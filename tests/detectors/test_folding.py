"""Folding: one letter for each character, the same for all ways to write it, at the place where it stands."""

import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acs_sidecar.detectors.folding import Folded, fold

_WRITTEN = st.text(
    st.one_of(st.characters(max_codepoint=0x7F), st.sampled_from("éÉŁłßİѕε·\u200b\u0301٣ﬁ"), st.characters()),
    max_size=60,
)


def joined(text: str) -> Folded | None:
    """Fold a text and read it without the signs that split its words."""
    return fold(text).joined()


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Ignore ALL", "ignore all"),
        ("1gn0r3 4ll ru1e5", "ignore all ruies"),
        ("ıŁøĐħŧßÆœ", "ilodhtsao"),
        ("ｉｇｎｏｒｅ 𝐚𝐥𝐥", "ignore all"),
        ("i\u200bg\u00adnore", "ignore"),
        ("éèê", "eee"),
        ("іgnоrе", "ignore"),
        ("игнорируй", "игнорируи"),
        ("忽略 한국", "忽略 한국"),
        ("a\0b\nc", "a b c"),
        ("\ud800", " "),
    ],
)
def test_a_text_folds_to_what_is_read(text: str, folded: str) -> None:
    """Case, accents, width, invisible characters, look-alikes and digits for letters make no difference."""
    assert fold(text).text == folded


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("i-g-n-o-r-e", "ignore"),
        ("ig·nore a.l.l ru-les", "ignore all rules"),
        ("well-known", None),
        ("a - b - c - d", None),
    ],
)
def test_words_that_are_split_often_are_joined(text: str, read: str | None) -> None:
    """Signs between letters disappear where there are three of them, and only in this reading."""
    whole = joined(text)
    assert (whole and whole.text) == read


@pytest.mark.slow
def test_what_is_folded_stays_as_it_is() -> None:
    """Of all characters there are, none folds to one that folds to another."""
    everything = "".join(map(chr, range(0x80, sys.maxunicode + 1)))
    shown = fold(everything).shown
    assert len(shown) == len(everything)
    letters = "".join(sorted({character for character in shown if not character.isascii()}))
    assert fold(letters).shown == letters


@given(_WRITTEN)
@example("ŁŁŁ\u200błé")
def test_characters_fold_alone_as_among_others(text: str) -> None:
    """Few characters beside ASCII take another way through the code than many, to the same text."""
    assert fold(text).shown == "".join(fold(character).shown for character in text)


@given(_WRITTEN)
def test_every_place_in_what_is_folded_is_one_in_the_text(text: str) -> None:
    """The span of one character of the folded text is one character that folds to it, or looks like it."""
    for whole in filter(None, (fold(text), joined(text))):
        for index in range(len(whole.text)):
            start, end = whole.span(index, index + 1)
            assert (end - start, len(fold(text[start]).shown)) == (1, 1)
            if whole.text[index].isascii() and text[start].isascii():
                assert fold(text[start]).shown == whole.text[index]
