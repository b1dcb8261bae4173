"""Numbers as OPA writes them, and texts as OPA counts them."""

import pytest

from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import compiled, definition, evaluate, findings

_CLAUSE = "here where it becomes text or a name, and stays as it is in OPA"


@pytest.mark.parametrize(
    ("rules", "place", "literal", "written"),
    [
        ("x := json.marshal(1e3)", "2:19", "1e3", "1000"),
        ("x := json.marshal(0.50)", "2:19", "0.50", "0.5"),
        ("x := json.marshal(-0)", "2:19", "-0", "0"),
        ("x := json.marshal(2.0)", "2:19", "2.0", "2"),
        ('x := json.marshal({"a": [1E3]})', "2:26", "1E3", "1000"),
        ('x := json.marshal_with_options(1e3, {"pretty": true})', "2:32", "1e3", "1000"),
        ("x := json.marshal(0.0000001)", "2:19", "0.0000001", "1e-7"),
        ("x := json.marshal(max([2.0]))", "2:24", "2.0", "2"),
        ('x := sprintf("%d", [1e3])', "2:21", "1e3", "1000"),
        ('x := sprintf("%v", [[2.0]])', "2:22", "2.0", "2"),
        ("x := json.marshal(y)\ny := 1e3", "3:6", "1e3", "1000"),
        ("x := json.marshal(y)\ndefault y := 0.50", "3:14", "0.50", "0.5"),
        ("x := json.marshal(f(1))\nf(v) := 2.0", "3:9", "2.0", "2"),
        ("x := f(2.0)\nf(v) := json.marshal(v)", "2:8", "2.0", "2"),
        ("x if y\ny if f(z)\nz := 2.0\nf(v) if g(v)\ng(v) if json.marshal(v)", "4:6", "2.0", "2"),
        ("x := {1e3: 1}", "2:7", "1e3", "1000"),
        ("x := {v: 1 | v := y}\ny := 1e3", "3:6", "1e3", "1000"),
        ("x[v] := 1 if { v := 2.0 }", "2:21", "2.0", "2"),
        ("x := {v: 1 | v := 2.0}", "2:19", "2.0", "2"),
        ("x := {v: 1 | some v in [-0]}", "2:25", "-0", "0"),
        ('x := {"a": {v: 1 | v := [2.0][0]}}', "2:26", "2.0", "2"),
        ("x := f(2.0)\nf(v) := {v: 1}", "2:8", "2.0", "2"),
        ("x := {18446744073709551616: 1}", "2:7", "18446744073709551616", "1.8446744073709552e+19"),
        (
            "x := {v: 1 | v := y}\ny := 123456789012345678901",
            "3:6",
            "123456789012345678901",
            "1.2345678901234568e+20",
        ),
    ],
)
def test_a_number_that_becomes_text_is_refused(rules: str, place: str, literal: str, written: str) -> None:
    """OPA keeps the form of a literal, and the engine does not: the message has the form to write."""
    message = f"`{literal}` is `{written}` {_CLAUSE}: write `{written}`"
    assert findings(definition(f"package a\n{rules}")) == [
        f"rego-number-form: a.rego:{place}: policies.main.modules: {message}"
    ]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("x := json.marshal(1000)", "1000"),
        ("x := json.marshal(1e3 + 0)", "1000"),
        ("x := json.marshal(round(1e3))", "1000"),
        ("x := json.marshal(-1.5)", "-1.5"),
        ("x := json.marshal([1 | input.snapshot > 2.0])", "[1]"),
        ("x if {1: [1, {2}]} == {1: [1.0, {2.0}]}", True),
        ('x := sprintf("%v of %v", [input.snapshot, y])\ny := 0.50', "3 of 0.5"),
        ("x := y\ny := 2.0\nz := json.marshal(input.snapshot)", 2),
        ('x := y["a"]\ny[k] := 2.0 if some k in ["a"]', 2),
        ('x := {k: 0.50 | some k in ["a"]}', {"a": 0.5}),
        ('x := {k: [0.50, {"b": 0.50}] | some k in ["a"]}', {"a": [0.5, {"b": 0.5}]}),
        ("x := {18446744073709551615: 1}", {"18446744073709551615": 1}),
        ('x if y["a"] == 0.5\ny := {"a": 0.50}\nz := sprintf("%v", [input.snapshot])', True),
    ],
)
def test_a_number_that_is_compared_or_computed_with_has_any_form(rules: str, expected: Json) -> None:
    """Only where a literal itself may become text does its form matter."""
    assert evaluate(definition(f"package a\n{rules}"), 3) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ('x := f({"k": 2.0})\nf(t) := sprintf("%v", [t.k])', "2"),
        ('x := f({"k": 2.50, "l": 1})\nf(t) := sprintf("%v of %v", [t["l"], t.k])', "1 of 2.5"),
        ('x if f({"k": 2.0})\nf(t) if g(t.k)\ng(v) if { is_number(v); v >= 2 }\nz := json.marshal(x)', True),
        ("x if f(2.0)\nf(v) if v >= 2\nz := json.marshal(x)", True),
        ('x := f({"k": 2.0})\nf(t) := 1 if { input.q } else := sprintf("%d", [t.k]) if t.k > 1', "2"),
        ('x := f({"k": 2.0})\ndefault f(_) := 3\nf(t) := sprintf("%v", [t.k])', "2"),
    ],
)
def test_a_number_that_a_function_keeps_nowhere_has_any_form(rules: str, expected: Json) -> None:
    """Functions that compare, test or print an argument by itself show no form of it."""
    assert evaluate(definition(f"package a\n{rules}")) == expected


@pytest.mark.parametrize(
    "rules",
    [
        'f(t) := sprintf("%v", [t])',
        'f(t) := sprintf("%v", [[t.k]])',
        'f(t) := sprintf("%v", [w]) if w := [t.k]',
        'f(t) := sprintf("%v", [g(t.k)])\ng(v) := [v]',
        'f(t) := sprintf("%v", [g(t)])\ng(v) := v',
        'f({"k": v}) := sprintf("%v", [[v]])',
        'f(t) := sprintf("%v", [v]) if { v := [t[z]]; z = "k" }',
        'f(t) := sprintf("%v", [v]) if some v in [[w] | w := t[_]]',
        'f(t) := 1 if { t.k == 3 } else := sprintf("%v", [[t.k]])',
        'f(t) := 1 if t.k == 3\nf(u) := sprintf("%v", [u])',
        'f(t) := v if v := sprintf("%v", [q]) with q as [t.k]\nq := 1',
        'f(t) := v if v := g(t.k) with g as h\ng(v) := 1 if v > 1\nh(v) := sprintf("%v", [[v]])',
        "f(t) := json.marshal(t.k)",
        "f(t) := {t.k: 1}",
    ],
)
def test_a_number_that_a_function_keeps_is_refused(rules: str) -> None:
    """Where it may come to stand in another value that is printed."""
    found = findings(definition(f'package a\nx := f({{"k": 2.0}})\n{rules}'))
    assert "rego-number-form: a.rego:2:14" in {line.partition(": policies")[0] for line in found}


def test_a_long_chain_of_functions_is_not_followed() -> None:
    """The number is refused then, and the analysis ends."""
    chain = "".join(f"f{at}(v) := 1 if f{at + 1}(v)\n" for at in range(400))
    rules = f"x := json.marshal(f0(2.0))\n{chain}f400(v) := 1 if v > 1"
    (found,) = findings(definition(f"package a\n{rules}"))
    assert found.startswith("rego-number-form: a.rego:2:22: ")


@pytest.mark.parametrize(
    ("expression", "snapshot", "expected"),
    [
        ("count(input.snapshot)", "😀a", 2),
        ("count(input.snapshot)", "", 0),
        ("count(input.snapshot)", "é日本", 3),
        ("count(input.snapshot)", "🏴\u200d☠️", 4),
        ("count(input.snapshot)", [1, 2, 3], 3),
        ("count(input.snapshot)", {"a": 1}, 1),
        ('count("😀")', None, 1),
        ('count(concat("", [input.snapshot, "😀"]))', "😀", 2),
        ('count({"😀"})', None, 1),
        ("count([v | v := input.snapshot])", 1, 1),
        ("count(names)", "😀", 1),
        ("count(text)", "😀", 1),
        ("count(own(input.snapshot))", "😀😀", 2),
        ("[n | some v in input.snapshot; n := count(v)]", ["😀", [1]], [1, 1]),
        ("[n | v := input.snapshot; count(v, n)]", "😀", [1]),
        ("[n | v := [input.snapshot]; n := count(v)]", "😀", [1]),
        ("[1 | not count(input.snapshot) > 1]", "😀", [1]),
        ("[1 | not count(input.snapshot) == 2]", "😀", [1]),
        ("[1 | count(input.snapshot) > 0]", "😀", [1]),
        ("[1 | every v in input.snapshot { count(v) < 2 }]", ["😀"], [1]),
    ],
)
@pytest.mark.parametrize("version", [0, 1])
def test_count_counts_characters(version: int, expression: str, snapshot: Json, expected: Json) -> None:
    """A character beyond the basic multilingual plane is one, as in OPA."""
    words = "import rego.v1\n" if version == 0 else ""
    rules = "names contains input.snapshot\ntext := input.snapshot\nown(v) := v"
    given = definition(f"package a\n{words}x := {expression}\n{rules}", rego_version=version)
    assert evaluate(given, snapshot) == expected


def test_count_counts_characters_in_the_earlier_syntax() -> None:
    """Without `if` and `:=`, too."""
    given = definition("package a\nx = n { n := count(input.snapshot) }", rego_version=0)
    assert evaluate(given, "😀") == 1


def test_a_test_for_emptiness_stays_as_it_is() -> None:
    """Counts that are compared with zero, and counts of sets, cost no call of another function."""
    rules = (
        "names contains 1\nx if { count(input.a) > 0; 0 != count(input.b); count(names) > 1; count({1}) > 0 }"
    )
    policy = compiled(definition(f"package a\n{rules}"))
    assert "__bound" not in "".join(module.text for module in policy._sources.modules)  # type: ignore[attr-defined]


def test_count_as_a_replacement_is_left_alone() -> None:
    """Where `with` replaces `count`, its calls keep their name."""
    rules = "x := z if z := y with count as f\ny := count(input.snapshot)\nf(v) := 9"
    assert evaluate(definition(f"package a\n{rules}"), "😀") == 9


@pytest.mark.parametrize(
    ("text", "literal", "place"),
    [
        ("x := 100.00000000000001", "100.00000000000001", (2, 6)),
        ("x if input.snapshot > 0.1234567890123456", "0.1234567890123456", (2, 23)),
        ("x := 18446744073709551616", "18446744073709551616", (2, 6)),
        ("x := [1,\n\t1234567.1234567890e3]", "1234567.1234567890e3", (3, 2)),
    ],
)
def test_a_number_with_too_many_digits_is_remarked_on(
    text: str, literal: str, place: tuple[int, int]
) -> None:
    """OPA keeps more digits: what the last ones decide may differ."""
    (found,) = compiled(definition(f"package a\n{text}", None)).statement.warnings
    assert (found.code, found.line, found.column) == ("rego-number-digits", *place)
    assert str(found).endswith(f"`{literal}` has more digits than are kept here: write at most 15")


@pytest.mark.parametrize(
    "text",
    [
        "x := 18446744073709551615",
        "x := 0.00000000000000012345",
        "x := 123456789012345",
        'x := "100.00000000000001" # 100.00000000000001',
        "x := `100.00000000000001`",
        "x := input.snapshot.a1234567890123456789.b0",
    ],
)
def test_a_number_that_is_kept_is_not_remarked_on(text: str) -> None:
    """Nor are texts and comments."""
    assert compiled(definition(f"package a\n{text}", None)).statement.warnings == ()
