"""What OPA evaluates before an expression is evaluated before it here: its conflicts end the evaluation."""

import pytest

from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import bound, compiled, definition, evaluate, failure, policy_input

_RULES = """
f(v) := input.snapshot.q
f(v) := {"a": 1}
g(v, w) := [v, w]
deep(v) := f(v)
many := v if some v in input.snapshot.values
members[k] := v if { some k in ["a"]; some v in input.snapshot.values }
undefined if false
below.many := v if some v in input.snapshot.values
"""
_SNAPSHOT: Json = {"q": {"b": 2}, "values": [1, 2], "xs": ["a"]}


@pytest.mark.parametrize(
    "statement",
    [
        "input.o[i] == f(input.snapshot.xs)",
        "input.o[i] == deep(1)",
        "input.o[i] == [1, f(1)]",
        'input.o[i] == {"a": many}',
        'input.o[i] == {"a": below.many}',
        "input.o[i] == [members]",
        "input.o[i] = [1, many]",
        "many == input.o",
        'input.snapshot.xs[0] in ["a", "b"]; {input.o, many} == {1}',
        "not g(undefined, f(1))",
        "some i in g(undefined, f(1))",
        "every i in g(undefined, f(1)) { i == 1 }",
        "[1 | g(input.o, f(1))] == []",
        "input.o == [many] with input.snapshot.xs as 1",
        "[1 | input.o[i] == f(1)] == []",
        "y := input.snapshot.xs[0]; input.o[y] == f(y)",
        "f(1).a == input.o",
        '{"z": undefined, "g": many} == input.snapshot.q',
        "not false with input.snapshot.xs as {undefined, many}",
        'input.snapshot.q with input.snapshot.xs as {"z": undefined, "g": many}',
        'not false with input.snapshot.xs as {"z": undefined, "g": many}',
        "not false with input.snapshot.xs as [undefined, f(1)]",
        "input.snapshot.q with input.snapshot.xs as undefined with input.snapshot.q as [f(1)]",
        'some z in [1] with input.snapshot.xs as {"z": undefined, "g": f(1)}',
        'every z in [1] { z } with input.snapshot.xs as {"z": undefined, "g": f(1)}',
        'some z in [1]; g(z, 1) with input.snapshot.xs as {"z": undefined, "g": f(z)}',
        "g(1, many)[1] == input.o",
        "[1, many][1] == input.o",
        '{"a": many}["a"] = input.o',
        "[[many]] == input.o",
        '{"a": f(1)} == input.o',
        "{f(1)} == input.o",
        *(
            f"walk(input.snapshot.xs, [_, w]); {both}"
            for both in (
                "y := f(w); undefined",
                "y := f(w); z := undefined",
                "y := f(w); [z] = [undefined]",
                "y := f(w); not g(undefined, 1)",
                "y := f(w); some z in input.o",
                "y := f(w); every z in undefined { z }",
                "y := f(w); walk(undefined, z)",
                "f(w); undefined",
                "f(w); undefined == w",
                "not f(w); undefined",
                "every e in [w] { f(e) == e }; undefined",
                "input.snapshot.q with input.snapshot.xs as f(w); undefined",
                "[1 | f(w)] == [1]; undefined",
                "y := {w: 1 | f(w)}; undefined",
            )
        ),
    ],
)
def test_a_conflict_that_opa_meets_first_ends_the_evaluation(statement: str) -> None:
    """The undefined part would end the statement here, and the conflict stay unseen."""
    evaluator = bound(definition(f"package a\ndefault x := false\nx if {{ {statement} }}\n{_RULES}"))
    reason, detail = failure(evaluator, policy_input(_SNAPSHOT))
    assert reason is Reason.POLICY_INVOCATION_FAILED
    assert detail == "`data.a.x` could not be evaluated: a function failed or rules disagree"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("lower(input.o) == f(lower(input.z))", False),
        ("walk(input.snapshot.xs, [_, w]); y := f(w); input.o", False),
        ("some w in input.snapshot.xs; y := f(w); input.o", False),
        ("walk(input.snapshot.xs, [_, w]); y := f(w); input.o == 1", False),
        ("walk(input.snapshot.xs, [_, w]); y := f(w); input.o != 1", False),
        ('walk(input.snapshot.xs, [_, w]); y := f(w); glob.match("a", [], input.o)', False),
        ("walk(input.snapshot.xs, [_, w]); y := f(w); some z in {1, input.o[0]}", False),
        ("walk(input.snapshot.xs, [_, w]); y := f(w); z := [input.o]", False),
        ('f(1); 1 in {"a": 1}; not g(1, input.o)', False),
        ("walk(input.snapshot.values, [[0], w]); y := one(w); not undefined; y == input.snapshot.q", True),
        ('walk(input.snapshot.xs, [_, w]); not f(w) with f as false; w == "a"', True),
        ("walk(input.snapshot.xs, [_, w]); f(w) with f as false; w", False),
        ('y := [w | walk(input.snapshot.xs, [_, w]); not one(w); w == "a"]; y == ["a"]', True),
        ("some w; count([1 | f(w)]) == 0; w = input.snapshot.nothing", False),
        ("input.o; f(1)", False),
        ('not false with input.snapshot.xs as {"g": many, "z": input.o}', False),
        ('not false with input.snapshot.xs as {"z": undefined, lower("A"): many}', False),
        ('not false with input.snapshot.xs as {"g": undefined, "z": many}', False),
        ("not false with input.snapshot.xs as undefined with input.snapshot.q as [many]", False),
        ("g(input.o, many)", False),
        ("input.o == f(1)", False),
        ("f(1) == input.o", False),
        ("input.o == [data.a.many]", False),
        ("input.o == [f(1), g(1, many), 1]", False),
        ("y := input.snapshot.q; input.o == [y, f(1)]", False),
        ('input.o == [{"k": v | some v in input.snapshot.values}]', False),
        ("not g(input.o, f(1))", False),
        ("f(undefined) == 1", False),
        ("count(input.o) == count([1 | many])", False),
        ("input.snapshot.q == one(1)", True),
        ("not input.o == one(1)", True),
        ("not input.o == f(input.z)", False),
        ("not input.o == [input.z, many]", False),
        ('input.snapshot.xs[0] in ["a"]; {input.o, many} == {1}', False),
        ("[one(v) | some v in input.snapshot.xs] == [input.snapshot.q]", False),
    ],
)
def test_what_opa_does_not_reach_is_not_evaluated(statement: str, expected: bool) -> None:
    """What depends on the statement itself, or stands behind what is undefined, is evaluated where it stands."""
    rules = f'{_RULES}\none(v) := input.snapshot.q if v == 1\none(v) := ["a"] if v == 0'
    text = f"package a\ndefault x := false\nx if {{ {statement} }}\n{rules}"
    assert evaluate(definition(text), _SNAPSHOT) is expected


@pytest.mark.parametrize(
    "rule",
    [
        'y := {"b": undefined, "a": many}',
        'y := {"b": undefined, "a": {"a": many}} if input.snapshot.q',
        "y := [undefined, f(1)]",
        "y := {undefined, f(1)}",
        "y := {lower(input.snapshot.xs[0]), undefined, f(1)}",
        "y := count([undefined, f(1)])",
        "y := v if { v := [undefined, f(1)] }",
        "y := [w, undefined, f(w)] if { w := input.snapshot.q }",
        'y["k"] := [undefined, f(1)]',
        "y[[undefined, f(1)]] := 1",
        "y contains [undefined, f(1)] if input.snapshot.q",
        "y := [[undefined, f(1)] | true]",
        "y := {v: [undefined, f(v)] | some v in input.snapshot.xs}",
        "y := 1 if undefined else := [undefined, f(1)]",
        "y := z(1)\nz(w) := [w, undefined, f(w)]",
        "y := z(1)\nz(w) := [w, undefined, f(w)] if w else := 1",
    ],
)
def test_a_conflict_in_a_head_ends_the_evaluation(rule: str) -> None:
    """OPA calls functions before all else, and takes members by their names: the engine, as they are written."""
    rules = _RULES.replace("members[k]", "others[k]")
    text = f"package a\nx if count([1 | y]) == 7\n{rule}\n{rules}"
    reason, detail = failure(bound(definition(text)), policy_input(_SNAPSHOT))
    assert reason is Reason.POLICY_INVOCATION_FAILED
    assert detail == "`data.a.x` could not be evaluated: a function failed or rules disagree"


@pytest.mark.parametrize("count", [3, 30, 300])
@pytest.mark.parametrize(
    "rule",
    [
        "y := {}",
        "y := z(1)\nz(w) := {}",
        "y contains {}",
        "y if input.snapshot.q with input.snapshot.xs as {}",
    ],
)
def test_a_long_object_that_may_conflict_is_accepted(rule: str, count: int) -> None:
    """The engine reads 1,024 columns: what is bound before the object leaves the line shorter."""
    members = "".join(f'"k{place}": f({place}),\n' for place in range(count))
    text = rule.replace("{}", f'{{"a": input.snapshot.xs[0],\n{members}}}')
    compiled(definition(f"package a\nx := y\n{text}\n{_RULES}"))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("y contains [input.nothing, one(1)]", []),
        ('y := {"b": one(1), "a": input.snapshot.xs[0]}', {"a": "a", "b": 1}),
        ('y := [{"b": one(v), "a": v} | some v in [1, 2]]', [{"a": 1, "b": 1}, {"a": 2, "b": 2}]),
        ('y := {v: {"b": v, "a": one(v)} | some v in ["c"]}', {"c": {"a": "c", "b": "c"}}),
        (
            'y := z(2)\nz(w) := {"b": w, "a": one(w)} if w == 1 else := {"b": 3, "a": one(w)}',
            {"a": 2, "b": 3},
        ),
    ],
)
def test_a_head_without_a_conflict_keeps_its_value(rule: str, expected: Json) -> None:
    """Also where its parts are evaluated in another order than they are written in."""
    text = f"package a\nx := y\n{rule}\none(v) := v if v != 5\none(v) := 5 if v == 5"
    assert evaluate(definition(text), _SNAPSHOT) == expected


@pytest.mark.parametrize(
    "body",
    [
        "y := input.snapshot.k; z := y; input.snapshot.o[z]",
        "some y in [input.snapshot.k]; z := y; input.snapshot.o[z] == 1",
        "y := input.snapshot.k; z := y; w := z; input.snapshot.o[w] == 1",
        "y := input.snapshot.k; y = z; input.snapshot.o[z] == 1",
        "y := input.snapshot.k; z = y; not input.snapshot.p[z]",
        "some i; input.snapshot.xs[i]; j := i; input.snapshot.xs[j] == 1",
        "y := input.snapshot.k; [v | z := y; v := input.snapshot.o[z]] == [1]",
        'some y in ["k"]; y == "k"; every e in [1] { z := y; input.snapshot.o[z] == e }',
        "walk(input.snapshot.k, [_, z]); count([z]) == input.snapshot.o[z]",
        "some z; walk(input.snapshot.k, [_, z]); count([z]) == input.snapshot.o[z]",
        "walk(input.snapshot.k, w); z := w[1]; count([z]) in [input.snapshot.o[z]]",
        "[_, y] := walk(input.snapshot.k); z := y; count([z]) == input.snapshot.o[z]",
        "[p, z] = walk(input.snapshot.k); count(p) + 1 == input.snapshot.o[z]",
        "y := [1, input.snapshot.k]; [_, z] = y; not count([z]) != input.snapshot.o[z]",
        "y := [1, input.snapshot.k]; [_, z] := y; w := z; count([w]) == input.snapshot.o[w]",
        'some y in [[input.snapshot.k]]; {"a": [z]} = {"a": y}; count([z]) == input.snapshot.o[z]',
        "y := input.snapshot.k; [z] = [y]; count([z]) < input.snapshot.o[z] + 1",
        "z = w; w = input.snapshot.k; count([z]) == input.snapshot.o[z]",
        "count([z]) == input.snapshot.o[z]; y := [1, input.snapshot.k]; z = y[1]",
        "input.snapshot.o[z] == count([z]); [_, z] = walk(input.snapshot.k)",
    ],
)
def test_a_variable_that_is_another_one_is_an_index(body: str) -> None:
    """The engine alone refuses these rules, or takes the index for unbound when it evaluates them."""
    given: Json = {"k": "k", "o": {"k": 1}, "p": {}, "xs": [1]}
    assert evaluate(definition(f"package a\ndefault x := false\nx if {{ {body} }}"), given) is True


def test_a_statement_waits_for_what_a_comprehension_of_its_with_reads() -> None:
    """The value of `with` reads a variable that the statement after it binds."""
    value = '{w: input.snapshot.n | concat(",", {"b"}) > input.snapshot.t; not input.snapshot.o[w]}'
    body = f'input.snapshot.s with input.snapshot.o.a as {value}; urlquery.encode_object({{"a": "b c"}}, w)'
    text = f"package a\ndefault x := false\nx := w if {{ {body} }}"
    assert evaluate(definition(text), {"s": True, "n": 2, "t": "", "o": {}}) == "a=b+c"


@pytest.mark.parametrize(
    "body",
    [
        "f(1) = 3; [1 | true] == input.snapshot.os",
        "f(1) = 3; input.snapshot.os == {1 | true}",
        '{"a": v | v := input.snapshot.xs[_]} != 1; {"a": 1 | true} == input.snapshot.os',
    ],
)
def test_a_comprehension_is_no_value_of_an_index(body: str) -> None:
    """OPA looks at no member of the input that is compared with one before the body, and so meets the conflict."""
    text = f"package a\nx if {{ {body} }}\nf(_) := input.snapshot.xs[_]"
    reason, _ = failure(bound(definition(text)), policy_input({"xs": [1, 2]}))
    assert reason is Reason.POLICY_INVOCATION_FAILED


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('f("a", array.slice(input.snapshot.o[v], 1, 3))', True),
        ('f("a", array.slice(input.snapshot.o[v], 1, 3)); v == "b"', True),
        ('f("a", array.slice(input.snapshot.o[v], 1, 3)); input.snapshot.missing', False),
        ("f(count(input.snapshot.o[_]), upper(input.snapshot.xs[w])); w == 1", True),
        ('not f("a", count(input.snapshot.o[v])) == 7; v == "b"', True),
    ],
)
def test_a_call_inside_of_one_that_may_conflict_binds_an_index(body: str, expected: Json) -> None:
    """What stands behind waits for that variable, which has its value outside of the call too."""
    text = (
        f"package a\ndefault x := false\nx if {{ {body} }}\nf(_, _) := 1\nf(_, _) := 1 if input.snapshot.two"
    )
    given: Json = {"o": {"a": [1, 2, 3], "b": [1]}, "xs": ["p", "q"]}
    assert evaluate(definition(text), given) is expected
