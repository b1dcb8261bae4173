"""Recursion, chains and nesting that the engine would not survive (section 1.7)."""

import subprocess
import sys

import pytest

from acs_sidecar.engines.rego.analysis.checks import MAX_CHAIN, MAX_LOOPS
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json
from tests.engines.rego.analysed import MODULES
from tests.engines.rego.policies import (
    definition,
    evaluate,
    findings,
    refused,
)


@pytest.mark.parametrize(
    ("text", "what", "through"),
    [
        ("f(y) := f(y)\nx := 1", "function `data.a.f`", ""),
        ("f(y) := 0 if y <= 0\nf(y) := f(y - 1) if y > 0\nx := f(3)", "function `data.a.f`", ""),
        ("f(y) := g(y)\ng(y) := f(y)\nx := 1", "function `data.a.f`", " through `data.a.g`"),
        ("f(y) := data.a.f(y)\nx := 1", "function `data.a.f`", ""),
        ('f(y) := data["a"]["f"](y)\nx := 1', "function `data.a.f`", ""),
        ("default f(y) := 1\nf(y) := f(y)\nx := 1", "function `data.a.f`", ""),
        ("f(y) := [z | z := f(y)]\nx := 1", "function `data.a.f`", ""),
        ("f(y) if { every z in [1] { f(z) } }\nx := 1", "function `data.a.f`", ""),
        ("f(y) := abs(f(y))\nx := 1", "function `data.a.f`", ""),
        ("f(y) := z if z := h(y) with h as f\nh(y) := 1\nx := f(1)", "function `data.a.f`", ""),
        ("f(y) := z if z := count(y) with count as f\nx := f([1])", "function `data.a.f`", ""),
        ("f(y) := x\nx := f(1)", "function `data.a.f`", " through `data.a.x`"),
        ("x := x", "rule `data.a.x`", ""),
        ("x := data.a.x", "rule `data.a.x`", ""),
        ("x := y\ny := x", "rule `data.a.x`", " through `data.a.y`"),
        ("x contains y if some y in x", "rule `data.a.x`", ""),
        ("x := data.a", "rule `data.a.x`", ""),
        ("x := data", "rule `data.a.x`", ""),
        ("x := data[input.p].x", "rule `data.a.x`", ""),
        ("x := data.a[input.p]", "rule `data.a.x`", ""),
        ("x := 1 if { some z in data.a }", "rule `data.a.x`", ""),
        ("default x := 1\nx := 2 if not x", "rule `data.a.x`", ""),
    ],
)
def test_recursion_is_refused(text: str, what: str, through: str) -> None:
    """A recursive function would end the process; a recursive rule could never be evaluated."""
    error = refused(definition(f"package a\n{text}"))
    assert error.reason is Reason.MANIFEST_INVALID
    assert [(found.code, found.message) for found in error.diagnostics] == [
        ("rego-recursion", f"the {what} depends on itself{through}")
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("f(y) := x\nx := is_string(1)\nz if f(1) with is_string as f", "4:29"),
        ("f(y) := w\nw := v\nv if not is_string(1)\nz if is_string(1) with is_string as f", "5:37"),
        ("f(y) := g(y)\ng(y) := x\nx := h(5)\nh(y) := 1\nz if f(1) with h as f", "6:21"),
        ("f(y) := x\nx := json.marshal(1)\nz if f(1) with json.marshal as data.a.f", "4:32"),
    ],
)
def test_a_replacement_of_what_it_depends_on_is_refused(text: str, place: str) -> None:
    """The engine would evaluate the rule within itself, where OPA calls the original."""
    (found,) = refused(definition(f"package a\n{text}")).diagnostics
    assert found.code == "rego-recursion"
    assert f"a.rego:{place}:" in str(found)
    assert "which calls what it replaces: make a function of that rule" in found.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f(y) := is_string(y)\nx := v if v := f(1) with is_string as f", False),
        ("f(y) := g(y)\ng(y) := is_string(y)\nx := v if v := is_string(1) with is_string as f", False),
        ("f(x) := is_string(x)\nx := v if v := f(1) with is_string as f", False),
    ],
)
def test_a_replacement_calls_the_original(text: str, expected: Json) -> None:
    """Functions that a replacement calls have the original, as in OPA."""
    assert evaluate(definition(f"package a\n{text}")) == expected


def test_recursion_through_several_modules_is_refused() -> None:
    """The place is that of the first rule in the circle."""
    modules = {
        "a.rego": "package a\nx := data.b.y",
        "b.rego": "package b\nimport data.c as cc\ny := cc.z",
        "c.rego": "package c\nz := w\nw := data.a.x",
    }
    assert findings(definition(modules)) == [
        f"rego-recursion: a.rego:2:1: {MODULES}: the rule `data.a.x` depends on itself through `data.b.y`, "
        "`data.c.w`, `data.c.z`"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "x := z if { y := 1; z := y }\ny := x",
        "x := f(1)\nf(y) := y\ny := x",
        "x if { every y in [1] { y == 1 } }\ny := x",
        "x := 1\ny := data.a.x",
        'x := data.b["y"]',
        "x := data.cfg[input.snapshot.k]",
    ],
)
def test_what_only_looks_like_recursion_is_fine(text: str) -> None:
    """A variable may have the name of a rule; data may lie in any folder."""
    evaluate(definition(f"package a\n{text}", data={"b": {"y": 1}, "cfg": {"k": 1}}), {"k": "k"})


def _chain(length: int) -> str:
    rules = "".join(f"r{number} := r{number + 1}\n" for number in range(length - 2))
    return f"package a\nx := r0\n{rules}r{length - 2} := 1\n"


@pytest.mark.slow
def test_a_chain_of_two_thousand_rules_is_the_longest() -> None:
    """Each rule on the way to another takes its part of the stack."""
    assert evaluate(definition(_chain(MAX_CHAIN))) == 1
    error = refused(definition(_chain(MAX_CHAIN + 1)))
    assert error.reason is Reason.RESOURCE_LIMIT_EXCEEDED
    assert [str(found) for found in error.diagnostics] == [
        f"a.rego:2:1: {MODULES}: `data.a.x` begins a chain of {MAX_CHAIN + 1} rules that depend on each "
        f"other: {MAX_CHAIN} are allowed"
    ]


@pytest.mark.slow
def test_a_chain_cannot_be_hidden_by_variables() -> None:
    """A reference counts for the length of a chain even where a variable might have its name."""
    rules = "".join(
        f"r{number} := [r{number + 1}, [r{number + 1} | r{number + 1} := 1]]\n" for number in range(3_000)
    )
    error = refused(definition(f"package a\nx := r0\n{rules}r3000 := 1\n"))
    assert error.reason is Reason.RESOURCE_LIMIT_EXCEEDED


@pytest.mark.server
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "1 if {}",
        "z if {{ z := {} }}",
        "1 if false else := {}",
        "1 if {} with input.a as 1",
        "1 if {{ every y in [1] {{ z := {} }} }}",
        "1 if {{ some y in [1]; z := {} }}",
        "count([z | z := {}])",
        "abs(abs(abs(abs({}))))",
        "1 - (1 - (1 - {}))",
    ],
)
@pytest.mark.parametrize(("parameter", "argument"), [("", ""), ("(q)", "(1)")])
def test_the_longest_chain_that_passes_is_evaluated(around: str, parameter: str, argument: str) -> None:
    """What lies around each reference takes stack too: no chain that compiles ends the process."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.engines.rego.longest_chain", around, parameter, argument],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (child.returncode, child.stdout) == (0, "evaluated\n")


def test_a_rule_alone_can_nest_too_deep() -> None:
    """Each iteration of a rule lies inside the one before."""
    body = "".join(f"some y{number} in [1]\n" for number in range(MAX_LOOPS + 1))
    assert evaluate(definition("package a\nx := 1 if {\n" + body.partition("\n")[2] + "}")) == 1
    error = refused(definition("package a\nx := 1 if {\n" + body + "}"))
    assert error.reason is Reason.RESOURCE_LIMIT_EXCEEDED
    assert [str(found) for found in error.diagnostics] == [
        f"a.rego:2:1: {MODULES}: the rule iterates in more than {MAX_LOOPS} places: split it up"
    ]


@pytest.mark.parametrize(
    "reference",
    [
        "input.snapshot" + "".join(f"[i{number}]" for number in range(20)),
        "input.snapshot" + "".join(f"[i{number}].b" for number in range(20)),
        "[1][i]" + "".join(f"[i{number}]" for number in range(20)),
        "input.snapshot" + "[input.snapshot" * 10 + "[z]" + "".join(f"[i{n}]][j{n}]" for n in range(10)),
    ],
)
def test_brackets_that_vary_do_not_pile_up(reference: str) -> None:
    """The engine's planning doubles with each of them: twenty take seconds, thirty for ever."""
    error = refused(definition(f"package a\nx if {reference}"))
    assert error.reason is Reason.RESOURCE_LIMIT_EXCEEDED
    message = "references with this many brackets take too long to plan: name their parts first"
    assert [str(found) for found in error.diagnostics] == [f"a.rego:2:1: {MODULES}: {message}"]


def test_brackets_that_do_not_vary_are_free() -> None:
    """Names and numbers are just a way."""
    assert (
        evaluate(
            definition('package a\nx := input.snapshot["a"][0][0]["b"]["c"][0]["d"]["e"][1]["f"][0][0]'),
            {"a": [[{"b": {"c": [{"d": {"e": [0, {"f": [[1]]}]}}]}}]]},
        )
        == 1
    )
