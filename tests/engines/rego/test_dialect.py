"""What the engine alone would decide differently from OPA: rewritten, or refused when compiled."""

from itertools import pairwise

import pytest

from acs_sidecar.spec.values import Json
from tests.engines.rego.outcomes import FAILS, HOLDS, codes, outcome
from tests.engines.rego.policies import bound, compiled, definition, evaluate, findings, policy_input


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ('not input.xs[_] == "b"', ["2:21"]),
        ('some i; not startswith(input.xs[i], "b")', ["2:40"]),
        ("not input.xs[i][j]", ["2:21", "2:24"]),
        ("ys := [y | not input.xs[y]]; ys", ["2:15"]),
        ("ys := {y | z := 1; not input.xs[y] == z}; ys", ["2:15"]),
        ("every y in input.xs { not y.tags[_] }", ["2:41"]),
        ("not input.xs[_] with input.xs as [1]", ["2:21"]),
        ("input.xs with input.xs as y", ["2:34"]),
        ("count(y) == 1", ["2:14"]),
        ("y == input.xs", ["2:8"]),
        ("y in input.xs", ["2:8"]),
        ("y = z", ["2:8", "2:12"]),
        ("ys := [i | input.xs[i] == z]; z := 1; ys", ["2:15", "2:34"]),
        ("{k: v} = input.xs; v", ["2:9", "2:27"]),
    ],
)
def test_a_variable_that_nothing_makes_safe_is_refused(body: str, places: list[str]) -> None:
    """OPA refuses each of these; the engine takes some for "some value", and so turns denials off."""
    found = codes(f"x if {{ {body} }}")
    assert found == [f"rego-variable-unsafe: a.rego:{place}" for place in dict.fromkeys(places)]


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ("x contains y if input.z", "2:12"),
        ("x[y] := 1 if input.z", "2:3"),
        ("x := [y, 1] if input.z", "2:7"),
        ("x := {y: 1} if input.z", "2:7"),
        ("f(y) := z if y\nx := 1", "2:9"),
        ("x := 1 if { y := 1; y } else := y", "2:33"),
        ("x := [z | input.y[_]]", "2:7"),
    ],
)
def test_a_head_that_nothing_binds_is_refused(rule: str, place: str) -> None:
    """A value that a head names must come from its own body or arguments."""
    assert codes(rule) == [f"rego-variable-unsafe: a.rego:{place}"]


@pytest.mark.parametrize(
    "body",
    [
        "input.ys[i]; not input.xs[i] == 1",
        "walk(input, [path, value]); value == path",
        "[a, b] = input.xs; a < b",
        "not f(f(input.xs[_]))",
        "a = b; b = [c | c = input.xs[_]]; a",
        "input.xs[i] + input.ys[i] > 2",
        "count(input.xs, n); n == 2",
        "s := {[1, 2]}; s[[a, 2]]; a == 1",
        "z := [i | input.xs[i]]; w := [i | input.ys[i]]; z != w",
        "every k, v in input.xs { k < v }",
        "some k, [v, _] in input.xs; k < v",
    ],
)
def test_a_variable_that_something_makes_safe_is_accepted(body: str) -> None:
    """OPA compiles each of these, in whichever order its expressions stand."""
    evaluate(definition(f"package a\ndefault x := false\nx if {{ {body} }}\nf(v) := v"), {})


@pytest.mark.parametrize(
    "expression",
    [
        'startswith(input.snapshot.x, "a")',
        "input.snapshot.x != 1",
        "input.snapshot.x < 1",
        'input.snapshot.x in ["a"]',
        '"a" in input.snapshot.x',
        "input.snapshot.x in input.snapshot.y",
        'lower(input.snapshot.x) == "a"',
        "(input.snapshot.x + 1) * 2 == 4",
        "input.snapshot.list[input.snapshot.x] == 1",
        "input.snapshot.list[input.snapshot.x]",
        "[input.snapshot.x] == [1]",
        '{"a": 1, "b": input.snapshot.x} == {"a": 1, "b": 2}',
        "own(input.snapshot.x)",
        "data.a.own(input.snapshot.x)",
        "own(undefined)",
        "own([1, {2: input.snapshot.x}])",
        'contains("text", input.snapshot["x"])',
        'startswith(input.snapshot.x, "a") with input.snapshot.y as "b"',
    ],
)
@pytest.mark.parametrize("shape", ["x if not {}", "x if {{ not {} }}", "x if {{ true\n\tnot {}\n\ttrue }}"])
def test_not_before_a_call_with_an_undefined_argument_fails(shape: str, expression: str) -> None:
    """OPA evaluates the arguments before the `not`: the body fails, and allows nothing."""
    rule = f"{shape.format(expression)}\nown(v) if v == 1\nundefined if false"
    assert outcome(rule, {"list": {"1": 1}}) == FAILS


@pytest.mark.parametrize(
    "expression",
    [
        "input.snapshot.x",
        "input.snapshot.x == 1",
        "1 == input.snapshot.x",
        "input.snapshot.x = 1",
        "undefined",
        "own(2)",
        "count([y | y := input.snapshot.x]) == 1",
        'count([1 | not lower(input.snapshot.x) == "a"]) == 1',
    ],
)
def test_not_before_what_is_undefined_itself_holds(expression: str) -> None:
    """Where nothing is evaluated before the `not`, undefined is what it negates."""
    assert outcome(f"x if not {expression}\nown(v) if v == 1\nundefined if false", {}) == HOLDS


@pytest.mark.parametrize(
    ("rule", "allowed", "denied"),
    [
        ("every y in input.snapshot.xs { not y.a in [1] }", [{"a": 2}], [{"b": 2}]),
        ('[1 | not lower(input.snapshot.xs) == "a"] == [1]', "B", "A"),
        ("not f([y | some y in input.snapshot.xs; not y.a > 1])", [{"a": 2}], [{"a": 1}]),
        ("count({y | some y in input.snapshot.xs; not f([y.a])}) == 1", [{"a": False}], [{"b": 1}]),
    ],
)
def test_not_in_inner_bodies(rule: str, allowed: Json, denied: Json) -> None:
    """The arguments are evaluated in the body that the `not` stands in."""
    rule = f"x if {{ {rule} }}\nf(v) if v[0]"
    assert [outcome(rule, {"xs": xs}) for xs in (allowed, denied)] == [HOLDS, FAILS]


PATTERNS = [
    '{"role": r} := input.snapshot.claims; r == "reader"',
    '{"role": r} = input.snapshot.claims; r == "reader"',
    'input.snapshot.claims = {"role": r}; r == "reader"',
    '[{"role": r}] := [input.snapshot.claims]; r == "reader"',
    '{"claims": {"role": r}} := {"claims": input.snapshot.claims}; r == "reader"',
    'some {"role": r} in [input.snapshot.claims]; r == "reader"',
    'some {"role": "reader"} in [input.snapshot.claims]',
    'some _, [{"role": "reader"}, 1] in [[input.snapshot.claims, 1]]',
    'some r; {"role": r} = input.snapshot.claims with input.snapshot.y as 1; r == "reader"',
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_an_object_pattern_matches_exactly_its_members(pattern: str) -> None:
    """An object with one more member, a list or a text is no match."""
    more: Json = {"role": "reader", "suspended": True}
    values: list[Json] = [{"role": "reader"}, more, {}, ["reader"], "reader", None]
    matched = [outcome(f"x if {{ {pattern} }}", {"claims": value}) for value in values]
    assert matched == [HOLDS, FAILS, FAILS, FAILS, FAILS, FAILS]


@pytest.mark.parametrize(
    "rule",
    [
        'x := f(input)\nf({"a": y}) := y',
        'x := f(input)\nf([{"a": 1}]) := 1',
        "x if { some {k: 1} in input.xs; k }",
        'x if { {"a": y, "a": z} := input.xs; y == z }',
        'x if { {"a": y} = {"a": 1, "b": input.xs}; y }',
        'x if { walk(input, [_, {"a": y}]); y }',
        'x if { {"a": {input.y: z}} := input.xs; z }',
    ],
)
def test_an_object_pattern_that_cannot_be_rewritten_is_refused(rule: str) -> None:
    """It would match objects with more members."""
    found = {said.partition(":")[0] for said in codes(rule)}
    assert found <= {"rego-object-pattern", "rego-variable-unsafe"}
    assert found


@pytest.mark.parametrize(
    ("body", "value"),
    [('y = {"a": z}; z = 1; y.a == 1', HOLDS), ('y := {"a": 1}; {"a": 1} = y', HOLDS)],
)
def test_an_object_that_is_no_pattern_stays(body: str, value: str) -> None:
    """`=` with an object whose variables have a value builds or compares."""
    assert outcome(f"x if {{ {body} }}", {}) == value


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("count(1, 2, 3)", "`count` takes 1 arguments, not 3"),
        ('startswith("a")', "`startswith` takes 2 arguments, not 1"),
        ("f(1)", "`f` takes 2 arguments, not 1"),
        ("data.a.f(1)", "`data.a.f` takes 2 arguments, not 1"),
        ("[f(1, 2, 3)]", "`f` takes 2 arguments, not 3"),
    ],
)
def test_a_call_with_the_wrong_number_of_arguments_is_refused(call: str, said: str) -> None:
    """The engine would fail only when it reaches the call."""
    found = findings(definition(f"package a\nx := {call}\nf(y, z) := y + z"))
    assert found[0].startswith("rego-arity: a.rego:2:")
    assert found[0].endswith(said)


def test_the_lines_of_a_text_stay_where_they_are() -> None:
    """An error names the line that its author wrote, behind any number of rewritten statements."""
    text = 'package a\nx if {\n\tnot lower(\n\t\tinput.x # why\n\t) == "a"\n\t{"a": y} :=\n\t\tinput.y\n\tz := 1 }\n'
    places = [findings(definition(text + "\n" * lines + "y := nothing(1)"))[0] for lines in range(3)]
    assert [place.split(":")[2] for place in places] == ["9", "10", "11"]


def test_the_analysis_takes_time_in_proportion_to_the_source() -> None:
    """Rules that bind in the worst order, each waiting for the next, cost no square."""
    from acs_sidecar.engines.rego.dialect.inference import Unit, infer
    from acs_sidecar.engines.rego.dialect.scopes import Variable

    names = [f"v{number}" for number in range(20_000)]
    units = [
        Unit(
            {name: Variable(name, name, 1, 1) for name in (one, other)},
            [(frozenset({other}), frozenset({one}))],
        )
        for one, other in pairwise(names)
    ]
    assert infer(units, ["v19999"]) == set(names)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("default x := 1\ndefault x := 2", "rego-default-twice: a.rego:3:9"),
        ("default f(_) := 1\ndefault f(_) := 2\nx := f(1)", "rego-default-twice: a.rego:3:9"),
        ("f(y) := y\nf(y, z) := z\nx := f(1)", "rego-rule-conflict: a.rego:3:1"),
        ("x := 1\nx contains 2", "rego-rule-conflict: a.rego:3:1"),
        ("x := 1\nx(y) := y", "rego-rule-conflict: a.rego:3:1"),
        ("x contains 1\nx[y] := 1 if y := 2", "rego-rule-conflict: a.rego:3:1"),
        ("default x := 1\nx contains 2", "rego-rule-conflict: a.rego:2:9"),
        ("default x := 1\nx[y] := 2 if y := 1", "rego-rule-conflict: a.rego:2:9"),
        ("x.b := 1\nx := {} if input.y", "rego-rule-conflict: a.rego:2:1"),
        ("x.b.c := 1\nx.b contains 2", "rego-rule-conflict: a.rego:2:1"),
        ("x[y] contains 1 if y := 1\nx.b contains 2 if input.z", "rego-rule-conflict: a.rego:3:1"),
        ("x[y] := 1 if y := 1\nx.b.c := 2 if input.z", "rego-rule-conflict: a.rego:3:1"),
        ("x[y] := 1 if y := 1\ndefault x.b := 2", "rego-rule-conflict: a.rego:3:9"),
        ("x.c[y] := 1 if y := 1\nx.c.b[y] := 2 if y := input.z", "rego-rule-conflict: a.rego:3:1"),
        ('x[y].c contains 1 if y := "b"\nx.b.c contains 2', "rego-rule-conflict: a.rego:3:1"),
    ],
)
def test_rules_that_disagree_about_their_name_are_refused(rules: str, said: str) -> None:
    """OPA refuses each of these, or leaves empty members out; the engine takes one of the rules, or all."""
    assert said in codes(rules)


@pytest.mark.parametrize(
    "rules",
    [
        "default x.b := 1\nx.b := 2 if input.y\nx.c.d := 3",
        "x.b := 1\nx[y] := 2 if y := input.z",
        'x[y].c contains 1 if y := "b"\nx[y].c contains 2 if y := input.z',
        "default x(_) := 1\nx(1) := 2\nx(y) := 3 if y == 4",
        "x[1].b := 2\nx[2].c := 3",
    ],
)
def test_rules_that_make_up_one_object_are_accepted(rules: str) -> None:
    """Members from several rules, and a function with several bodies."""
    compiled(definition(f"package a\n{rules}"))


@pytest.mark.parametrize("rule", ["d.b := 1", "d.b.c := 1", 'd["b c"] := 1', "d[y].c := 1"])
@pytest.mark.parametrize("reference", ["d", "data.a.d"])
def test_an_object_that_heads_make_up_is_empty_rather_than_undefined(rule: str, reference: str) -> None:
    """`not` before it does not hold, as in OPA."""
    body = "if y := input.snapshot.y" if "[y]" in rule else "if input.snapshot.y"
    assert outcome(f"x if not {reference}\n{rule} {body}", {}) == FAILS
    assert outcome(f"x if {reference} == {{}}\n{rule} {body}", {}) == (
        FAILS if "].c contains" in rule or "b.c" in rule else HOLDS
    )


@pytest.mark.parametrize(
    "statement",
    [
        "d != 1 with input.snapshot as d",
        "input.snapshot == d with input.snapshot as d",
        "not d == 1 with input.snapshot as d",
        "some _ in d with input.snapshot as d",
        "every y in d { y } with input.snapshot as d",
        "f(d) with input.snapshot as {1: d}",
        "g(1) with g as f",
    ],
)
def test_the_value_of_with_is_evaluated_before(statement: str) -> None:
    """A rule may be read by what its own value applies to."""
    rules = (
        f"x if {{ {statement} }}\nd[y] := true if y := input.policy_target.value.y\nf(v) if v\ng(v) if v == 2"
    )
    assert outcome(rules, {"y": "k"}) == HOLDS


def test_an_undefined_value_of_with_fails_the_body() -> None:
    """Also where `not` stands before what it applies to."""
    assert outcome("x if { not input.snapshot.y == 1 with input.snapshot.y as input.z }", {}) == FAILS


@pytest.mark.parametrize(
    "package", ["package lib.deep\nimport data.lib", "package lib.deep\nimport data.lib as lib"]
)
def test_a_package_may_import_the_one_above_it(package: str) -> None:
    """An import stands for what is named behind it, not for all below it."""
    modules = {
        "a.rego": "package a\nimport data.lib.deep\ndefault x := false\nx if { 1 in deep.s; not lib_y }\nlib_y if false",
        "lib.rego": "package lib\ny := 1\nf(v) := v",
        "deep.rego": f"{package}\ns contains lib.f(1) if lib.y with input.snapshot as lib.y",
    }
    assert evaluate(definition(modules), {}) is True


@pytest.mark.parametrize("rule", ["q := 3", "q contains 1", "q(v) := v", "default q := 1", "q.b := 1"])
def test_a_rule_with_the_name_of_an_import_is_refused(rule: str) -> None:
    """OPA takes the import, and the engine the rule."""
    column = 9 if rule.startswith("default") else 1
    modules = {"a.rego": f"package a\nimport data.q\nx := 1\n{rule}", "q.rego": "package q\nb := 1"}
    assert findings(definition(modules))[0].startswith(f"rego-import-shadowed: a.rego:4:{column}")


@pytest.mark.parametrize(
    "body", ["y := 3; -y == 3", "y := -input.y; y", "y := 3; not -y == 3", "y := [-input.y]; y"]
)
def test_a_minus_before_anything_but_a_number_is_refused(body: str) -> None:
    """The engine reads it as if it stood before the whole comparison, and fails when it gets there."""
    assert codes(f"x if {{ {body} }}")[0].startswith("rego-unary-minus: a.rego:2:")


@pytest.mark.parametrize(
    "value", ["input.z", "y.z", "lower(y.z)", "[y.z]", "y.z + 1", "r", "own(y)", "lib.z", "[v | v := y][3]"]
)
@pytest.mark.parametrize(
    "body", ["if y", "if { y }", "if {\n\ty # why\n}", "if not own(y)", 'if { {"a": _} := y }']
)
def test_an_undefined_value_of_a_function_leads_to_its_else(value: str, body: str) -> None:
    """OPA goes on to the `else`, in a function as in a rule."""
    rules = f"f(y) := {value} {body}\nelse := 3 if y\nelse := 4\nr if input.z\nown(y) := 1 if y == 2"
    assert evaluate(definition(f'package a\nimport data.lib\nx := f({{"a": 1}})\n{rules}')) == 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("y", {"a": 1}),
        ("y.a", 1),
        ("[z | z := y.a; not z == 2]", [1]),
        ("count(y) + 1", 2),
        ("[z | z := y.b]", []),
    ],
)
def test_a_defined_value_of_a_function_is_its_value(value: str, expected: Json) -> None:
    """Where the first body holds, no `else` is looked at."""
    rules = f"f(y) := {value} if y else := 3 if y.a else := input.z"
    assert evaluate(definition(f'package a\nx := f({{"a": 1}})\n{rules}')) == expected


@pytest.mark.parametrize(
    ("version", "text"),
    [
        (0, "package a\nx { not d.e }\nd.e.f = 1 { input.z }"),
        (0, "package a\nimport rego.v1\nx if not d.e\nd.e.f := 1 if input.z"),
        (1, "package a\nx if not d.e\nd.e.f := 1 if input.z"),
    ],
)
def test_an_object_of_nested_heads_is_empty_in_each_syntax(version: int, text: str) -> None:
    """`d` is `{}` where none of its rules holds, and `d.e` too, so that `not d.e` fails."""
    evaluator = bound(definition(text, "data.a.d", rego_version=version))
    assert evaluator.evaluate(policy_input()).value == {"e": {}}
