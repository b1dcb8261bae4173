"""Which rules evaluations reach (section 3.4)."""

from acs_sidecar.engines.adapters.agt_rules.adapter import AgtRulesAdapter
from acs_sidecar.engines.adapters.agt_rules.coverage import RuleCoverage
from acs_sidecar.spec.values import JsonObject
from tests.engines.adapters.agt_rules.policies import compiled, evaluate, written


def test_rules_that_decide_or_log_are_reached() -> None:
    """A limit that denies counts for its rule; a rule that is passed over does not, nor one that is disabled."""
    coverage = RuleCoverage()
    rules: list[JsonObject] = [
        {"name": "limited", "condition": "tool == 'pay'", "action": "allow", "limit": "1/hour"},
        {"name": "passed-over", "condition": "tool == 'pay' and args.n > 1", "action": "allow"},
        {"name": "read", "condition": "tool == 'read'", "action": "allow"},
        {"name": "watched", "condition": "true", "action": "log"},
        {"name": "off", "condition": "true", "enabled": False},
    ]
    policy = compiled(written("d", rules), adapter=AgtRulesAdapter(coverage))
    evaluate(policy, {"tool_call": {"name": "pay", "args": {"n": 2}}})
    (found,) = coverage.documents.items()
    assert found[0] == ("policies.agt", "d")
    assert [*found[1].rules] == ["limited", "passed-over", "read", "watched"]
    assert found[1].reached == {"limited", "watched"}


def test_a_sealed_rule_that_decides_is_reached() -> None:
    """What a parent's denial replaces is not."""
    coverage = RuleCoverage()
    parent = written("parent", [{"name": "stop", "condition": "tool == 'pay'", "action": "deny"}])
    child = written(
        "child", [{"name": "go", "condition": "true", "action": "allow", "priority": 9}], extends="parent"
    )
    policy = compiled(
        child, parent, adapter=AgtRulesAdapter(coverage), conflict_strategy="priority_first_match"
    )
    evaluate(policy, {"tool_call": {"name": "pay"}})
    reached = {name: found.reached for (_, name), found in coverage.documents.items()}
    assert reached == {"parent": {"stop"}, "child": set()}


def test_a_policy_with_overlays_counts_its_rules_once() -> None:
    """It is compiled for each binding that overlays its members, and is one policy to its author."""
    coverage = RuleCoverage()
    document = written("d", [{"name": "a", "condition": "true", "action": "deny"}])
    for strategy in ("deny_overrides", "allow_overrides"):
        compiled(document, adapter=AgtRulesAdapter(coverage), conflict_strategy=strategy)
    assert [[*found.rules] for found in coverage.documents.values()] == [["a"]]
