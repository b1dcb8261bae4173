"""Packages of several modules, and what `with` replaces in them (section 1.7.2)."""

import pytest

from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import bound, definition, evaluate, failure, policy_input

P, LIB = "package p\n", "package lib\n"


@pytest.mark.parametrize(
    ("modules", "query", "expected"),
    [
        ([P + "y := 1", P + "x := d\nd := 4"], "data.p", {"y": 1, "x": 4, "d": 4}),
        ([P, P + "x if not d\nd[i].a := 1 if some i in input.none"], "data.p", {"d": {}}),
        ([P + "default f(_) := 7", P + "b.x := f(r)\ndefault r := 3"], "data.p", {"b": {"x": 7}, "r": 3}),
        ([LIB + "y := 1", LIB + "x := d\nd := 4", P + "n := count(data.lib)"], "data.p", {"n": 3}),
        (
            [P + "b.c := y\ny := 2", "package p.b\nz := data.p.w", P + "w := k\nk := 3"],
            "data.p",
            {"b": {"c": 2, "z": 3}, "y": 2, "w": 3, "k": 3},
        ),
        ([P + "a := 1", P + "b := a", P + "c := e\ne := b"], "data.p", {"a": 1, "b": 1, "c": 1, "e": 1}),
    ],
)
def test_a_package_of_several_modules_has_the_values_of_all_rules(
    modules: list[str], query: str, expected: Json
) -> None:
    """A reference to the package as a whole sees what each rule alone is."""
    texts = {f"m{number}.rego": text for number, text in enumerate(modules)}
    assert evaluate(definition(texts, query)) == expected


def test_version_0_modules_of_one_package_have_the_values_of_all_rules() -> None:
    """The rule that is added has the syntax of its module."""
    texts = {"a.rego": P + "y = 1", "b.rego": P + "x = d { true }\nd = 4"}
    assert evaluate(definition(texts, "data.p", rego_version=0)) == {"y": 1, "x": 4, "d": 4}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("x := v if { v := f(2) with data.p.f as 5 }", 5),
        ("x := v if { v := f(2) with f as 5 }", 5),
        ("x := v if { v := f(2) with data.p.f as g }", 4),
        ("x if not f(2) with data.p.f as false", True),
        ("x := v if { v := k with f as g }", 4),
        ("x := v if { v := g(2) with data.p.q as 9 }", 4),
        ("x := v if { v := q with q as 9 }", 9),
        ("x := v if { v := r with q as 9 }", 9),
        ('x := v if { v := lower("A") with lower as upper }', "A"),
        ('x := v if { v := base64.encode("?>") with base64.encode as base64url.encode }', "Pz4="),
        ('x := v if { v := h("A") with h as lower }', "a"),
    ],
)
def test_with_replaces_a_function_or_rule_by_any_of_its_names(rules: str, expected: Json) -> None:
    """Calls in its own package and in others reach what takes its place."""
    module = f'{P}f(_) := 3\ng(_) := 4\nh(_) := "b"\nk := f(1)\nq := 1\nr := q\n{rules}'
    assert evaluate(definition({"p.rego": module}, "data.p.x")) == expected


@pytest.mark.parametrize(
    ("library", "call", "expected"),
    [
        ("f(_) := 3\nk := f(1)", "lib.k with lib.f as 5", 5),
        ("f(_) := 3\nk := f(1)", "lib.k with data.lib.f as g", 4),
        ("k := count(input.none)", "lib.k with count as 5", None),
        ('k := count("abc")', "lib.k with count as 5", 5),
        ('k := count("😀a")\nl := 1 if 1 == 1 with count as 5', "lib.k", 2),
        ('k := count("😀a")', "lib.k with count as 2", 2),
        ('k := count("😀a")', "lib.k with count as 3", 3),
        ('k := count("😀a")', "lib.k with count as type_name", "string"),
        ("k := sum([0.1, 0.2])", "lib.k with sum as 5", 5),
        ("a.f(_) := 3\nk := a.f(1) + a.z\na.z := 2", "lib.k with lib.a.f as g", 6),
    ],
)
def test_with_replaces_a_function_in_other_modules(library: str, call: str, expected: Json) -> None:
    """Also one that the service replaces itself where nothing else does."""
    module = f"{P}import data.lib\ng(_) := 4\ndefault x := null\nx := v if {{ v := {call} }}"
    assert evaluate(definition({"p.rego": module, "lib.rego": LIB + library}, "data.p.x")) == expected


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        (["f(x) := 1 if x == 1", "f(x) := 2 if x == 2\nx := [f(1), f(2)]", "f(3) := 4"], [1, 2]),
        (["f(3) := 4\nx := f(3)", "f(x) := 1 if x == 1"], 4),
        (["f(x) := 1 if x == 1", "default f(_) := 9\nf(2) := 3\nx := [f(1), f(2), f(7)]"], [1, 3, 9]),
        (["a.f(x) := 1 if x == 1", "a.f(x) := 2 if x == 2\na.g := 3\nx := a.f(2)"], 2),
        (["f(x) if x == 1", "f(2)\nx if { f(2); not f(3) }"], True),
        (["f(x) := 1 if x == 1\nk := f(2)", "f(2) := 3\nx := v if { v := k with f as 5 }"], 5),
    ],
)
def test_a_function_of_several_modules_is_one(modules: list[str], expected: Json) -> None:
    """Each definition counts, wherever the call stands."""
    texts = {f"m{number}.rego": P + text for number, text in enumerate(modules)}
    assert evaluate(definition(texts, "data.p.x")) == expected


def test_definitions_of_several_modules_may_conflict() -> None:
    """Two values of one function end the evaluation, as in one module."""
    texts = {"a.rego": f"{P}f(x) := 1 if x == 1", "b.rego": f"{P}f(_) := 2\nx := f(1)"}
    evaluator = bound(definition(texts, "data.p.x"))
    assert failure(evaluator, policy_input())[0] is Reason.POLICY_INVOCATION_FAILED


@pytest.mark.parametrize(
    "reference",
    [
        "data.lib.r[n]",
        "lib.r[n]",
        "own[n]",
        "data.lib.s[n]",
        "lib.s[n]",
        "lib[m][n]",
        "data.lib[m].a[n].b",
        "lib.o[n].b",
        "lib.d.a[n].b",
        "data.p.own[n]",
    ],
)
@pytest.mark.parametrize(
    ("index", "expected"), [(1, False), ("1", True), (True, False), (None, False), ([1], False)]
)
def test_an_index_into_a_rule_is_of_its_own_type(reference: str, index: Json, expected: bool) -> None:
    """The number `1` and other values do not find the text, from whichever place the rule is named."""
    rule = "d" if "[m].a" in reference else "r"
    library = f"""{LIB}r["1"] := 2
r[k] := 3 if some k in input.none
s contains "1"
s contains "true"
o := {{"1": {{"b": 4}}, "true": {{"b": 5}}}}
d.a["1"].b := 3"""
    module = f"""{P}import data.lib
own["1"] := 2
x if {{ n := input.snapshot; m := "{rule}"; {reference} }}
y if {{ n := input.snapshot; m := "{rule}"; not {reference} }}
default answer := false
answer if {{ x; not y }}"""
    assert evaluate(definition({"p.rego": module, "lib.rego": library}, "data.p.answer"), index) is expected


def test_an_index_into_a_rule_may_be_any() -> None:
    """Each key and element is found that there is."""
    library = f'{LIB}r["1"] := 2\nr["2"] := 3\ns contains 2'
    module = f"{P}import data.lib\nx := [[k | lib.r[k]], [v | lib.s[v]], [k | some k; data.lib.r[k] == 3]]"
    assert evaluate(definition({"p.rego": module, "lib.rego": library}, "data.p.x")) == [
        ["1", "2"],
        [2],
        ["2"],
    ]


def test_a_rule_of_a_package_is_named_by_an_index() -> None:
    """A package is no rule: its rules are found by their names."""
    module = f"{P}x := data.lib[input.snapshot]"
    texts = {"p.rego": module, "lib.rego": LIB + "y := 2"}
    assert evaluate(definition(texts, "data.p.x"), "y") == 2
