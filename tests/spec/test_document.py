"""Section 1.3: one YAML 1.2 core or JSON document, strict and bounded."""

import json
import time

import orjson
import pytest
from hypothesis import given

from acs_sidecar.spec.document.bounds import MAX_DEPTH, DocumentBoundError, DocumentError, check_bounds
from acs_sidecar.spec.document.text import MAX_TEXT_BYTES, parse_document
from acs_sidecar.spec.values import Json
from tests.strategies import json_values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: no", "no"),
        ("a: yes", "yes"),
        ("a: on", "on"),
        ("a: 010", 10),
        ("a: 1:30", "1:30"),
        ("a: 2020-01-02", "2020-01-02"),
        ("a: 2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
        ("a: 0o17", 15),
        ("a: 0x1F", 31),
        ("a: 1_000", "1_000"),
        ("a: 1e3", 1000.0),
        ("a: .5", 0.5),
        ("a: -0", 0),
        ("a: true", True),
        ("a: False", False),
        ("a: ~", None),
        ("a:", None),
        ("a: null", None),
        ("a: nil", "nil"),
        ('a: "true"', "true"),
        ("a: '1'", "1"),
        ("a: !!str 1", "1"),
        ("a: !!float 1", 1.0),
        ("a: |\n  x\n  y\n", "x\ny\n"),
        ("a: &n [1]\nb: *n", [1]),
        ('{"a": "\\ud83d\\ude00\\/"}', "😀/"),
        ('{\t"a"\t:\t18446744073709551615}', 18446744073709551615),
        ("a: -9223372036854775808", -9223372036854775808),
    ],
)
def test_reads_the_core_schema(text: str, expected: Json) -> None:
    """Plain scalars mean what the YAML 1.2 core schema says, and JSON is a subset."""
    value = parse_document(text).value
    assert isinstance(value, dict)
    assert (value["a"], type(value["a"])) == (expected, type(expected))


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("", "the document is empty", (None, None)),
        ("a: 1\na: 2", "the member `a` occurs twice", (2, 1)),
        ("a: 1 # no\x85b: 2", "U+0085 ends lines in some versions of YAML: write an escape in double quotes", (1, 10)),
        ("a: 1\n# no\u2028b: 2", "U+2028 ends lines in some versions of YAML: write an escape in double quotes", (2, 5)),
        ("a: |\n  x\u2029  y", "U+2029 ends lines in some versions of YAML: write an escape in double quotes", (2, 4)),
        ('{"a": 1,\n "a": 2}', "the member `a` occurs twice", (2, 2)),
        ("<<: {a: 1}", "merge keys (`<<`) are not allowed: repeat the members", (1, 1)),
        ("1: x", "a member name must be a string: quote it", (1, 1)),
        ("true: x", "a member name must be a string: quote it", (1, 1)),
        ("? [a]\n: x", "a member name must be a string", (1, 3)),
        ("a: .inf", "`.inf` is not a finite number", (1, 4)),
        ("a: -.INF", "`-.INF` is not a finite number", (1, 4)),
        ("a: .nan", "`.nan` is not a finite number", (1, 4)),
        ('{"a": NaN}', "`NaN` is not a finite number", (None, None)),
        ('{"a": -Infinity}', "`-Infinity` is not a finite number", (None, None)),
        ("a: 1e999", "a number is not finite", (1, 4)),
        ("a: 18446744073709551616", "`18446744073709551616` does not fit 64 bits", (1, 4)),
        ("a: " + "9" * 10_000, "an integer does not fit 64 bits", (1, 4)),
        ("a: !!python/object:os.system x", "the tag `tag:yaml.org,2002:python/object:os.system` is not a "
         "JSON type", (1, 4)),
        ("a: !secret x", "the tag `!secret` is not a JSON type", (1, 4)),
        *(
            (text, "`!` in front of a value is a YAML tag: put the whole text in quotes", place)
            for text, place in [
                ("a: ! args.approved", (1, 4)),
                ("a: ! 'x'", (1, 4)),
                ("a:\n- ! [1]", (2, 3)),
                ("a: ! {b: 1}", (1, 4)),
                ("a: &b ! x", (1, 4)),
                ("a: !\n  x", (1, 4)),
                ("! a: 1", (1, 1)),
            ]
        ),
        ("a: !!int x", "the tag `tag:yaml.org,2002:int` does not fit its value", (1, 4)),
        ("a: !!map [1]", "the tag `tag:yaml.org,2002:map` does not fit its value", (1, 4)),
        ("a: 1\n---\nb: 2", "more than one document", (2, 1)),
        ("a: *nothing", "the alias `*nothing` has no earlier anchor", (1, 4)),
        ("a: &x [*x]", "the alias `*x` contains itself", (1, 8)),
        ('{"a": "\\ud800"}', "a string holds a lone surrogate", (1, 10)),
        ("a:\n\tb: 1", "not YAML or JSON: a tab is no indentation: indent with spaces", (2, 1)),
        ("é: 1\na:\n  b: 1\n\tc: 1", "not YAML or JSON: a tab is no indentation: indent with spaces", (4, 1)),
        ("a:\n- b\n-\tc: 1\n", "not YAML or JSON: a tab is no indentation: indent with spaces", (3, 2)),
        ("a: |\n\tb", "not YAML or JSON: a tab is no indentation: indent with spaces", (2, 1)),
        ("a: @b", "not YAML or JSON: found character that cannot start any token", (1, 4)),
        ("a: [1", "not YAML or JSON: did not find expected ',' or ']'", (2, 1)),
    ],
)  # fmt: skip
def test_refuses_what_json_cannot_mean(text: str, message: str, place: tuple[int | None, int | None]) -> None:
    """Whatever is not exactly one JSON value is refused, at its line and column."""
    with pytest.raises(DocumentError) as caught:
        parse_document(text)
    assert (caught.value.message, (caught.value.line, caught.value.column)) == (message, place)


def test_refuses_a_lone_surrogate_in_yaml() -> None:
    """The YAML reader refuses an escape that no UTF-8 text can hold."""
    with pytest.raises(DocumentError):
        parse_document('a: "\\ud800"')


def _alias_bomb() -> str:
    lines = ['l0: &l0 ["lol", "lol"]']
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 30)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 65 + "]" * 65,
        "[" * 1_000_000,
        '{"a":' * 70 + "1" + "}" * 70,
        "- " * 70 + "a",
        _alias_bomb(),
        "a: &a " + "x" * 60_000 + "\nb: [" + ", ".join(["*a"] * 20) + "]",
        "[" + ",".join("1" for _ in range(100_001)) + "]",
        json.dumps(["x" * 1000] * 1100),
        "#" * (MAX_TEXT_BYTES + 1),
        "".join(f"%TAG !{n}! a\n" for n in range(100_000)) + "--- a",
        "a\n...\n" + "".join(f"%TAG !{n}! a\n" for n in range(100_000)) + "--- a",
    ],
    ids=[
        "depth",
        "open",
        "objects",
        "yaml-depth",
        "bomb",
        "expanded",
        "nodes",
        "bytes",
        "text",
        "tags",
        "tags-after",
    ],
)
def test_a_bound_ends_quickly(text: str) -> None:
    """Depth, nodes and bytes after expansion are bounded before they are spent."""
    begun = time.process_time()
    with pytest.raises(DocumentBoundError):
        parse_document(text)
    assert time.process_time() - begun < 5.0


def test_an_alias_counts_its_depth() -> None:
    """An alias is as deep as what it stands for, at the place where it stands."""
    deep = "[" * (MAX_DEPTH - 2) + "]" * (MAX_DEPTH - 2)
    assert parse_document(f"a: &a {deep}\nb: *a").value
    with pytest.raises(DocumentBoundError):
        parse_document(f"a: &a {deep}\nb: [[*a]]")


def test_members_keep_their_places() -> None:
    """Line and column of each member, counted from 1."""
    places = parse_document("a:\n  b:\n    - x\n    - c: 1\n").places
    assert places[("a", "b")] == (2, 3)
    assert places[("a", "b", 1)] == (4, 7)
    assert places[("a", "b", 1, "c")] == (4, 7)


@given(json_values())
def test_every_json_text_reads_as_itself(value: Json) -> None:
    """JSON is a subset: whatever a serialiser writes is read back the same."""
    text = orjson.dumps(value).decode()
    assert orjson.dumps(parse_document(text).value) == text.encode()


@pytest.mark.parametrize("value", [[[1]] * 60_000, {"a": "x" * 1_100_000}, ["x"] * 100_000])
def test_a_parsed_value_keeps_to_the_same_bounds(value: Json) -> None:
    """A manifest that came as an object is held to the bounds of a text."""
    with pytest.raises(DocumentBoundError):
        check_bounds(value)
