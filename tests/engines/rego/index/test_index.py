"""Requests put to the rules that they can meet (section 1.7.2)."""

import threading

import pytest

from acs_sidecar.engines.rego.coverage import RegoCoverage
from acs_sidecar.engines.rego.engine import ThreadEngine
from acs_sidecar.engines.rego.index.demand_index import Indexing
from acs_sidecar.engines.rego.index.engines import EnginePool, IndexedEngines
from acs_sidecar.engines.rego.type import REGO, RegoType
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import Evaluator, PolicyInput, PolicyType
from acs_sidecar.spec.values import Json
from tests.engines.rego.index.indexing import differences, outcome
from tests.engines.rego.policies import INDEXED, bound, definition, policy_input

FIRST = "x contains 0 if input.tool.name"
"""The first rule of a path is in every part."""


NINE = f"package a\n{FIRST}\n" + "\n".join(f'x contains {n} if input.tool.name == "t{n}"' for n in range(9))


def evaluator(text: str, rego: PolicyType = INDEXED) -> Evaluator:
    """Compile a policy and bind it."""
    return bound(definition(text), rego=rego)


def engines(policy: Evaluator) -> ThreadEngine:
    """Return the engines of an evaluator."""
    found = policy._engines  # type: ignore[attr-defined]  # the class is not public
    assert isinstance(found, ThreadEngine)
    return found


def index_of(policy: Evaluator) -> IndexedEngines:
    """Return the engines of an evaluator whose rules are indexed."""
    found = engines(policy)
    assert isinstance(found, IndexedEngines)
    return found


def tool(name: Json) -> PolicyInput:
    """Return an input with a tool."""
    return policy_input({}, tool={"name": name})


def rules(text: str, given: PolicyInput) -> tuple[int, ...]:
    """Return the positions of the rules that an input is put to."""
    part = index_of(evaluator(f"package a\nimport input.tool as t\n{text}")).index.part_for(given.value)
    assert part is not None
    return part.positions


@pytest.mark.slow
def test_an_index_changes_nothing() -> None:
    """Random policies give the same values and fail alike with the rules that an input can meet and with all."""
    found, counts = differences(60, seed=1)
    assert found == []
    assert counts["refused"] == 0
    assert counts["by fewer rules"] > counts["evaluations"] // 2
    assert counts["failures"] > 0


@pytest.mark.parametrize(
    "body",
    [
        'input.tool.name == "a"',
        '"a" == input.tool.name',
        'input.tool.name = "a"',
        'input["tool"].name == "a"',
        'input.tool.name in {"a", "c"}',
        'input.tool.name in ["a"]',
        "t.name == `a`",
        'not input.kind; input.tool.name == "a"; to_number(input.n) > 1',
        'v := input.n; v != 3; input.tool.name == "a"',
    ],
)
def test_rules_that_demand_another_constant_are_left_out(body: str) -> None:
    """A comparison of a member of the input with a constant is looked up, wherever nothing before it can fail."""
    text = f"{FIRST}\nx contains 1 if {{ {body} }}\nx contains 2 if input.tool.name == true"
    assert rules(text, tool("a")) == (0, 1)
    assert rules(text, tool("b")) == (0,)
    assert rules(text, tool(1)) == (0,)
    assert rules(text, policy_input({}, tool="a")) == (0,)
    assert rules(text, tool(True)) == (0, 2)


@pytest.mark.parametrize(
    "rule",
    [
        'x contains 1 if { to_number(input.n) > 1; input.tool.name == "a" }',
        'x contains 1 if { other; input.tool.name == "a" }',
        'x contains 1 if { some v in input.list; input.tool.name == "a" }',
        "x contains 1 if input.tool.name == 1",
        'x contains 1 if not input.tool.name == "a"',
        'x contains 1 if input.tool.name != "a"',
        'x contains 1 if { t := {"name": "b"}; t.name == "a" }',
    ],
)
def test_other_rules_are_kept(rule: str) -> None:
    """A rule that could fail before it compares, or that compares with nothing constant, is in every part."""
    text = f'{FIRST}\n{rule}\nx contains 2 if input.tool.name == "z"\nother if input.tool.name'
    assert rules(text, tool("b")) == (0, 1, 3)


def test_functions_alternatives_and_first_rules_are_kept() -> None:
    """What a name is does not depend on the input."""
    text = """
    default y := 0
    y := 1 if input.tool.name == "a"
    y := 2 if { input.tool.name == "a" } else := 3 if input.tool.name == "b"
    f(_) if input.tool.name == "a"
    f(_) if input.tool.name == "b"
    x contains 1 if input.tool.name == "a"
    x contains 2 if input.tool.name == "a"
    """
    assert rules(text, tool("z")) == (0, 2, 3, 4, 5)


def test_a_policy_that_replaces_the_input_is_not_indexed() -> None:
    """`with` shows rules another input than the request's."""
    text = f'package a\n{FIRST}\nx contains 1 if input.tool.name == "a"\ny if count(x) > 1 with input.tool.name as "a"'
    assert not isinstance(engines(evaluator(text)), IndexedEngines)


def test_coverage_sees_all_rules() -> None:
    """What watches evaluations is given the engine with all rules."""
    text = f'package a\n{FIRST}\nx contains 1 if input.tool.name == "a"'
    watched = RegoType(RegoCoverage().watch, indexing=INDEXED.indexing)
    assert not isinstance(engines(evaluator(text, watched)), IndexedEngines)


def test_few_rules_are_not_indexed() -> None:
    """An index over a few rules saves nothing."""
    text = f"package a\n{FIRST}\n" + "\n".join(
        f'x contains {n} if input.tool.name == "t{n}"' for n in range(15)
    )
    assert not isinstance(engines(evaluator(text, REGO)), IndexedEngines)
    more = f'{text}\nx contains 15 if input.tool.name == "t15"'
    assert isinstance(engines(evaluator(more, REGO)), IndexedEngines)


def test_a_part_with_many_of_the_rules_is_not_made() -> None:
    """Compiling a part must not cost many times what evaluating all rules does."""
    text = f"package a\n{FIRST}\n" + "\n".join(
        f'x contains {n} if input.tool.name == "{name}"' for n, name in enumerate("aaaaab")
    )
    policy = evaluator(text, RegoType(indexing=Indexing(min_rules=1, max_share=0.5)))
    indexed = index_of(policy)
    assert indexed.index.part_for(tool("a").value) is None
    assert indexed.engine_for(tool("a").value) is indexed.prepared
    assert indexed.engine_for(tool("b").value) is not indexed.prepared
    assert policy.evaluate(tool("a")).value == [0, 1, 2, 3, 4]


def test_engines_beyond_the_room_are_dropped() -> None:
    """What the engines of parts hold is bounded: the one that was not used for longest goes."""
    pool = EnginePool(8 * 300)
    policy = index_of(evaluator(NINE, RegoType(indexing=INDEXED.indexing, pool=pool)))
    first, second = (policy.engine_for(tool(f"t{n}").value) for n in range(2))
    assert policy.engine_for(tool("t0").value) is first
    for number in range(2, 9):
        policy.engine_for(tool(f"t{number}").value)
        assert policy.engine_for(tool("t0").value) is first
    assert policy.engine_for(tool("t1").value) is not second


def test_a_part_that_takes_the_room_of_many_is_not_made() -> None:
    """An engine that would push out all others is not made: all rules are evaluated."""
    policy = index_of(evaluator(NINE, RegoType(indexing=INDEXED.indexing, pool=EnginePool(8 * 210))))
    assert policy.engine_for(tool("t1").value) is policy.prepared


def test_names_that_no_rule_demands_share_a_part() -> None:
    """Names that a caller makes up add nothing to what is kept."""
    policy = index_of(evaluator(f'package a\n{FIRST}\nx contains 1 if input.tool.name == "a"'))
    assert len({id(policy.engine_for(tool(f"made up {number}").value)) for number in range(50)}) == 1


def test_choices_beyond_their_bound_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Combinations of values are remembered up to a bound, and answered alike beyond it."""
    monkeypatch.setattr("acs_sidecar.engines.rego.index.demand_index._ROOM_PER_RULE", 4)
    policy = evaluator(NINE)
    for _ in range(2):
        for number in range(1, 9):
            assert policy.evaluate(tool(f"t{number}")).value == [0, number]
            assert len(index_of(policy).index._choices) <= 2


def test_each_thread_has_engines_of_its_own() -> None:
    """Engines of parts belong to threads as others do."""
    policy = evaluator(NINE)
    answers: list[bool] = []

    def ask() -> None:
        answers.extend(policy.evaluate(tool(f"t{n}")).value == sorted({0, n}) for n in range(9))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 36


def test_data_is_there_for_each_part() -> None:
    """The engines of parts hold the data of the policy."""
    given = definition(
        f'package a\n{FIRST}\nx contains data.n if input.tool.name == "a"\nx contains 3 if input.tool.name == "b"',
        data={"n": 7},
    )
    assert bound(given, rego=INDEXED).evaluate(tool("a")).value == [0, 7]


def test_failures_are_those_of_all_rules() -> None:
    """A function that fails in a rule that an input meets fails the evaluation, and only there."""
    policy = evaluator(
        f'package a\n{FIRST}\nx contains 1 if {{ input.tool.name == "a"; to_number("x") > 1 }}\n'
        'x contains 2 if input.tool.name == "b"'
    )
    assert outcome(policy, tool("b"))[0] == "[0, 2]"
    assert (
        outcome(policy, tool("a"))[1]
        == "`data.a.x` could not be evaluated: a function failed or rules disagree"
    )


def test_what_is_wrong_with_any_rule_is_found_when_compiled() -> None:
    """All rules are compiled together, whatever requests will need."""
    with pytest.raises(ManifestError, match="there is no function `missing`"):
        evaluator(f'package a\n{FIRST}\nx contains missing(1) if input.tool.name == "a"')
