"""`some` behind a statement that holds several times, outputs as last arguments, and changes inside of others."""

import pytest

from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import definition, evaluate, findings

INPUT: Json = {"xs": [1, 2], "o": {"a": 1}, "t": "a,b"}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("x if { input.snapshot.xs[_]; some i, v; input.snapshot.o[i] = v }", True),
        ("x := [i | input.snapshot.xs[_]\nsome i,\n v\ninput.snapshot.o[i] = v]", ["a", "a"]),
        ("x := y if { input.snapshot.xs[_] == 1; some y\ny = 3 }", 3),
        ("x := y if { product([2.5], y) }", 2.5),
        ("x := y if { count(s, y) }\ns := {v | some v in input.snapshot.xs; 1 == input.snapshot.xs[_]}", 2),
        ("x := y if { count({k | o[k]}, y) }\no := {k: 1 | some k in input.snapshot.xs}", 2),
        ("x := y if { array.flatten([[1], 2],\n y\n) }", [1, 2]),
        ('x := y if { split(input.snapshot.t, ",", [_, y]) }', "b"),
        ('x if { not split(input.snapshot.t, ",", ["a", "c"]) }', True),
        ('x if { y := "b"; not split(input.snapshot.t, ",", ["a", y]) }', None),
        ('x if { not split(input.snapshot.none, ",", ["a"]) }', None),
        ("x := y if { f := 0.5; y := 0.1 + input.snapshot.xs[_]; not 0.1 + y == 1.2 }", 2.1),
        ("x if { walk(input.snapshot.o, [p, _]); input.snapshot.t == p with input.snapshot.t as p }", True),
        ("x if { walk(input.snapshot.o, [_, y]); y = is_array(y) }", None),
        ("x := y if { some y in [1, true]; y = is_boolean(y) }", True),
        ("x := y if { some y in [1, true]; [y, 1] = [is_boolean(y), 1] }", True),
        ('x := d["a\\tb"]\nd["a\\tb"].c := 1', {"c": 1}),
    ],
)
def test_a_rule_is_what_it_is_in_opa(rules: str, expected: Json) -> None:
    """The value of `x`, or `null` where it is undefined."""
    module = f"package p\n{rules}\ndefault answer := null\nanswer := x\n"
    assert evaluate(definition({"p.rego": module}, "data.p.answer"), INPUT) == expected


@pytest.mark.parametrize(
    "rules",
    [
        "i := 7\nx if { some i; input.snapshot.o[i] }",
        "i := 7\nx if { some i, _ in input.snapshot.o; i > 1 }",
        "import rego.v1\nx if { some v1 in input.snapshot.xs; v1 == 1 }",
    ],
)
def test_a_variable_of_some_is_no_rule_or_import(rules: str) -> None:
    """The engine would take the rule for it, and find nothing."""
    (found,) = findings(definition(f"package a\n{rules}"))
    assert found.startswith("rego-name-shadowed: a.rego:3:")
    assert "is a rule or an import too, for which the engine takes it here: give the variable" in found


@pytest.mark.parametrize(
    "body",
    [
        "some [h, g, f, e, d, c, b, a] in input.snapshot.xs",
        "some h, g, f, e, d, c, b, a; input.snapshot.xs[[h, g, f, e, d, c, b, a]]",
    ],
)
def test_variables_that_rules_have_are_told_by_name(body: str) -> None:
    """The order is the same in every process."""
    rules = "\n".join(f"{name} := 1" for name in "abcdefgh")
    found = findings(definition(f"package a\n{rules}\nx if {{ {body} }}"))
    assert [one.split("`")[1] for one in found if "name-shadowed" in one] == list("abcdefgh")


@pytest.mark.parametrize(
    "name", ["data.i", "data.lib as i", "input.snapshot.o as i", 'data["i"]', "data.lib.t as i"]
)
@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("x := [i | some i in input.snapshot.xs]", [1, 2]),
        ("x := [i | some v in input.snapshot.o; some i; input.snapshot.o[i] == v]", ["a"]),
        ('x := y if { some i in [{"a": 3, "t": 4}]; y := [i.a, i.t, input.snapshot.o.a] }', [3, 4, 1]),
        ("x := [i, y] if { some i in [5]; y := [i | i := 6] }", [5, [6]]),
        ("x := y if { some [i, j] in [[1, 2]]; y := i + j }", 3),
        ('x := [v | some i in [{"t": "ab"}]; some v in i.t]', []),
    ],
)
def test_a_variable_hides_an_import(name: str, rules: str, expected: Json) -> None:
    """Whatever it imports."""
    library = "t contains 7"
    modules = {
        "a.rego": f"package a\nimport {name}\n{rules}",
        "i.rego": f"package i\n{library}",
        "lib.rego": f"package lib\n{library}",
    }
    assert evaluate(definition(modules), INPUT) == expected


@pytest.mark.parametrize("name", ["data.lib", "data.other as lib"])
def test_an_import_is_itself_where_no_variable_hides_it(name: str) -> None:
    """In other rules of the module, in calls and in what `with` replaces."""
    rules = """x := r if { y := [lib | some lib in [3]]; z := w with lib.v as 9; r := [y, lib.v, lib.f(1), z] }
w := lib.v
"""
    package = "lib" if name == "data.lib" else "other"
    modules = {
        "a.rego": f"package a\nimport {name}\n{rules}",
        "lib.rego": f"package {package}\nv := 5\nf(x) := x + 1",
    }
    assert evaluate(definition(modules), INPUT) == [[3], 5, 2, 9]


@pytest.mark.parametrize(
    "rules",
    [
        "i := 7\nx if { some i; i = input.snapshot.xs[_]; i == 2 }",
        "i := 7\nx if { i := 0; input.snapshot.xs[i] }",
    ],
)
def test_a_variable_that_hides_a_rule_is_itself(rules: str) -> None:
    """Where the engine sees the variable, it is no fault."""
    assert evaluate(definition(f"package a\n{rules}"), INPUT) is True


def test_a_name_that_its_body_declares_further_down_is_refused() -> None:
    """OPA takes the first for the variable of the body around, the engine for the one declared below."""
    rules = "x := y if { n := 1; y := [n | input.snapshot.o[_] == n; n := input.snapshot.xs[_]] }"
    found = findings(definition(f"package a\n{rules}"))
    assert any(
        "rego-variable-unsafe: a.rego:2:" in line and "`n` is declared further down" in line for line in found
    )


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ("x := y if { y := [n | n = input.snapshot.o[_]]; some n in input.snapshot.xs }", "2:19"),
        ("x if { count([1 | input.snapshot.o[n] == 1]) == 1; some n; input.snapshot.xs[n] }", "2:36"),
    ],
)
def test_a_name_of_a_comprehension_that_its_body_declares_is_refused(rule: str, place: str) -> None:
    """OPA takes it for a variable of the comprehension, the engine for the one declared below."""
    (found,) = findings(definition(f"package a\n{rule}"))
    assert found.startswith(f"rego-variable-unsafe: a.rego:{place}: ")
    assert "`n` is declared further down" in found
