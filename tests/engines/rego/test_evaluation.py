"""What a Rego policy answers (section 1.7.2): values, undefined, failures, determinism, threads."""

import gc
import itertools
import threading
from contextlib import suppress

import pytest
import regorus

from acs_sidecar.engines.in_process import is_engine_fault
from acs_sidecar.engines.rego.engine import ThreadEngine
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import (
    binding,
    bound,
    compiled,
    definition,
    evaluate,
    failure,
    policy_input,
)

FAILED = Reason.POLICY_INVOCATION_FAILED

GUARD = """
package agent.guard

default verdict := {"decision": "allow"}

blocked := {"wire_transfer", "shell_exec"}

verdict := {"decision": "deny", "reason": "tool_blocked"} if {
	input.tool.name in blocked
} else := {"decision": "escalate", "reason": "large_amount"} if {
	input.snapshot.amount > data.limits.amount
}
"""


@pytest.mark.parametrize(
    ("tool", "amount", "expected"),
    [
        ("send", 5, {"decision": "allow"}),
        ("send", 500, {"decision": "escalate", "reason": "large_amount"}),
        ("shell_exec", 500, {"decision": "deny", "reason": "tool_blocked"}),
    ],
)
def test_a_policy_reads_its_input_and_its_data(tool: str, amount: int, expected: Json) -> None:
    """The policy input is `input`, the data document is `data`."""
    given = definition(GUARD, "data.agent.guard.verdict", data={"limits": {"amount": 100}})
    output = bound(given).evaluate(policy_input({"amount": amount}, tool={"name": tool}))
    assert output.value == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("x := null", None),
        ("x := false", False),
        ("x := 100", 100),
        ("x := 0.1 + 0.2", 0.3),
        ("x := 4 / 2", 2),
        ("x := 18446744073709551615", 18446744073709551615),
        ('x := {"b", "a", "c"}', ["a", "b", "c"]),
        ('x := {"reasons": {3, 1, 2}}', {"reasons": [1, 2, 3]}),
        ("x contains 1 if input.nothing", []),
        ('x[k] := v if some k, v in {"a": 1}', {"a": 1}),
        ('x := "<undefined>"', "<undefined>"),
        ('x := ["<undefined>"]', ["<undefined>"]),
        ('x := "é\\u0000\\n"', "é\x00\n"),
    ],
)
def test_every_value_comes_out_as_json(rule: str, expected: Json) -> None:
    """`null` is a value, sets are sorted arrays, integers stay integers."""
    value = evaluate(definition(f"package a\n{rule}"))
    assert (value, type(value)) == (expected, type(expected))


def test_an_undefined_rule_fails() -> None:
    """Undefined is `policy_invocation_failed`, with the query in the detail."""
    evaluator = bound(definition("package a\nx := 1 if input.snapshot.go"))
    assert evaluator.evaluate(policy_input({"go": True})).value == 1
    assert failure(evaluator, policy_input({})) == (FAILED, "`data.a.x` is undefined for this input")


@pytest.mark.parametrize(
    "rule",
    [
        "x := to_number(input.snapshot.text)",
        "x := 1 if not to_number(input.snapshot.text) == 1",
        "default x := 7\nx := 1 if to_number(input.snapshot.text) == 1",
        "x := 1 / input.snapshot.zero",
        "x := 1\nx := 2",
        "f(y) := 1\nf(y) := 2 if y\nx := f(true)",
        'x := {k: v | k := "a"; some v in [1, 2]}',
        'x := json.unmarshal("{")',
    ],
)
def test_a_function_that_errors_and_rules_that_disagree_fail(rule: str) -> None:
    """Nothing of this becomes undefined, as it would in OPA, and nothing of the engine's text gets out."""
    evaluator = bound(definition(f"package a\n{rule}"))
    expected = "`data.a.x` could not be evaluated: a function failed or rules disagree"
    assert failure(evaluator, policy_input({"text": "secret", "zero": 0})) == (FAILED, expected)


def test_a_panic_of_the_engine_is_a_fault() -> None:
    """A panic is no `Exception`; it counts as a failure of the engine, and the engine lives on."""
    engine = regorus.Engine()
    engine.add_policy("a", 'package a\nx := strings.count("abc", input.part)')
    engine.set_input_json('{"part": ""}')
    with pytest.raises(BaseException, match="window size") as caught:
        engine.eval_rule("data.a.x")
    assert not isinstance(caught.value, Exception)
    assert is_engine_fault(caught.value)


def test_a_failure_does_not_linger() -> None:
    """An evaluation after one that failed, inside a `with` even, is as if it were the first."""
    text = """
    package a
    y := to_number(input.snapshot.n)
    x := [z, input.snapshot.n] if z := y with input.snapshot.n as input.snapshot.m
    """
    evaluator = bound(definition(text))
    for _ in range(3):
        assert evaluator.evaluate(policy_input({"m": "2", "n": "1"})).value == [2, "1"]
        assert failure(evaluator, policy_input({"m": "x", "n": "1"}))[0] is FAILED
        assert failure(evaluator, policy_input({"m": "2"}))[0] is FAILED


OUTLINE = """
package a.b

default x := 1

x := 2 if input.snapshot.two

p.q := 4

p.r.t := 5

members[k] := v if some k, v in {"z": {"y": 1}}

words contains "w"

f(y) := y

quiet if input.snapshot.quiet
"""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("data.a.b.x", 1),
        ('data.a["b"].x', 1),
        ('data["a"]["b"]["x"]', 1),
        ("data.a.b.words", ["w"]),
        ("data.a.b.p", {"q": 4, "r": {"t": 5}}),
        ("data.a.b.p.q", 4),
        ("data.a.b.p.r", {"t": 5}),
        ("data.a.b.members", {"z": {"y": 1}}),
        ("data.a.b.members.z.y", 1),
        ("data.a.d", {"e": [1]}),
        ('data.a["d"].e', [1]),
        ('data["x y"]', {"z": 2}),
        ('data["x y"].z', 2),
        (
            "data.a",
            {
                "b": {
                    "x": 1,
                    "p": {"q": 4, "r": {"t": 5}},
                    "members": {"z": {"y": 1}},
                    "words": ["w"],
                },
                "d": {"e": [1]},
            },
        ),
    ],
)
def test_a_query_is_any_constant_reference(query: str, expected: Json) -> None:
    """A rule, a part of one, a package, or data; undefined rules and functions are no part of a package."""
    given = definition(OUTLINE, query, data={"a": {"d": {"e": [1]}}, "x y": {"z": 2}})
    assert evaluate(given, {}) == expected


def test_a_part_of_a_rule_that_is_not_there_is_undefined() -> None:
    """A query below a rule fails like any other where it is undefined."""
    evaluator = bound(definition(OUTLINE, "data.a.b.members.nothing"))
    expected = "`data.a.b.members.nothing` is undefined for this input"
    assert failure(evaluator, policy_input({})) == (FAILED, expected)


def test_a_query_evaluates_only_what_it_depends_on() -> None:
    """A rule that would fail does not disturb a query that does not need it."""
    text = 'package a\nx := {"y": 1}\nbad := to_number("z")'
    assert evaluate(definition(text)) == {"y": 1}
    assert evaluate(definition(text, "data.a.x.y")) == 1
    assert failure(bound(definition(text, "data.a")), policy_input({}))[0] is FAILED


def test_the_trace_names_the_query() -> None:
    """The trace holds the query as it was written, and nothing else."""
    given = definition("package a\nx := 1", 'data.a["x"]')
    assert dict(bound(given).evaluate(policy_input({})).trace) == {"query": 'data.a["x"]'}


def test_outcomes_do_not_depend_on_what_came_before() -> None:
    """The same inputs in any order give the same outputs."""
    given = definition(GUARD, "data.agent.guard", data={"limits": {"amount": 100}})
    evaluator = bound(given)
    amounts: list[Json] = [1, 99, 101, "x", None]
    tools: list[Json] = ["send", "shell_exec", 7]
    inputs = [
        policy_input({"amount": amount}, tool={"name": tool})
        for amount, tool in itertools.product(amounts, tools)
    ]
    expected = [bound(given).evaluate(each).value for each in inputs]
    order = [at * step % len(inputs) for step in (1, 2, 7, 14) for at in range(len(inputs))]
    assert [evaluator.evaluate(inputs[at]).value for at in order] == [expected[at] for at in order]


def test_an_evaluator_works_in_any_thread() -> None:
    """Engines belong to threads: each thread gets its own, and the same answers."""
    evaluator = bound(definition("package a\nx := input.snapshot.n + 1"))
    answers: dict[int, Json] = {}

    def ask(number: int) -> None:
        for _ in range(20):
            answers[number] = evaluator.evaluate(policy_input({"n": number})).value

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {0: 1, 1: 2, 2: 3, 3: 4}
    assert evaluator.evaluate(policy_input({"n": 9})).value == 10


def _engines() -> set[int]:
    return {id(found) for found in gc.get_objects() if isinstance(found, ThreadEngine)}


@pytest.mark.parametrize("snapshot", [{"n": 1}, {}, {"n": "x"}], ids=["a value", "undefined", "a failure"])
def test_a_policy_is_freed_by_the_last_that_lets_it_go(snapshot: Json) -> None:
    """No cycle holds an engine: a collection could run in any thread, and only its own may free one."""
    before = _engines()
    evaluator = bound(definition("package a\nx := input.snapshot.n + 1"))
    with suppress(EvaluationError):
        evaluator.evaluate(policy_input(snapshot))
    assert len(_engines()) == len(before) + 1
    del evaluator
    assert _engines() == before


def test_points_with_the_same_query_share_an_evaluator() -> None:
    """What is compiled once per content is not compiled again per point."""
    given = definition("package a\nx := 1\ny := 2")
    policy = compiled(given)
    assert policy.bind(binding(given)) is policy.bind(binding(given, query="data.a.x"))
    assert policy.bind(binding(given, query="data.a.y")).evaluate(policy_input({})).value == 2


def test_print_gives_true_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """`print` must not carry a snapshot to the service's output."""
    assert evaluate(definition('package a\nx := 1 if print("seen", input)'), {"secret": 1}) == 1
    assert capfd.readouterr() == ("", "")


def test_the_evaluation_leaves_the_input_alone() -> None:
    """Parts of the input are the caller's snapshot: `with` changes a copy."""
    given = policy_input({"deep": {"list": [1, 2]}})
    before = given.canonical
    text = "package a\nx := y if y := input.snapshot with input.snapshot.deep.list as [3]"
    assert bound(definition(text)).evaluate(given).value == {"deep": {"list": [3]}}
    assert policy_input({"deep": {"list": [1, 2]}}).canonical == before
    assert given.value == policy_input({"deep": {"list": [1, 2]}}).value
