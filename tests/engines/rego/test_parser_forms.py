"""Forms that OPA reads and the engine's parser does not: they are evaluated, and no line moves."""

import pytest

from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.engines.rego.parser_forms import in_parser_forms
from acs_sidecar.engines.rego.sources import Module
from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import definition, evaluate, findings

LIB = "package a.lib\nlimit := 100\nover(n) if n > limit"


def _rewritten(text: str, version: int = 1) -> str:
    return in_parser_forms(Module(SourceLocation("policies.main", "a.rego"), text, version)).text


@pytest.mark.parametrize(
    "text",
    [
        "package a\nx := lib.limit\nimport data.a.lib",
        "package a\nx := y if { y := lib.limit }\nimport data.a.lib\nz := 1",
        "package a # import data.b\nx := l.limit\n  import   data.a.lib  as   l # why\n",
        'package a\nx := lib.limit\nimport data.a["lib"]\nimport rego.v1',
        "package a\nimport rego.v1\nx := lib.limit\nimport data.a.lib as lib\nimport data.b",
        "package a\ntext := `\nimport data.b as lib\n`\nx := lib.limit\nimport data.a.lib",
    ],
)
def test_an_import_stands_anywhere(text: str) -> None:
    """Below rules, with an alias, in brackets, beside a comment; what a text holds is no import."""
    assert evaluate(definition({"a.rego": text, "lib.rego": LIB})) == 100


@pytest.mark.parametrize(
    "imports",
    [
        "import rego.v1\nimport future.keywords.in",
        "import future.keywords.in\nimport rego.v1",
        "import future.keywords\nimport rego.v1\nimport future.keywords.every",
        "import future.keywords\nimport future.keywords.if",
    ],
)
def test_a_keyword_is_imported_once(imports: str) -> None:
    """What another import brings is left out, and no line moves."""
    text = f"package a\n{imports}\nx if 1 in [1]\n"
    assert evaluate(definition(text)) is True
    assert _rewritten(text).count("\n") == text.count("\n")


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ('package a\nknown("a")\nknown("b")\ndefault x := false\nx if known(input.snapshot)', "b", True),
        ('package a\nknown("a")\nknown("b")\ndefault x := false\nx if known(input.snapshot)', "c", False),
        ('package a\ndefault x := false\nx if known(input.snapshot)\nknown("a") # the only one', "a", True),
        (
            'package a\ndefault x := false\nx if pair(input.snapshot, "z")\npair(\n  "a",\n  "z",\n)',
            "a",
            True,
        ),
        ('package a\ndefault x := false\nx if f.g(input.snapshot)\nf.g([_, "b"])\n', ["a", "b"], True),
        ('package a\ndefault x := false\nx if\n  known(input.snapshot)\nknown("a")', "a", True),
        ("package a\nx := f(1)\nf(z)\n:= z + 1", None, 2),
        ("package a\nx := f(1)\nf(z) if\n  g(z)\ng(z) if z > 0\nelse := false", None, True),
        ("package a\ng(z) := z\nx :=\n  g(7)", None, 7),
    ],
)
def test_a_function_needs_no_body(text: str, value: Json, expected: Json) -> None:
    """It holds for its arguments; a call that goes on a line of its own is no such function."""
    assert evaluate(definition(text), value) == expected


@pytest.mark.parametrize(
    "body",
    [
        "input.snapshot.a\n  (input.snapshot.b - 1) > 1",
        "f(1) # a comment\n  (input.snapshot.b) > 1",
        'input.snapshot["a"]\n\n  (1 + 2) == input.snapshot.b',
        "[v | some v in [input.snapshot.b, 9]\n\tnot v == abs(9)\n\t(v - 1) in {2, 8}] == [3]",
        "[[v |\n\tv := input.snapshot.b\n\tnot v == abs(9)\n\t(v - 1) == 2], [1,\n\t(2)]] == [[3], [1, 2]]",
    ],
)
def test_a_statement_may_begin_with_a_bracket(body: str) -> None:
    """It is no call of the line above."""
    text = f"package a\ndefault x := false\nx if {{\n  {body}\n}}\nf(z) := z"
    assert evaluate(definition(text), {"a": 1, "b": 3}) is True
    assert evaluate(definition(text), {"a": 1, "b": 0}) is False


def test_no_line_and_no_column_moves() -> None:
    """Only the package's line grows, and a head without a body."""
    text = 'package a\nx := 1\nimport data.b # b\nf("a") # f\ny := 2\n'
    assert _rewritten(text) == (
        'package a import data.b\nx := 1\n              # b\nf("a") := true # f\ny := 2\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        "package a\nimport data.b\nx := 1",
        "package a\nx if { y := (\n  (1 + 2) * 3\n); y > 1 }",
        "package a\nx := [\n  1,\n  (2),\n]",
        "package a\nx if f(1)\nf(z) if z > 0",
        'package a\nf(z) = y { y := z }\nx["import"] = 1',
        "package a\nx := [1 |\n  f(1)\n]\nf(z) := z",
    ],
)
def test_other_texts_stay(text: str) -> None:
    """Nothing is rewritten that the parser reads."""
    assert _rewritten(text) == text


def test_an_import_of_keywords_stays_in_version_0() -> None:
    """It would change what the rules above it mean."""
    text = "package a\nx = 1\nimport future.keywords.if\ny = 1 if true"
    assert _rewritten(text, version=0) == text
    (found,) = findings({**definition(text), "rego_version": 0})
    assert found.startswith("rego-syntax: a.rego:3:1: ")


@pytest.mark.parametrize("head", ["d.b", 'd["b"]', "d.b # why"])
@pytest.mark.parametrize("imports", ["", "import future.keywords.if\n"])
def test_a_name_behind_a_dot_is_an_element_of_a_set_in_version_0(imports: str, head: str) -> None:
    """The set has it where the body holds, and is empty where it does not: `d.b` is undefined then."""
    name, _, comment = head.partition(" ")
    text = f"package a\n{imports}{name} {{ {comment}\n input.snapshot }}\nx = [y | y = d.b]\nz = d"
    given = {**definition(text, "data.a"), "rego_version": 0}
    assert evaluate(given, True) == {"d": ["b"], "x": ["b"], "z": ["b"]}
    assert evaluate(given, False) == {"d": [], "x": [], "z": []}


@pytest.mark.parametrize("element", ['s["a"]', "s.a", 's[lower("A")]', 's["a"] # why\n'])
def test_an_element_above_a_default_is_one_of_a_set_in_version_0(element: str) -> None:
    """Iterating over the set finds it, whatever stands below."""
    text = f"package a\n{element}\ndefault x = 1\nx = [y | y = s[_]]"
    assert evaluate({**definition(text), "rego_version": 0}) == ["a"]


@pytest.mark.parametrize(
    "text", ["package", "package a.", "package a\nimport", "x\nimport data.b", "f(", ")\n"]
)
def test_a_text_cut_short_is_left_to_the_parser(text: str) -> None:
    """The rewriting never fails; the parser says what is wrong."""
    _rewritten(text)
    (found,) = findings(definition(text))
    assert found.startswith("rego-syntax: ")


@pytest.mark.parametrize(
    "text", ['$"{input.x} is denied"', "$`a {input.x}`", '[$"a"]', 'y if { y := $"{["b"][0]}" }']
)
def test_a_string_with_values_in_it_is_refused(text: str) -> None:
    """The message tells how to write it."""
    column = text.index("$") + len("x := ") + 1
    assert findings(definition(f"package a\nx := {text}")) == [
        f"rego-syntax: a.rego:2:{column}: policies.main.modules: "
        '`$"…"` is not read here: write `sprintf("… %v …", [value])`, '
        "which has no value where one of its values is undefined"
    ]


@pytest.mark.parametrize("text", ['x := "$" # $"a"', 'x := `$"a`', 'x := ["$", "b"]'])
def test_a_dollar_in_a_text_or_comment_is_no_string_with_values(text: str) -> None:
    """It is left to the parser, which reads it."""
    evaluate(definition(f"package a\n{text}"))


@pytest.mark.parametrize("imported", ["input", "data"])
def test_the_import_of_a_whole_document_is_left_out(imported: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The parser would remark on it, with the line of the policy; a part of it, or another name, stays."""
    text = f"package a\nimport {imported}\nimport input.snapshot\nimport input as given\nx := given.snapshot == snapshot"
    assert evaluate(definition(text), 5) is True
    assert capfd.readouterr() == ("", "")
