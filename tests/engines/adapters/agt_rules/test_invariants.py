"""What holds for any rule documents and contexts (sections 7.2, 7.3, 7.5, 7.10)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.engines.adapters.agt_rules.documents.members import STAGES
from acs_sidecar.engines.adapters.agt_rules.evaluator import RuleEvaluator
from acs_sidecar.engines.compilation import CompiledPolicies
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.values import Json
from tests.engines.adapters.agt_rules import policies
from tests.engines.adapters.agt_rules.policies import PRE_TOOL, compiled, evaluate, written
from tests.engines.adapters.agt_rules.reference import UnreadableError, read, value_of
from tests.engines.adapters.agt_rules.toolkit.comparison import CONTEXT, decided_here
from tests.engines.adapters.agt_rules.toolkit.generator import ToolkitCase, generate
from tests.engines.adapters.agt_rules.toolkit.model import Switch, decide

STRICTNESS = ("allow", "warn", "escalate", "deny")
OPERATORS = {"eq": "==", "gt": ">", "lt": "<", "gte": ">=", "lte": "<=", "in": "in", "contains": "contains"}
STRATEGIES = ("deny_overrides", "allow_overrides", "priority_first_match", "most_specific_wins")
VALUES: list[Any] = [None, True, False, 0, 5, 5.5, 10, "", "x", "10", [], ["x"], {}, {"x": 1}]
STRICT_TESTS: dict[str, set[type]] = {
    "role < 5": {int, float},
    "role >= 'b'": {str},
    "role != 'x'": {str},
    "role not in ['x', 'y']": {str},
    "not role == 5": {int, float},
    "not role": {bool},
}
"""Conditions, and the types that each can compare."""


def _compiled(case: ToolkitCase) -> CompiledPolicies:
    return compiled(
        *case.listed,
        files=case.files,
        points=[STAGES[case.stage]],
        context=CONTEXT,
        conflict_strategy=case.strategy,
    )


def _plain_truth(condition: Any, context: Json) -> bool | None:
    if isinstance(condition, str):
        return value_of(read(condition), context)
    operator, path = condition["operator"], tuple(condition["field"].split("."))
    if operator in ("ne", "not_in"):
        return value_of(
            ("not", ({"ne": "==", "not_in": "in"}[operator], path, ("literal", condition["value"]))), context
        )
    return value_of((OPERATORS.get(operator, operator), path, ("literal", condition["value"])), context)


@given(st.integers(0, 2**32))
def test_a_policy_decides_as_the_plain_model_does(seed: int) -> None:
    """Closures, index and order agree with a list of rules that is sorted and asked one by one."""
    case = generate(seed)
    matches: dict[str, bool | None] = {}
    try:
        for document in case.documents.values():
            for rule in document["rules"]:
                truth = _plain_truth(rule["condition"], case.context)
                restricts = rule["action"] in ("deny", "block", "require_approval")
                matches[rule["name"]] = rule.get("enabled", True) and (
                    truth is True or (truth is None and restricts)
                )
        policy = _compiled(case)
    except (UnreadableError, ManifestError):
        return
    assert decided_here(case, policy) == decide(case, matches, tuple(Switch))


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_another_denial_never_makes_a_verdict_weaker(seed: int, other: int) -> None:
    """Under `deny_overrides`, whatever the rule is and wherever it stands."""
    case, donor = generate(seed), generate(other)
    rules = [rule for document in donor.documents.values() for rule in document["rules"]]
    if case.form == "B" or donor.form == "B" or case.strategy != "deny_overrides" or not rules:
        return
    try:
        before = decided_here(case, _compiled(case))[0]
        added = {**rules[0], "name": "added", "action": "deny"}
        case.documents[case.listed[0]]["rules"].append(
            {name: added[name] for name in added if name != "approvers"}
        )
        after = decided_here(case, _compiled(case))[0]
    except ManifestError:
        return
    assert STRICTNESS.index(after) >= STRICTNESS.index(before)


@given(st.integers(0, 2**32), st.sampled_from(STRATEGIES))
def test_no_child_passes_a_denial_of_its_parent(seed: int, strategy: str) -> None:
    """A rule of a parent that denies is a denial under every child and strategy."""
    case = generate(seed)
    if case.form == "B":
        return
    parent = written("sealed", [{"name": "sealed", "condition": "true", "action": "deny", "priority": -9}])
    documents: list[Json] = []
    for name in case.listed:
        document = {name: member for name, member in case.documents[name].items() if name != "agents"}
        documents.append({**document, "extends": ["sealed"], "default_action": "deny"})
    try:
        policy = compiled(*documents, parent, points=[PRE_TOOL], context=CONTEXT, conflict_strategy=strategy)
    except ManifestError:
        return
    snapshot: Json = {"x": case.context, "envelope": {"counters": {"agt": dict(case.counts)}}}
    assert evaluate(policy, snapshot)["decision"] == "deny"


@pytest.mark.parametrize("condition", STRICT_TESTS)
@pytest.mark.parametrize("action", ["deny", "require_approval"])
def test_a_value_that_is_missing_or_of_another_type_restricts(condition: str, action: str) -> None:
    """An order or a negation that restricts does so for every value that it cannot compare."""
    rule = {"name": "r", "condition": condition, "action": action}
    policy = compiled(written("d", [rule], default_action="allow"), context=CONTEXT)
    contexts: list[dict[str, Json]] = [{}, *({"role": value} for value in VALUES)]
    decided = [
        evaluate(policy, {"x": one})["decision"] for one in contexts if not _is_comparable(condition, one)
    ]
    assert len(decided) > 5
    assert set(decided) == {"deny" if action == "deny" else "escalate"}


def _is_comparable(condition: str, context: dict[str, Json]) -> bool:
    return type(context.get("role")) in STRICT_TESTS[condition]


@pytest.mark.parametrize("shared", ["env == 'prod' and tool == 't{}'", "tool == 't{}' and env in ['prod']"])
def test_rules_are_found_by_the_path_that_tells_them_apart(shared: str) -> None:
    """A path that has one text in all rules finds nothing; that of the tool finds one rule of a hundred."""
    rules: list[Any] = [{"name": f"r{n}", "condition": shared.format(n)} for n in range(100)]
    evaluator = compiled(written("d", rules), context={"env": "$snap.env"}).evaluators[PRE_TOOL]
    assert isinstance(evaluator, RuleEvaluator)
    asked = policies.given({"env": "prod", "tool_call": {"name": "t7"}})
    assert list(evaluator.deciding.candidates(evaluator.compiler.frame(asked.value))) == [7]
