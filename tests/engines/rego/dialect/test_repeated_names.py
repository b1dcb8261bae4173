"""Names that stand twice in what a function or an iteration matches, and what it cannot match."""

import pytest

from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import compiled, definition, evaluate, findings


@pytest.mark.parametrize(
    ("rules", "position", "which"),
    [
        ("f(v, v) := 1", "2:6", "two arguments"),
        ("f(v, [v, w]) := w", "2:6", "two arguments"),
        ("default f(_, _) := 0\nf([v, _], v) := v", "3:11", "two arguments"),
        ("x if { some v, v in input.o }", "2:16", "the key and the value"),
        ("x := [v | some v, [v, _] in input.o]", "2:19", "the key and the value"),
    ],
)
def test_a_name_in_two_patterns_is_refused(rules: str, position: str, which: str) -> None:
    """OPA compares the two; the engine keeps the last one."""
    (found,) = findings(definition(f"package a\n{rules}"))
    assert found == (
        f"rego-syntax: a.rego:{position}: policies.main.modules: `v` stands in {which}, which are not compared "
        "here: give the second one another name, and compare the two in the body"
    )


@pytest.mark.parametrize("rules", ["f(_, _) := 1", "f(_, [_, v]) := v", "x if { some _, _ in input.o }"])
def test_wildcards_stand_for_different_values(rules: str) -> None:
    """Each is a variable of its own."""
    compiled(definition(f"package a\n{rules}"))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [("f([v, v]) := v", [1]), ("f(w) := v if { [v, v] = w }", [1])],
)
def test_a_name_twice_in_one_pattern_is_compared(rules: str, expected: Json) -> None:
    """There the engine does what OPA does."""
    text = f"package a\n{rules}\nx := [v | some w in input.snapshot; v := f(w)]"
    assert evaluate(definition(text), [[1, 1], [1, 2]]) == expected


@pytest.mark.parametrize("head", ["f({v | v := 1})", "f([[v | v := 1], w])"])
def test_a_comprehension_as_an_argument_is_refused(head: str) -> None:
    """The engine would fail at each call."""
    (found,) = findings(definition(f"package a\n{head} := 1"))
    assert found.startswith("rego-syntax: a.rego:2:")
    assert found.endswith(
        "a comprehension as an argument is not evaluated here: take the argument as a variable and compare it "
        "with the comprehension in the body"
    )


@pytest.mark.parametrize(
    ("rule", "column"),
    [
        ("x[[v | v := 1]] := 1", 3),
        ("x[{v | v := 1}] contains 1", 3),
        ('x.a["b"][{v: 1 | v := 1}] := 1 if input.t', 10),
        ("x[count([v | v := 1])] := 1", 9),
    ],
)
def test_a_comprehension_in_the_brackets_of_a_head_is_refused(rule: str, column: int) -> None:
    """The engine would fail at each evaluation."""
    assert findings(definition(f"package a\n{rule}")) == [
        f"rego-syntax: a.rego:2:{column}: policies.main.modules: a comprehension in the brackets of a head is "
        "not evaluated here: give it to a variable in the body first (`key := …`)"
    ]


@pytest.mark.parametrize(
    ("rule", "column"),
    [
        ("o[input.user] contains 1 if input.ok", 3),
        ("o.a[input.user] contains 1 if input.ok", 5),
        ('o[input.user]["b"] := 1 if input.ok', 3),
        ('o[input.user].b["c"] if input.ok', 3),
        ("o[input.user][x] := 1 if some x in input.xs", 3),
        ("o[data.a.name] contains 1 if input.ok", 3),
        ("o[name] contains 1 if input.ok", 3),
        ('o[name] contains 1 if { name := "b"; input.ok }', 3),
        ("o[who] contains 1 if input.ok", 3),
    ],
)
def test_a_reference_that_names_a_set_or_an_object_in_a_head_is_refused(rule: str, column: int) -> None:
    """The engine would keep an empty one at it, so that `allow if o[input.user]` holds."""
    text = f'package a\nimport input.who\n{rule}\nname := "b"\nallow if o[input.user]'
    assert findings(definition(text, "data.a")) == [
        f"rego-syntax: a.rego:3:{column}: policies.main.modules: OPA leaves this name out where no body holds, and "
        "the engine keeps an empty set or object at it: give the name to a variable in the body (`key := …`), "
        "which has the name of no rule or import"
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "o[user] contains 1 if { user := input.snapshot; input.ok }",
        "o[user][x] := 1 if { user := input.snapshot; some x in input.xs }",
        "o[input.snapshot] := 1 if input.ok",
        "o[input.snapshot].b := 1 if input.ok",
        "o[input.snapshot].b.c if input.ok",
    ],
)
def test_a_name_of_an_object_is_left_out_where_no_body_holds(rule: str) -> None:
    """With a variable of the body, and with a reference that names one member alone."""
    text = f"package a\n{rule}\nallow if o[input.snapshot]"
    assert evaluate(definition(text, "data.a"), "ann") == {"o": {}}
