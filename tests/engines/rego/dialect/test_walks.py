"""`walk` as a value has each path and value, as in OPA."""

import pytest

from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import definition, evaluate, findings

_SNAPSHOT: Json = {"a": [{"b": "AA"}], "c": 1}
_LEAVES: Json = [[["a", 0, "b"], "AA"], [["c"], 1]]
_PATHS: Json = [[], ["a"], ["a", 0], ["a", 0, "b"], ["c"]]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("[[p, v] | [p, v] := walk(input.snapshot); not is_array(v); not is_object(v)]", _LEAVES),
        ("[[p, v] | [p, v] = walk(input.snapshot); not is_array(v); not is_object(v)]", _LEAVES),
        ("[[p, v] | walk(input.snapshot, [p, v]); not is_array(v); not is_object(v)]", _LEAVES),
        ("[w[0] | w := walk(input.snapshot)]", _PATHS),
        ("[p | p := walk(input.snapshot)[0]]", _PATHS),
        ("[p | p := [0, walk(input.snapshot)][1][0]]", _PATHS),
        ("[n | n := count(walk(input.snapshot.c))]", [2]),
        ("[y | some y in walk(input.snapshot.c)]", [[], 1]),
        ("[1 | walk(input.snapshot)]", [1, 1, 1, 1, 1]),
        ("[1 | not walk(input.snapshot)]", []),
        ("[1 | not walk(input.snapshot)[1] == 1]", [1, 1, 1, 1]),
        ("[1 | walk(input.snapshot)[1] == 1]", [1]),
        ("[v | [_, v] := walk(input.snapshot) with input.snapshot as 7]", [7]),
        ("[v | every y in walk(input.snapshot.c) { y != 2 }; v := 1]", [1]),
        ("[p | some k in [1]; p := walk({k: 2})[0]]", [[], [1]]),
        ("[1 | [_, v] := walk(input.snapshot.z)]", []),
        ("{p: v | [p, v] := walk(input.snapshot.c)}", {"[]": 1}),
        ("own(input.snapshot)", True),
        ("found", [1, "AA"]),
    ],
)
@pytest.mark.parametrize("lines", [False, True])
def test_walk_as_a_value_has_each_path_and_value(expression: str, expected: Json, lines: bool) -> None:
    """The engine alone finds none, and the rule never holds."""
    rules = (
        'own(v) if { [["a", 0, "b"], x] := walk(v); x == "AA" }\n'
        "found contains v if { [_, v] := walk(input.snapshot); not is_array(v); not is_object(v) }"
    )
    if lines:
        rules = rules.replace("{ ", "{\n\t").replace("; ", "\n\t").replace(" }", "\n}")
    assert evaluate(definition(f"package a\nx := {expression}\n{rules}"), _SNAPSHOT) == expected


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ("x contains walk(input.snapshot)", "2:12"),
        ("x := [walk(input.snapshot) | true]", "2:7"),
        ("x := walk(input.snapshot)", "2:6"),
        ("x if y with input as walk(input.z)\ny if true", "2:22"),
        ("x if {\n\twalk(input.z)[0] == 1 with input.y as 1\n\t\twith input.z as 2\n}", "3:5"),
        ("x := 1 if input.z else := walk(input.z)", "2:27"),
    ],
)
def test_walk_elsewhere_is_refused(rules: str, place: str) -> None:
    """In a head there is no statement that could walk before."""
    (found,) = findings(definition(f"package a\n{rules}"))
    assert found == (
        f"rego-walk: a.rego:{place}: policies.main.modules: `walk` has many values, of which the engine finds none "
        "here: give them to variables in a statement of the body (`walk(x, [path, value])`), its `with` on one line"
    )


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        ("[v | walk(s.o, [_, v]); is_number(v); some _ in s.ys]", [1, 1, 2, 2]),
        ("[u | walk(s.o, [_, v]); is_number(v); u := s.ys[_]]", ["p", "q", "p", "q"]),
        ("[v | walk(s.o, [[_], v]); walk(s.ys, [[_], u])]", [1, 1, 2, 2]),
        ("[v | walk(s.o, [[_], v]); [[_], u] := walk(s.ys)]", [1, 1, 2, 2]),
        ("[[u, v] | u := s.ys[_]; walk(s.o, [[_], v])]", [["p", 1], ["p", 2], ["q", 1], ["q", 2]]),
    ],
)
def test_an_array_of_several_iterations_is_in_their_order(array: str, expected: Json) -> None:
    """The engine alone would come to `walk` last."""
    text = f"package a\nimport input.snapshot as s\nx := {array}"
    assert evaluate(definition(text), {"o": {"a": 1, "b": 2}, "ys": ["p", "q"]}) == expected
