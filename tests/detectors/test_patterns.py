"""`patterns`: what is read, what is found in which form of a text, what is refused and where."""

import re
from typing import Any

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.detectors.own_patterns.legible import legible
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json
from tests.detectors.detected import detected


def _spans(value: Any, *patterns: str) -> list[tuple[int, int]]:
    return [
        (each["start"], each["end"]) for each in detected("patterns", value, patterns=[*patterns])["findings"]
    ]


def test_an_annotation_is_that_of_the_other_detectors() -> None:
    """Categories are the names of expressions, numbers in a list, and those of presets."""
    assert detected(
        "patterns",
        {"note": "secret, jo@corp.example", "secret": [12]},
        patterns={"word": "secret", "number": r"^\d+$"},
        presets=["pii_email"],
        replacement="[$1]",
    ) == {
        "flagged": True,
        "score": 1.0,
        "label": "number",
        "categories": ["number", "pii_email", "word"],
        "findings": [
            {"category": "word", "start": 0, "end": 6, "path": ".note"},
            {"category": "pii_email", "start": 8, "end": 23, "path": ".note"},
            {"category": "word", "start": 0, "end": 6, "path": ".secret", "of_name": True},
            {"category": "number", "start": 0, "end": 2, "path": ".secret[0]"},
        ],
        "redacted": {"note": "[$1], [$1]", "[$1]": ["[$1]"]},
    }
    listed = detected("patterns", "b a", patterns=["a", "b"])
    assert (listed["categories"], listed["redacted"]) == (
        ["pattern_1", "pattern_2"],
        "[pattern_2] [pattern_1]",
    )
    assert "redacted" not in detected("patterns", "a", patterns=["a"], redact=False)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "se\u200bcret",
            "se\u00adcret",
            "sec\u2060ret",
            "s\ufeff\u180eecret",
            "s\u202eecret",
            "se\U000e0061cret",
        ),
        *(
            "ѕecret",
            "sесret",
            "s\u0301ecret",
            "sécret",
            "ｓｅｃｒｅｔ",
            "𝐬𝐞𝐜𝐫𝐞𝐭",
            "ⓢⓔⓒⓡⓔⓣ",
            "se\x08cret",
            "se\ufe0fcret",
        ),
    ],
)
def test_a_word_is_found_as_it_is_seen(written: str) -> None:
    """Invisible characters, accents, wide forms and look-alikes hide nothing, and the whole of it is redacted."""
    assert detected("patterns", f"a {written}!", patterns=["secret"])["redacted"] == "a [pattern_1]!"


def test_a_word_is_also_found_as_it_is_written() -> None:
    """An expression for the disguise itself matches it; what is only seen leaves case and punctuation alone."""
    assert _spans("se\u200bcret", "\u200b") == [(2, 3)]
    assert _spans("Secret s-e-c-r-e-t", "secret") == []
    assert _spans("conﬁdential", "confidential") == [(0, 11)]
    assert _spans("секрет", "cekpet") == []  # a word of its own script


@pytest.mark.parametrize(
    ("value", "pattern", "spans"),
    [
        (["xa", "ax"], "^a", [(0, 1)]),
        (["xa", "ax"], "a$", [(1, 2)]),
        (["xa", "ax"], r"\Aax\z", [(0, 2)]),
        (["a\nb"], "(?m)^b$", [(2, 3)]),
        (["se", "cret"], "secret", []),
        (["a", "b"], "a.?b", []),
        (["a", "b"], "[^x]b", []),
        ("äöü x", "x", [(4, 5)]),
        ("äxöx", "x", [(1, 2), (3, 4)]),
        ("aaa", "a*", [(0, 3), (3, 3)]),
        ("", "a*", [(0, 0)]),
        ({"a": None, "b": True, "c": 1.5}, "null|true", []),
        ({"a": {"b": [[{"secret": 0}]]}}, "secret", [(0, 6)]),
        ("\ud800 x", "x", [(2, 3)]),
        ("x", "(?P<n>x)|(?P<n>y)", [(0, 1)]),
        ("X", "(?i)x", [(0, 1)]),
        ("x X", "(?i:y)|x", [(0, 1)]),
    ],
)
def test_an_expression_matches_one_text_at_a_time(value: Any, pattern: str, spans: list[Any]) -> None:
    """Anchors are those of each text, and nothing is matched across two."""
    assert _spans(value, pattern) == spans


def test_only_what_is_not_empty_is_redacted() -> None:
    """An expression that matches nothing flags, and leaves the text as it is."""
    found = detected("patterns", "b", patterns=["a*"])
    assert found["flagged"]
    assert "redacted" not in found


def test_presets_are_found_by_the_rules_of_the_other_detectors() -> None:
    """Each finds its own and nothing of the others."""
    texts = {
        "pii_ssn": "123-45-6789",
        "pii_email": "a@b.example",
        "pii_phone": "+1 415 555 0132",
        "pii_credit_card": "4111 1111 1111 1111",
        "pii_secret": "password = hunter2hunter2",
    }
    for preset, text in texts.items():
        assert detected("patterns", text, presets=[preset])["categories"] == [preset]
        others: list[Json] = [each for each in texts if each != preset]
        assert not detected("patterns", text, presets=others)["flagged"], preset


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "patterns: must have at least one expression, or `presets` one name"),
        ({"patterns": []}, "patterns: must have at least one expression, or `presets` one name"),
        ({"patterns": None}, "patterns: must be a list of expressions, or map names to expressions"),
        ({"patterns": ["a", 1]}, "patterns: must be a list of expressions, or map names to expressions"),
        ({"patterns": [""]}, "patterns: must be a list of expressions, or map names to expressions"),
        ({"patterns": {" ": "a"}}, "patterns: a name must not be blank"),
        ({"patterns": ["a"] * 257}, "patterns: must have at most 256 expressions"),
        ({"patterns": ["a"], "replacement": 1}, "replacement: must be a string"),
        ({"patterns": ["a"], "redact": "no"}, "redact: must be true or false"),
        (
            {"presets": ["email"]},
            "presets: must be a list of at least one of `pii_credit_card`, `pii_email`, `pii_phone`, `pii_secret`,"
            " `pii_ssn`",
        ),
        ({"patterns": ["a", "x(b"]}, "patterns[1]: is not an expression of RE2: missing ) at column 2"),
        ({"patterns": {"n": "a)"}}, "patterns.n: is not an expression of RE2: unexpected ) at column 2"),
        ({"patterns": [r"[^\]a"]}, "patterns[0]: is not an expression of RE2: missing ] at column 1"),
        (
            {"patterns": [r"é\q"]},
            "patterns[0]: is not an expression of RE2: invalid escape sequence `\\q` at column 2",
        ),
        (
            {"patterns": ["a(?=b)"]},
            "patterns[0]: is not an expression of RE2: invalid perl operator `(?=` at column 2",
        ),
        (
            {"patterns": [r"(a)\1"]},
            "patterns[0]: is not an expression of RE2: invalid escape sequence `\\1` at column 4",
        ),
        (
            {"patterns": ["a{2000}"]},
            "patterns[0]: is not an expression of RE2: invalid repetition size `{2000}` at column 2",
        ),
        ({"patterns": [r"a\Cb"]}, "patterns[0]: `\\C` at column 2 matches part of a character"),
        ({"patterns": ["\ud800"]}, "patterns[0]: holds a lone surrogate"),
        ({"patterns": ["a" * 4097]}, "patterns[0]: is longer than 4,096 characters"),
        (
            {"patterns": [f"{letter}(?:[a-z]{{1000}}){{1}}" * 20 for letter in "abcdefghijklmnopqrst"]},
            "patterns[9]: compiles, with those before it, to more than 200,000 instructions: shorten it",
        ),
        (
            {"patterns": ["a"], "pattern": "b"},
            "pattern: unknown member, did you mean `patterns`?; must be one of",
        ),
    ],
)
def test_what_cannot_be_matched_is_refused(options: Any, message: str) -> None:
    """By the member, and where RE2 refuses an expression by the column."""
    with pytest.raises(ManifestError) as caught:
        detected("patterns", "x", **options)
    assert str(caught.value.diagnostics[0]).partition("annotators.a.")[2].startswith(message)


def test_members_that_would_have_one_name_are_not_redacted() -> None:
    """Two names that become the same one fail the annotation, and so deny."""
    with pytest.raises(EvaluationError, match="two members of an object the same name"):
        detected("patterns", {"a1": 1, "a2": 2}, patterns=[r"\d"])


@given(
    st.text(alphabet="ab\u200bаéﬁ\ud800𝐚0 ", max_size=12),
    st.sampled_from(["a", "b+", "a|ﬁ", "[^a]", "^a", "a b", "fi"]),
)
def test_every_match_of_the_text_as_written_is_found(text: str, pattern: str) -> None:
    """Whatever RE2 matches in the text lies within a finding, and spans are within the text."""
    readable = text.encode(errors="replace").decode()
    spans = _spans(text, pattern)
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    for match in re2.finditer(pattern, readable):
        assert any(start <= match.start() and match.end() <= end for start, end in spans)


@given(st.text(max_size=30))
def test_what_is_seen_is_placed_in_what_is_written(text: str) -> None:
    """Each character that is seen comes from the place that its span names."""
    shown = legible(text)
    if shown is None:
        return
    assert len(shown.text) <= 18 * len(text)
    for index in range(len(shown.text)):
        start, end = shown.span(index, index + 1)
        assert end == start + 1
        single = legible(text[start])
        assert shown.text[index] in (text[start] if single is None else single.text) or re.match(
            r"\w", shown.text[index]
        )


def test_many_texts_and_many_expressions_cost_one_pass_where_none_occurs() -> None:
    """The work for a value without a match does not grow with the number of expressions."""
    patterns: list[Json] = [f"word{number}x+" for number in range(256)]
    value: list[Json] = [f"text {number}" for number in range(2_000)]
    assert not detected("patterns", value, patterns=patterns)["flagged"]
