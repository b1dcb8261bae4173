"""Sets ordered beside objects, which the engine orders differently from OPA."""

import pytest

from tests.engines.rego.outcomes import HOLDS, codes, outcome
from tests.engines.rego.policies import definition, findings


@pytest.mark.parametrize(
    "body",
    [
        '{y | y := 1} < {"a": 1}',
        "y := {1}; z := input.y; y < z",
        "s > input.y",
        "data.a.s >= input.y",
        "input.y <= s | {3}",
        "input.y <= s",
    ],
)
def test_a_set_is_not_ordered_beside_what_may_be_an_object(body: str) -> None:
    """OPA orders sets behind objects, and the engine before them."""
    assert codes(f"x if {{ {body} }}\ns contains 1")[0].startswith("rego-set-order: a.rego:2:")


@pytest.mark.parametrize(
    "rules",
    [
        "x := f({1}, input.o)\nf(a, b) := a < b",
        "x := f({1})\nf(a) := g(a)\ng(b) := b < input.o",
        "x := input.o >= s\ndefault s := {1}",
        "x := f(1) < input.o\nf(a) := {a}",
        "x := ({1, 2} - {2}) < input.o",
        "x := object.keys(input.o) < input.o",
        "x := y if { y := input.o < {} with input.o as {1} }",
        "x := input.o >= d\nd.a contains 1",
        "x := input.o >= d\nd.a[k] contains 1 if k := input.k",
        "x := input.o >= d\nd.a.b := s\ns contains 1",
        "x := o < d.s\no[k] := 1 if k := input.k\nd.s contains 1",
        'x := {"a": {"b": "x"}} < {"a": set()}',
        'x := object.union({"a": {1}}, input.o) < input.o',
        "x := array.concat([{1}], []) < input.o",
        "x := [input.o] < [s]\ns contains 1",
        'x if { v := {"a": s}; [input] < [v] }\ns contains 1',
        "x := max([s, {}])\ns contains 1",
        "x := min([[s], [input.o]])\ns contains 1",
        "x := sort([[v | v := s], [input.o]])[0]\ns contains 1",
    ],
)
def test_a_set_is_followed_to_where_it_is_ordered(rules: str) -> None:
    """Through arguments, rules, functions, operators, `with`, and documents that hold them."""
    assert codes(rules)[0].startswith("rego-set-order: a.rego:")


@pytest.mark.parametrize(
    "body",
    [
        'c := [{"a"}]; c[0] > input.o',
        'c := [{"a"}]; v := c[_]; {v} <= {input.o}',
        'c := {"k": {"a"}}; c.k > input.o',
        '[{"a"}][input.i] > input.o',
        '[y | y := {"a"}][0] > input.o',
        'array.concat([{"a"}], [])[0] > input.o',
        '{"a"} = v; v > input.o',
        '[v, {"k": w}] = input.pair; w > input.o; w = {"a"}',
        'some v in [{"a"}]; v > input.o',
        'some k, v in {"z": {"a"}}; v > input.o',
        'some k in {{"a"}}; k > input.o',
        'some [v, _] in [[{"a"}, 1]]; v > input.o',
        '{v | some v in {"a": {"a"}}} <= {input.o}',
        'every v in [{"a"}] { v > input.o }',
        'walk([{"a"}], [_, v]); v > input.o',
        "some v in sets; v > input.o",
        "sets[v]; v > input.o",
        "v := sets[_]; v > input.o",
        "v := by_key[_]; v > input.o",
        "some v in by_key; v > input.o",
        "of_sets[k]; k > input.o",
        "constant[1] > input.o",
        'some v in [{"a"}]; larger(v)',
        'first([{"a"}]) > input.o',
        'only([{"a"}]) > input.o',
        'c := [{"a"}, input.o]; max(c) == {"a"}',
        'c := [{"a"}]; sort([c[0], input.o])[0] == {"a"}',
        'some w in [{"a"}]; [1, w] > [1, input.o]',
        'some v in union({{{"a"}}}); v > input.o',
        "{1} < io.jwt.decode(input.token)[1]",
    ],
)
def test_a_set_is_followed_out_of_what_holds_it(body: str) -> None:
    """By look-up, iteration, destructuring, arguments, and functions that return what they are given."""
    rules = (
        'sets contains {"a"}\nby_key[k] := {"a"} if some k in [1]\nof_sets[{1}] := 2 if input.o\n'
        'constant := {1: {"a"}}\nlarger(v) if v > input.o\nfirst(v) := v[0]\nonly([v]) := v'
    )
    assert codes(f"x if {{ {body} }}\n{rules}")[0].startswith("rego-set-order: a.rego:")


_MIXED = "\ns contains {1}\ns contains input.o"


@pytest.mark.parametrize(
    "rules",
    [
        'x := [type_name(v) | some v in {{1}, {"a": 1}}]',
        'x := concat(",", [y | some v in s; y := json.marshal(v)])' + _MIXED,
        "x := [type_name(v) | s[v]]" + _MIXED,
        "x := [type_name(s[_]) | true]" + _MIXED,
        "x := [type_name(v) | v := s[_]]" + _MIXED,
        "x := [type_name(v) | walk(s, [_, v])]" + _MIXED,
        "x := f(s)\nf(a) := [type_name(v) | some v in a]" + _MIXED,
        "x := [k | some k, _ in o]\no[k] := 1 if some k in s" + _MIXED,
        "x := [type_name(v) | some v in s | {input.o}]\ns contains {1}",
        "x := [1 | some v in union({s, {input.o}})]\ns contains {1}",
        "x := [type_name(y) | some y in input.o with input.o as {{1}, {}}]",
    ],
)
def test_an_array_is_not_made_of_a_set_of_sets_and_objects(rules: str) -> None:
    """Its order would be another one than OPA's."""
    (found,) = findings(definition(f"package a\n{rules}"))
    assert found.startswith("rego-set-order: a.rego:")
    assert found.endswith(
        "OPA iterates over sets behind objects, and this engine before them: make a set of what is found, "
        "`{… | …}`, or iterate over each kind by itself"
    )


@pytest.mark.parametrize(
    "rules",
    [
        'x if [v.m | some v in s] == ["a"]\ns contains {"m": "a", "d": {"n": {1, 2}}}',
        'x if [v.m | some v in union({s, s})] == ["a"]\ns contains {"m": "a", "d": t} if t := {1} - {2}',
        "x if [count(v) | some v in {{1}, {2, 3}}] == [1, 2]",
        'x if [count(v) | some v in [{1}, {"a": 1}]] == [1, 1]',
        "x if count({1 | some v in s}) == 1" + _MIXED,
        'x if [v | some v in s] == [{"n": 3}]\ns contains v if v := input.snapshot',
    ],
)
def test_an_array_may_be_made_of_sets_of_one_kind(rules: str) -> None:
    """What stands in the elements, in arrays and in other comprehensions is no reason to refuse."""
    assert outcome(rules, {"n": 3}) == HOLDS


@pytest.mark.parametrize(
    "rules",
    [
        "x := f({1}, {2})\nf(a, b) := a < b",
        "x := f(1, 2)\nf(a, b) := a < b\ns := {1}",
        "x if { some a in s; a < input.snapshot.n }\ns contains 1",
        "x if { s := {1}; input.snapshot.n > count(s) }",
        "x := {y | some y in [0]} < {1}",
        "x := max([count({1}), input.snapshot.n]) == 3",
        "x if { some k, n in counts; n <= input.snapshot.n }\ncounts[k] := count(v) if some k, v in groups\n"
        "groups.a contains 1",
        "x if { some limit in limits; input.snapshot.n <= limit }\nlimits := {3, 5}",
        "x if { max(limits) >= input.snapshot.n }\nlimits contains n if some n in [input.snapshot.n]",
        'x if { input.snapshot.n <= table.limit }\ntable := {"limit": 3, "names": {"a"}}',
        'x if { some row in table; row.limit >= 3 }\ntable := {"t": {"limit": 3, "names": {"a"}}}',
    ],
)
def test_what_no_set_reaches_may_be_ordered(rules: str) -> None:
    """A set elsewhere in the policy, or sets alone, are no reason to refuse it."""
    assert outcome(rules.replace("x :=", "x if"), {"n": 3}) == HOLDS


@pytest.mark.parametrize(
    "body", ["s < {2}", "count(s) < 3", "s > 3", "y := {1}; y <= s", "some y in s; y < 3"]
)
def test_sets_are_ordered_beside_sets_and_scalars(body: str) -> None:
    """There both agree."""
    assert outcome(f"x if {{ {body} }}\ns contains 1", {}) == HOLDS


_UNSORTED = (
    "OPA iterates over a set of several values that are not constants in another order, and over equal ones "
    "twice: make one of an array, `{x | some x in [… ]}`, or iterate over that"
)


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ("x := [v | some v in {input.a, input.b}]", "2:11"),
        ('x := count([1 | some v in {"a", input.b}])', "2:17"),
        ("x := [v | s := {input.a, lower(input.b)}; s[v]]", "2:44"),
        ("x := [v | some s in [{[input.a], [input.b]}]; some v in s]", "2:47"),
        ("x := [v | some v in s]\ns := {input.a, input.b}", "2:11"),
        ("x := [v | some v in s.k]\ns.k := {input.a, input.b}", "2:11"),
        ("x := f({input.a, input.b})\nf(s) := [v | some v in s]", "3:14"),
        ("x if { y with input.c as {input.a, input.b} }\ny := [v | some v in input.c]", "3:11"),
    ],
)
def test_an_array_of_a_set_with_values_that_may_be_equal_is_refused(rules: str, place: str) -> None:
    """OPA lists equal ones twice, and all of them as they are written."""
    found = findings(definition(f"package a\n{rules}"))
    assert f"rego-set-order: a.rego:{place}: policies.main.modules: {_UNSORTED}" in found


@pytest.mark.parametrize(
    "rules",
    [
        'x if [v | some v in {"a", "b", ["c", {1}]}] == ["a", "b", ["c", {1}]]',
        "x if [v | some v in {input.snapshot}] == [1]",
        "x if {v | some v in {input.snapshot, 1}} == {1}",
        "x if [v | some v in {w | some w in [input.snapshot, 1]}] == [1]",
        "x if [v | some v in ({input.snapshot, 1} | {1})] == [1]",
        "x if [v | some v in ({input.snapshot, 1} - {2})] == [1]",
        "x if [v | s := {input.snapshot, 1}; v := count(s)] == [1]",
        "x if [v | some v in s] == [1]\ns contains input.snapshot\ns contains 1",
        "x if [1 | input.snapshot in {input.snapshot, 1}] == [1]",
        "x if { some v in {input.snapshot, 1}; v == 1 }",
    ],
)
def test_an_array_of_another_set_is_accepted(rules: str) -> None:
    """Of constants, of one value, or as a comprehension, rule or operator makes it."""
    assert outcome(rules, 1) == HOLDS
