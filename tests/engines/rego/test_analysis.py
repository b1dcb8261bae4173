"""What a policy calls and depends on, checked when it is compiled (sections 1.7, 1.9)."""

import json

import pytest
import regorus

from acs_sidecar.engines.rego.analysis.builtins import AVAILABLE, IMPURE, INSTEAD, UNBOUNDED, ZONED
from acs_sidecar.engines.rego.extensions.registry import EXTENSIONS
from acs_sidecar.spec.values import Json
from tests.engines.rego.analysed import MODULES
from tests.engines.rego.policies import (
    binding,
    bound,
    compiled,
    definition,
    evaluate,
    findings,
    policy_input,
    refused,
)


def impure(name: str, place: str) -> str:
    return (
        f"rego-nondeterministic: a.rego:{place}: {MODULES}: `{name}` is not allowed: its value is not a "
        "function of its arguments"
    )


def unknown(name: str, place: str) -> str:
    return (
        f"rego-function-unknown: a.rego:{place}: {MODULES}: there is no function `{name}` in this policy, and "
        "this engine has none"
    )


@pytest.mark.parametrize(
    "call",
    [
        "time.now_ns()",
        'rand.intn("seed", 10)',
        'uuid.rfc4122("seed")',
        "opa.runtime()",
        'http.send({"url": "https://x.example"})',
        'net.lookup_ip_addr("x.example")',
    ],
)
def test_a_function_that_is_not_pure_is_refused(call: str) -> None:
    """Clock, randomness, network and environment are not visible to a policy."""
    assert findings(definition(f"package a\nx := {call}")) == [impure(call.partition("(")[0], "2:6")]


@pytest.mark.parametrize(
    "call",
    [
        'strings.render("a", {})',
        "__builtin_sets.union({1}, {2})",
        "data.lib.nothing(1)",
        "nothing(1)",
    ],
)
def test_a_function_that_does_not_exist_is_refused(call: str) -> None:
    """The engine would fail when it reaches the call, and only then."""
    assert findings(definition(f"package a\nx := {call}")) == [unknown(call.partition("(")[0], "2:6")]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("x := 1\ny if { false; time.now_ns() > 1 }", "3:15"),
        ("x := 1\nf(z) := time.now_ns()", "3:9"),
        ("x := 1 if true else := time.now_ns()", "2:24"),
        ("x := 1\ny := [n | n := time.now_ns()]", "3:16"),
        ("x := 1\ny := {n: 1 | n := time.now_ns()}", "3:19"),
        ("x := 1\ny := abs(abs(time.now_ns()))", "3:14"),
        ("x := 1\ny if { every z in [1] { z < time.now_ns() } }", "3:29"),
        ("x := 1\ny if { not time.now_ns() }", "3:12"),
        ("x := 1\ny if { some z in [time.now_ns()] }", "3:19"),
        ("x := 1\ny if input.snapshot[time.now_ns()]", "3:21"),
        ("x := 1\ny[time.now_ns()] := 1 if true", "3:3"),
        ("x := 1\ny contains time.now_ns()", "3:12"),
        ("x := 1\ny if { true with input.a as time.now_ns() }", "3:29"),
        ("default x := 1\ny if (time.now_ns() + 1) == 2", "3:7"),
        ('x := 1\ny := time["now_ns"]()', "3:6"),
        ("x := 1\ny := - time.now_ns()", "3:8"),
    ],
)
def test_no_place_hides_a_call(text: str, place: str) -> None:
    """Dead code, nested code, and every kind of expression."""
    assert findings(definition(f"package a\n{text}")) == [impure("time.now_ns", place)]


def test_a_replacement_by_a_function_that_is_not_pure_is_refused() -> None:
    """`with` can put a function in another one's place."""
    text = "package a\nx := y if y := count([1]) with count as time.now_ns"
    assert findings(definition(text)) == [impure("time.now_ns", "2:41")]


def test_every_finding_is_reported() -> None:
    """Not only the first."""
    text = "package a\nx := time.now_ns()\ny := nothing(1)"
    assert findings(definition(text)) == [impure("time.now_ns", "2:6"), unknown("nothing", "3:6")]


@pytest.mark.parametrize("name", sorted(ZONED))
def test_the_time_zone_of_the_machine_is_refused(name: str) -> None:
    """`Local` is where the service runs; the other zones are in the engine, but for differences, which are of UTC."""
    argument = {
        "time.diff": '[0, "Local"], [1, "UTC"]',
        "time.format": '[0, "Local", "RFC3339"]',
    }.get(name, '[0, "Local"]')
    expected = (
        f"rego-nondeterministic: a.rego:2:6: {MODULES}: `{name}` with the zone `Local` is not allowed: its "
        "value depends on the machine"
    )
    assert findings(definition(f"package a\nx := {name}({argument})")) == [expected]
    zone = "UTC" if name == "time.diff" else "Europe/Berlin"
    evaluate(definition(f"package a\nx := {name}({argument.replace('Local', zone)})"))


def test_the_lists_cover_the_engine() -> None:
    """Each function of this build was looked at: it is pure and allowed, or it is not and refused."""
    engine = regorus.Engine()
    engine.add_policy("a", "package a\nx := opa.runtime().builtins")
    listed = set(json.loads(engine.eval_rule_as_json("data.a.x")))
    inner = {"__builtin_sets.intersection", "__builtin_sets.union"}
    unlisted = {"print"}
    assert (listed - IMPURE - INSTEAD.keys() - inner) | unlisted | EXTENSIONS.keys() == AVAILABLE
    assert listed & INSTEAD.keys() == {
        "graph.reachable_paths",
        "yaml.is_valid",
        "yaml.marshal",
        "yaml.unmarshal",
    }
    assert not AVAILABLE & INSTEAD.keys()
    assert listed & IMPURE == {"http.send", "opa.runtime", "rand.intn", "time.now_ns", "uuid.rfc4122"}
    assert not AVAILABLE & IMPURE
    assert ZONED | UNBOUNDED.keys() <= AVAILABLE


@pytest.mark.parametrize("name", sorted(AVAILABLE - EXTENSIONS.keys()))
def test_an_allowed_function_exists(name: str) -> None:
    """Each can be called: a wrong number of arguments is all that the engine minds."""
    engine = regorus.Engine()
    arguments = ", ".join(["1"] * 9)
    engine.add_policy("a", f"package a\nx := {name}({arguments})")
    if name == "print":
        engine.set_gather_prints(True)
        assert engine.eval_rule_as_json("data.a.x") == "true"
        return
    with pytest.raises(RuntimeError, match=r"expects \d+ argument"):
        engine.eval_rule_as_json("data.a.x")


UNBOUNDED_DATA: dict[str, Json] = {"limits": {"most": 3}, "formats": {"big": "%d"}}


@pytest.mark.parametrize(
    "call",
    [
        "numbers.range(1, input.snapshot.n)",
        "numbers.range(1, y)",
        "numbers.range(1, count(input.snapshot.xs) * 2)",
        "numbers.range(1, data.a.y)",
        "numbers.range(1, data[input.snapshot.k])",
        "numbers.range(1, data.gone)",
        "numbers.range_step(1, 5, input.snapshot.n)",
        "bits.lsh(1, input.snapshot.n)",
    ],
)
def test_a_request_cannot_make_a_function_exhaust_the_service(call: str) -> None:
    """Ten characters of a snapshot would end the process, or never let it go."""
    name = call.partition("(")[0]
    assert findings(definition(f"package a\ny := 1\nx := {call}", data=UNBOUNDED_DATA)) == [
        f"rego-unbounded: a.rego:3:6: {MODULES}: `{name}` may exhaust memory or never return: what it is "
        "given here must be constants, counts and values of the data document, or sums of these"
    ]


def test_a_replacement_cannot_either() -> None:
    """Nobody sees what the function is called with then."""
    text = "package a\nf(z) := z\nx := y if y := f(input.snapshot.n) with f as json.verify_schema"
    (found,) = refused(definition(text)).diagnostics
    assert (found.code, found.line, found.column) == ("rego-unbounded", 3, 46)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("numbers.range(1, 3)", [1, 2, 3]),
        ("numbers.range(0, count(input.snapshot.xs) - 1)", [0, 1]),
        ("numbers.range(-1, data.limits.most - 3)", [-1, 0]),
        ("bits.lsh(input.snapshot.n, 2)", 28),
        ('sprintf("%v", [input.snapshot.n])', "7"),
        ("sprintf(data.formats[input.snapshot.k], [input.snapshot.n])", "7"),
        ("units.parse(input.snapshot.size)", 1000),
        ("units.parse_bytes(lower(input.snapshot.size))", 1000),
    ],
)
def test_what_the_author_bounds_is_fine(call: str, expected: Json) -> None:
    """Constants, counts, the data document, and sums of these."""
    snapshot: Json = {"n": 7, "xs": ["a", "b"], "k": "big", "size": "1K"}
    assert evaluate(definition(f"package a\nx := {call}", data=UNBOUNDED_DATA), snapshot) == expected


@pytest.mark.parametrize(
    ("imported", "call"),
    [
        ("data.lib.text", "text.f"),
        ("data.lib.text.f", "f"),
        ("data.lib.text as t", "t.f"),
        ("data.lib as l", "l.text.f"),
        ("data.lib.text as time", "time.f"),
        ("data.lib.text", 'text["f"]'),
        ("data.other", "data.lib.text.f"),
    ],
)
def test_a_function_is_called_through_an_import(imported: str, call: str) -> None:
    """By every name that an import brings, from a rule and from another module's function."""
    lib = "package lib.text\nimport data.other\nf(z) := other.g(z) + 1"
    other = "package other\ng(z) := z * 2"
    modules = {"a.rego": f"package a\nimport {imported}\nx := {call}(2)", "lib.rego": lib, "o.rego": other}
    assert evaluate(definition(modules)) == 5


def test_an_imported_function_shadows_a_builtin() -> None:
    """What an import names is called, not the function of the engine that has the same name."""
    modules = {
        "a.rego": "package a\nimport data.lib as time\nx := time.now_ns()",
        "lib.rego": "package lib\nnow_ns() := 7",
    }
    assert evaluate(definition(modules)) == 7


@pytest.mark.parametrize(
    ("imported", "call"), [("data.lib", "lib.g"), ("data.lib as json", "json.unmarshal")]
)
def test_an_import_without_the_function_is_refused(imported: str, call: str) -> None:
    """Neither the engine's function nor the package's own stands in for one that the import lacks."""
    modules = {
        "a.rego": f"package a\nimport {imported}\nx := {call}(1)",
        "lib.rego": "package lib\nf(z) := z",
    }
    path = f"data.lib.{call.partition('.')[2]}"
    assert findings(definition(modules)) == [
        f"rego-function-unknown: a.rego:3:6: {MODULES}: `{call}` is `{path}` by an import, and there is no "
        "such function"
    ]


def test_rules_and_values_are_found_through_an_import() -> None:
    """References to rules and to the input, not only calls."""
    modules = {
        "a.rego": "package a\nimport data.lib\nimport input.snapshot as s\nx := lib.y + s.n",
        "lib.rego": "package lib\ny := 2",
    }
    assert evaluate(definition(modules), {"n": 3}) == 5


def test_a_function_of_the_package_is_called_by_its_name() -> None:
    """Also with a dot in it, and before the engine's own is looked for."""
    text = 'package a\nup.by.one(z) := z + 1\nx := up.by.one(up.by["one"](1))'
    assert evaluate(definition(text)) == 3


@pytest.mark.parametrize("name", ["count", "time.now_ns", "crypto.sha3"])
def test_a_function_is_not_named_like_a_builtin(name: str) -> None:
    """OPA would call the one, this engine calls the other; a function that the engine lacks is free."""
    text = f"package a\nx := 1\n{name}(y) := 1"
    expected = f"`{name}` is the name of a built-in function: rename this one"
    if name == "crypto.sha3":
        assert evaluate(definition(text)) == 1
    else:
        assert findings(definition(text)) == [f"rego-builtin-shadowed: a.rego:3:1: {MODULES}: {expected}"]


@pytest.mark.parametrize(
    ("rule", "variable"),
    [
        ("x if { some y; y == 2 }", "y"),
        ("x if { some i, y; input.snapshot.xs[i] == y }", "y"),
        ("x := [1 | some y; not y]", "y"),
        ("x := z if { some y; z := y + 1 }", "y"),
    ],
)
def test_a_variable_that_never_gets_a_value_is_refused(rule: str, variable: str) -> None:
    """The engine would leave out the rule: a deny that never comes."""
    expected = f"`some` declares `{variable}`, and nothing gives it a value: the rule would never hold"
    assert findings(definition(f"package a\n{rule}")) == [
        f"rego-variable-unbound: a.rego:2:1: {MODULES}: {expected}"
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "x if { some i; input.snapshot.xs[i] == 2 }",
        "x if { some i, y; input.snapshot.xs[i] = y; y == 2 }",
        "x if { some y; y = 2 }",
        "x if { some y; [y, 2] = [1, 2] }",
        'x if { some p, v; walk({"a": 1}, [p, v]); v == 1 }',
        "x if { some i, y in input.snapshot.xs; y == 2 }",
        "x if { some y; y := 2 }",
    ],
)
def test_a_variable_that_gets_a_value_is_fine(rule: str) -> None:
    """By an index, a match, an assignment or a relation."""
    assert evaluate(definition(f"package a\n{rule}"), {"xs": [1, 2]}) is True


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        (
            {"a.rego": "package a\nx := 1", "b.rego": "package acs_sidecar_query.b\ny := 1"},
            "rego-package-reserved: b.rego:1:9: {}: the package `acs_sidecar_query` is reserved",
        ),
        (
            {"a.rego": "package a\nimport data.b as input\nx := input.y"},
            "rego-name-reserved: a.rego:1:9: {}: an import may not be called `input`",
        ),
        (
            {"a.rego": "package a\nimport input.b as data\nx := data.y"},
            "rego-name-reserved: a.rego:1:9: {}: an import may not be called `data`",
        ),
        (
            {"a.rego": "package a\nx.y := 1", "b.rego": "package a.x.y.z\nw := 1"},
            "rego-rule-conflict: b.rego:1:9: {}: the package `a.x.y.z` conflicts with the rule `data.a.x.y`",
        ),
    ],
)
def test_names_that_mean_two_things_are_refused(modules: dict[str, str], expected: str) -> None:
    """A policy means the same to its author and to the engine."""
    assert findings(definition(modules)) == [expected.format(MODULES)]


@pytest.mark.parametrize(("name", "version"), [("input", 0), ("data", 0), ("if", 0), ("contains", 0)])
def test_rules_are_not_called_like_documents_or_keywords(name: str, version: int) -> None:
    """Version 0 knows fewer keywords, so that a rule in the style of version 1 falls into two."""
    error = refused(definition(f"package a\nx := 1\n{name} := 2", rego_version=version))
    assert {found.code for found in error.diagnostics} == {"rego-name-reserved"}


@pytest.mark.slow
def test_a_policy_of_many_rules_is_compiled_in_time() -> None:
    """The checks take time in proportion to the text."""
    rules = "".join(f"r{number} := r{number % 50} + data.b.c{number}\n" for number in range(50, 5_000))
    heads = "".join(f"r{number} := {number}\n" for number in range(50))
    policy = compiled(definition(f"package a\nx := r100\n{heads}{rules}"))
    assert policy.bind(binding(definition("", "data.a.r7"))).evaluate(policy_input({})).value == 7


def test_evaluators_of_what_passes_exist() -> None:
    """The smallest policy."""
    assert bound(definition("package a\nx := 1")).evaluate(policy_input(None)).value == 1
