"""Rego text that would crash or hang the engine is refused before it is parsed (section 1.7)."""

import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.engines.rego.analysis.bounds import (
    MAX_BRACKETS,
    MAX_DEPTH,
    MAX_MODULE_BYTES,
    MAX_SOURCE_BYTES,
    MAX_WORK,
    check_bounds,
)
from acs_sidecar.engines.rego.sources import Module
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.reasons import Reason
from tests.engines.rego.policies import definition, evaluate, findings, refused

REMEDY = "move the inner parts to rules of their own"
DEEP_BRACKETS = f"brackets nest deeper than {MAX_BRACKETS}: {REMEDY}"
DEEP_EXPRESSION = f"an expression nests or chains deeper than {MAX_DEPTH}: {REMEDY}"
TOO_MUCH_WORK = f"so many nested brackets take too long to parse: {REMEDY}"


def _nested(opening: str, closing: str, levels: int, inner: str = "1") -> str:
    return f"package a\nx := {opening * levels}{inner}{closing * levels}"


def _message(text: str) -> str | None:
    """Tell what the bounds say to a text, if anything."""
    try:
        check_bounds([Module(SourceLocation("policies.main.modules", "a.rego"), text, 1)])
    except ManifestError as error:
        (found,) = error.diagnostics
        assert (error.reason, found.code) == (Reason.RESOURCE_LIMIT_EXCEEDED, "policy-bound-exceeded")
        return found.message
    return None


@pytest.mark.parametrize(
    ("opening", "closing"), [("[", "]"), ("{", "}"), ('{"a": ', "}"), ("f([", "])"), ("([", "])")]
)
def test_brackets_nest_twelve_levels(opening: str, closing: str) -> None:
    """The engine's parser doubles its time with each `[` and `{`; parentheses between make no difference."""
    assert _message(_nested(opening, closing, MAX_BRACKETS)) is None
    assert _message(_nested(opening, closing, MAX_BRACKETS + 1)) == DEEP_BRACKETS


def test_a_bound_names_its_place() -> None:
    """The first bracket that is too deep, counted in lines and characters."""
    error = refused(definition("package a\n\ny := 1\nx := " + "[" * 13 + "]" * 13))
    assert error.reason is Reason.RESOURCE_LIMIT_EXCEEDED
    assert [str(found) for found in error.diagnostics] == [
        f"a.rego:4:18: policies.main.modules: {DEEP_BRACKETS}"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "package a\nx := " + '"[[[[[[[[[[[[[[["',
        'package a\nx := "a\\"[[[[[[[[[[[[[[[[["',
        'package a\nx := "a\\\\" # "[[[[[[[[[[[[[[[[[',
        'package a\nx := `"[[[[[[[[[[[[[\n[[[[[[[[[[\\`',
        'package a\n# [[[[[[[[[[[[[[[[[[[[[[[[ ` "\nx := 1',
        "package a # '\nx := 1 # '[[[[[[[[[[[[[[[[[[[[",
    ],
)
def test_brackets_in_text_and_comments_do_not_count(text: str) -> None:
    """Strings, raw strings and comments are skipped the way the engine's lexer does."""
    assert _message(text) is None
    evaluate(definition(text))


HIDDEN = "[" * 13


@pytest.mark.parametrize(
    "text",
    [
        f'package a\nx := "\\\\" \ny := {HIDDEN}',
        f"package a\nx := `\\`\ny := {HIDDEN}",
        f'package a\nx := `"`\ny := {HIDDEN} # "',
        f"package a\n# `\ny := {HIDDEN} # `",
        f'package a\n# "\r\ny := {HIDDEN}',
        f'package a\nx := "#"\ny := {HIDDEN}',
        f"package a\nx := 'a\ny := {HIDDEN}'",
        f"package a\nx := 1)]}}\ny := {HIDDEN}",
        "package a\nx := [)[)[)[)[)[)[)[)[)[)[)[)[)",
        f"package a\nx := {{]{HIDDEN}",
    ],
)
def test_brackets_cannot_be_hidden(text: str) -> None:
    """What looks like text or like a closed bracket, and is not, counts."""
    assert _message(text) == DEEP_BRACKETS


LITERALS = st.one_of(
    st.text(alphabet="[]{}()|\"\\`#/nu0041\n' ", max_size=8).map(
        lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    ),
    st.text(alphabet="[]{}()|\"\\#\n' ", max_size=8).map(lambda text: f"`{text}`"),
    st.text(alphabet='[]{}()|"\\`# ', max_size=8).map(lambda text: f"1 #{text}\n"),
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(LITERALS, min_size=1, max_size=3), min_size=1, max_size=15))
def test_the_scan_keeps_in_step_with_the_lexer(levels: list[list[str]]) -> None:
    """Whatever literals lie around, the brackets that count are those that the parser opens."""
    text = ""
    for literals in levels:
        text = "[" + ",".join([*literals, text] if text else literals) + "]"
    text = f"package a\nx := {text}"
    if len(levels) > MAX_BRACKETS:
        assert _message(text) == DEEP_BRACKETS
    else:
        assert _message(text) is None
        assert len(evaluate(definition(text))) >= len(levels[-1])  # type: ignore[arg-type]  # a list


@pytest.mark.parametrize(
    "text",
    [
        "package a\nx := 1" + " + 1" * (MAX_DEPTH + 1),
        "package a\nx := 1" + "\n+ 1" * (MAX_DEPTH + 1),
        "package a\nx if 1" + " == 1" * (MAX_DEPTH + 1),
        "package a\nx if 1" + " in [1]" * (MAX_DEPTH + 1),
        "package a\nx := {1}" + " | {1}" * (MAX_DEPTH + 1),
        "package a\nx := input" + ".y" * (MAX_DEPTH + 1),
        "package a\nx := input" + "[0]" * (MAX_DEPTH + 1),
        "package a\nx := 1 " + "- " * (MAX_DEPTH + 1) + "1",
        _nested("abs(", ")", MAX_DEPTH + 1),
        _nested("(1 + ", ")", MAX_DEPTH),
        _nested("(", " + 1)", MAX_DEPTH // 2 + 1),
    ],
)
def test_an_expression_is_not_endlessly_deep(text: str) -> None:
    """What the engine builds is walked recursively: a chain is as deep as it is long."""
    assert _message(text) == DEEP_EXPRESSION


@pytest.mark.parametrize(
    "text",
    [
        "package a\nx := 1" + " + 1" * (MAX_DEPTH - 1),
        "package a\nx if {\n" + "input.a.b == 1\n" * 500 + "}",
        "package a\nx if {" + "input.a.b == 1; " * 500 + "true }",
        "package a\nx := [" + "1 + 1, " * 500 + "1]",
        "package a\n" + "x if input.a == 1\n" * 500,
        "package a\nx := 1 if input.a\n" + "else := 2 if input.b\n" * 500,
        "package a\nx if true" + " with input.a as 1" * 500,
        "package a\nx if {\n" + "[a, b] = [1, 2]\n" * 500 + "}",
        "package a\nx if {\n" + "f(1)\n(1 + 1) == 2\n" * 500 + "}",
        "package a\nx if {\n" + "some a in [1]\nnot a == 2\nevery b in [1] { b == 1 }\n" * 500 + "}",
    ],
)
def test_long_is_not_deep(text: str) -> None:
    """Statements, elements, rules, `else` and `with` are lists: each begins anew."""
    assert _message(text) is None


def test_a_text_is_not_endlessly_long() -> None:
    """A module and a policy have bounds of their own."""
    line = "# " + "x" * 60 + "\n"
    long = "package a\nx := 1\n" + line * (MAX_MODULE_BYTES // len(line))
    assert _message(long) == f"exceeds {MAX_MODULE_BYTES} bytes"
    module = long[: MAX_MODULE_BYTES - 1]
    count = MAX_SOURCE_BYTES // len(module)
    names = {f"{number}.rego": module for number in range(count + 1)}
    assert findings(definition(names)) == [
        f"policy-bound-exceeded: {count}.rego: policies.main.modules: brings the Rego text to more than "
        f"{MAX_SOURCE_BYTES} bytes"
    ]


def test_bytes_are_counted_and_not_characters() -> None:
    """A module of wide characters is as long as its bytes."""
    assert _message("package a\n# " + "€" * (MAX_MODULE_BYTES // 3)) == f"exceeds {MAX_MODULE_BYTES} bytes"


def test_a_nul_is_refused() -> None:
    """The engine takes it for the end of the text, and would not see the rules behind it."""
    assert findings(definition("package a\nx := 1\n# \0\nx := 2")) == [
        "policy-bound-exceeded: a.rego:3:3: policies.main.modules: holds a NUL, where the engine stops to read"
    ]


COSTLY = [
    _nested("[", "]", 10, "1, " * 1_000 + "1"),
    _nested("[1|", ",1]", 12),
    _nested("{1:1|", ",2:1}", 12),
    _nested("[1|[", "],1]", 6, "1, " * 100 + "1"),
    _nested("{{1|", ",1}:1}", 6, "1, " * 100 + "1"),
]


@pytest.mark.parametrize("text", COSTLY)
def test_nesting_that_is_wide_or_ambiguous_is_refused(text: str) -> None:
    """Twelve levels are not the whole of it: behind a `|` each costs three times, and width multiplies."""
    assert _message(text) == TOO_MUCH_WORK


def test_the_work_of_all_modules_counts() -> None:
    """Many modules are no way round the bound."""
    text = _nested("[", "]", 12, "1, " * 100 + "1")
    assert _message(text) is None
    names = {f"{number}.rego": text.replace("x", f"x{number}") for number in range(10)}
    assert [found.message for found in refused(definition(names)).diagnostics] == [TOO_MUCH_WORK]


@pytest.mark.server
@pytest.mark.parametrize(
    ("opening", "closing", "levels"),
    [("[", "]", 12), ("[1|", ",1]", 11), ("{", "}", 12), ("{{1|", ",1}:1}", 6), ("[1|[", "],1]", 6)],
)
def test_what_passes_is_parsed_in_time(opening: str, closing: str, levels: int) -> None:
    """The costliest text that the bounds let through takes a second or two, on a slow machine even."""
    width = 1
    while _message(_nested(opening, closing, levels, "1, " * width * 2 + "1")) is None:
        width *= 2
    text = _nested(opening, closing, levels, "1, " * width + "1")
    assert _message(text) is None
    program = "import regorus, sys\nregorus.Engine().add_policy('a', sys.stdin.read())"
    subprocess.run(
        [sys.executable, "-c", program],
        input=text,
        text=True,
        check=True,
        capture_output=True,
        timeout=60,
        env={"RUST_BACKTRACE": "0"},
    )


def test_the_scan_itself_is_quick() -> None:
    """Quotes that are never closed, and anything else, cost a scan of the text once."""
    for text in ('"\\', "[]", "`", '"\\" ', "x.y\n", "#[", "|", "1+"):
        start = time.process_time()
        _message("package a\n" + text * (200_000 // len(text)))
        assert time.process_time() - start < 5


def test_the_bounds_leave_room() -> None:
    """A policy of a thousand ordinary rules uses a small part of what is allowed."""
    rule = """
deny contains {"code": "c{n}", "message": sprintf("%v is over {n}", [input.snapshot.amounts[i]])} if {
	some i, amount in input.snapshot.amounts
	amount > {n}
	not input.snapshot.labels[i] in {"internal", "test"}
	count([label | some label in input.snapshot.labels; startswith(label, "x")]) == 0
}
"""
    text = "package a\n" + "".join(rule.replace("{n}", str(number)) for number in range(500))
    assert _message(text) is None
    assert MAX_WORK == 2_000_000
