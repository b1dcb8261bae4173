"""Names that `not` and `every` use, and what binds them before."""

import pytest

from acs_sidecar.spec.values import Json
from tests.engines.rego.outcomes import FAILS, HOLDS, codes, outcome
from tests.engines.rego.policies import compiled, definition, evaluate

_MEMBERS = 'names contains "a"\nnumbers["a"] := 1'


@pytest.mark.parametrize(
    "body",
    [
        "not input.snapshot.blocked[e]",
        "not input.snapshot.blocked[e].b",
        "not input.snapshot.blocked[e] == 1",
        "not 1 == input.snapshot.blocked[e]",
        "not blocked[e]",
        "[1 | not input.snapshot.blocked[e]] == [1]",
        "every f in [e] { not input.snapshot.blocked[e][f] }",
        "f := [e]; not input.snapshot.blocked[f[0]]",
        "f := e; not blocked[f]",
    ],
)
def test_not_in_every_looks_for_the_member_that_its_variable_names(body: str) -> None:
    """The engine would look for some member, and fail where there is none."""
    rules = f'x if {{ every e in ["a", "b"] {{ e != "z"; {body} }} }}\nblocked contains "c"'
    assert outcome(rules, {}) == HOLDS
    assert outcome(rules, {"blocked": {"c": 1}}) == HOLDS


@pytest.mark.parametrize("body", ["not input.snapshot.blocked[e]", "not input.snapshot.blocked[e] == 1"])
def test_not_in_every_fails_where_the_member_is_there(body: str) -> None:
    """One that the `not` rules out is enough."""
    assert outcome(f'x if every e in ["a", "b"] {{ {body} }}', {"blocked": {"b": 1}}) == FAILS


@pytest.mark.parametrize(
    "alias",
    ["w = v", "v = w", "w := v", "[w] = [v]", "w = v; u = w; u == w"],
)
@pytest.mark.parametrize(
    "member",
    [
        "input.snapshot.q[w]",
        "input.snapshot.q[w] == 1",
        "input.snapshot.p.q[w]",
        "names[w]",
        "numbers[w]",
    ],
)
def test_not_looks_for_the_member_that_another_variable_names(alias: str, member: str) -> None:
    """An index that has its value from another variable is bound: only that member is looked for."""
    rules = f"x if {{ v := input.snapshot.v; {alias}; not {member} }}\n{_MEMBERS}"
    held: dict[str, Json] = {"q": {"a": 1}, "p": {"q": {"a": 1}}}
    assert outcome(rules, {**held, "v": "b"}) == HOLDS
    assert outcome(rules, {**held, "v": "a"}) == FAILS


@pytest.mark.parametrize(
    "body", ["not input.o[y]; y = 1", 'not 3 == input.o[y].b; [y] = ["a"]', "not f(input.o[y]); input.p[y]"]
)
def test_not_before_what_binds_its_index_is_refused(body: str) -> None:
    """The engine would look for any index that makes it false."""
    assert codes(f"x if {{ {body} }}\nf(v) if v")[0].startswith("rego-not-before: a.rego:2:")


@pytest.mark.parametrize(
    "body",
    [
        "not y = 1; y = input.o",
        "not y = 1; input.o[y]",
        "not [y, 1] = input.p; y = 2",
        "not abs(-5, y); y = input.o",
        "not f(input.o, y); y = input.p",
    ],
)
def test_not_before_what_binds_its_output_is_refused(body: str) -> None:
    """The engine would bind it there, and find that it holds."""
    (found,) = codes(f"x if {{ {body} }}\nf(v) := v")
    assert found.startswith("rego-not-before: a.rego:2:")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("input.snapshot.q[k] = k", ["a"]),
        ("some k; k = input.snapshot.q[k]", ["a"]),
        ("[k, v] = input.snapshot.q[k]; v", ["c"]),
        ('{"k": k, "v": _} = input.snapshot.q[k]', ["d"]),
        ("[input.snapshot.q[k], 1] = [k, 1]", ["a"]),
        ("input.snapshot.q[k][v] = [v, k]", ["e"]),
        ("some k, _ in input.snapshot.q; count(input.snapshot.q[n], n); n == k", []),
    ],
)
def test_an_index_is_bound_before_what_equals_it(body: str, expected: Json) -> None:
    """The engine would find no value for it."""
    snapshot: Json = {
        "q": {"a": "a", "b": "c", "c": ["c", 1], "d": {"k": "d", "v": 2}, "e": {"f": ["f", "e"]}}
    }
    assert evaluate(definition(f"package a\nx contains k if {{ {body} }}"), snapshot) == expected


@pytest.mark.parametrize("body", ['y = "a"; not input.o[y]', "input.o[y] = z; not input.p[y] == z"])
def test_not_behind_what_binds_its_index_is_accepted(body: str) -> None:
    """In this order the engine knows it."""
    compiled(definition(f"package a\nx if {{ {body} }}"))


@pytest.mark.parametrize(
    "body",
    [
        "input.snapshot.m = e",
        "e = input.snapshot.m",
        "[1, e] = [1, input.snapshot.m]",
        '{"q": e} = {"q": input.snapshot.m}',
        "f := [1 | e = input.snapshot.m]; f == [1]",
        "every f in [input.snapshot.m] { e = f }",
        "some f in [input.snapshot.m]; f = e",
        "input.snapshot[f] = e; f",
        "own(input.snapshot.m, e)",
        "s[[e, f]]; f",
        "walk([input.snapshot.m], [f, e]); f == [0]",
    ],
)
def test_a_variable_of_every_is_compared_where_it_could_be_bound(body: str) -> None:
    """The engine would bind it anew, and so allow whatever it is."""
    rules = f'x if every e in ["a"] {{ e != 1; {body} }}\nown(v) := v\ns contains [input.snapshot.m, 1]'
    assert [outcome(rules, {"m": value}) for value in ("a", "b", 1)] == [HOLDS, FAILS, FAILS]


@pytest.mark.parametrize(
    "body",
    [
        'some v in [input.p]; w := v; y := w["a"]; every k, e in v { [a, b] := y; k == "a"; e[0] == a }',
        'some v in [input.p]; {"a": y} := v; every k, e in v { y == [1, 2]; k == "a"; e }',
        "every k in {1, 2} { every e in [3] { e > k; v } }; v = set()",
        "y := 3; every e in input.xs { e < y } with input.xs as [2]",
        "every e in input.p.a { every f in [e] { f = e } }",
    ],
)
def test_what_every_uses_has_its_value_before(body: str) -> None:
    """The engine orders statements without a look into `every`; what that uses stands beside its domain."""
    given: Json = {"p": {"a": [1, 2]}, "xs": [9]}
    assert outcome(f"x if {{ {body.replace('input.', 'input.snapshot.')} }}", given) == HOLDS


@pytest.mark.parametrize(
    "bound",
    [
        "walk(input.s, [_, v])",
        "[_, v] = walk(input.s)",
        "y = input.s; y = v",
        "[v, _] = [input.s, 1]",
        '{"a": v} = {"a": input.s}',
        "input.o[v]",
        'split(input.s, ",", [v])',
    ],
)
@pytest.mark.parametrize(
    "pattern",
    [
        "{v: 1} = input.o",
        "input.o = {v: input.n}",
        "[{v: 1}] = [input.o]",
        '{"a": {v: 1}} = {"a": input.o}',
        "{{v}: 1} = {{e}: 1 | some e in input.xs}",
        "[{v}] = [{e | some e in input.xs}]",
        "[1 | {v: 1} = input.o] = [1]",
    ],
)
def test_a_pattern_waits_for_the_variables_of_its_keys(bound: str, pattern: str) -> None:
    """The engine would evaluate it before they have their values, and fail."""
    given: Json = {"s": "a", "n": 1, "o": {"a": 1}, "xs": ["a"]}
    for body in (f"{bound}; {pattern}", f"{pattern}; {bound}", f"{bound}; not {{v: 2}} = input.o"):
        assert outcome(f"x if {{ {body} }}".replace("input.", "input.snapshot."), given) == HOLDS
