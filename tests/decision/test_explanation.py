"""Explanations: what decided and what nearly did, and that asking for it changes nothing (section 2.7)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs_sidecar.spec.explanation import MAX_LISTED
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.remedies import REMEDIES
from tests.approval.desk import Desk
from tests.strategies import json_objects, json_values

REGO = """package p
import rego.v1
default verdict := {"decision": "allow"}
verdict := {"decision": "deny", "reason": "big"} if {
  big
  input.snapshot.input.kind == "pay"
}
big if over(input.snapshot.input.amount)
over(amount) if amount > 100
unused := 1
"""
CEDAR = """@id("all") permit(principal, action, resource);
@id("big") @owner("treasury") forbid(principal, action, resource)
when { context.snapshot.input.kind == "pay" && context.snapshot.input.amount > 100 }
unless { context.snapshot.input.kind == "refund" || context.snapshot.input.amount == 101 };
@id("other") permit(principal == Agent::"other", action, resource);
"""
RULES: dict[str, Any] = {
    "apiVersion": "governance.toolkit/v1",
    "name": "team",
    "default_action": "allow",
    "rules": [
        {"name": "small", "condition": "input.amount < 5", "action": "warn", "priority": 3},
        {
            "name": "pay",
            "condition": "input.kind == 'pay' and (input.amount > 100 or input.x)",
            "priority": 2,
        },
        {"name": "seen", "condition": "has(input.amount)", "action": "log"},
        {"name": "ask", "condition": "input.amount > 10", "action": "require_approval", "priority": 1},
    ],
}
for _rule in RULES["rules"]:
    _rule["stage"] = "pre_input"
POLICIES: dict[str, Any] = {
    "rego": {"type": "rego", "query": "data.p.verdict", "modules": {"p.rego": REGO}},
    "cedar": {"type": "cedar", "policy_set": CEDAR, "query": {"context": {"snapshot": "$snap"}}},
    "rules": {"type": "custom", "adapter": "agt_rules", "document": RULES},
    "fixed": {"type": "test", "output": {"decision": "warn"}},
    "all": {"type": "custom", "adapter": "combine", "policies": ["rego", "cedar", "rules", "fixed"]},
}


def manifest(policy: str, policies: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A manifest that binds one of the policies at `input`."""
    return {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": policies,
        "intervention_points": {
            "input": {"policy_target": "$.input.text", "policy": {"id": policy}, **members},
        },
    }


DESK = Desk(operator={name: manifest(name, POLICIES) for name in POLICIES})


def decided(policy: str, snapshot: dict[str, Any], desk: Desk = DESK, **members: Any) -> dict[str, Any]:
    """The response of one evaluation."""
    return desk.evaluate(manifest_ref=policy, intervention_point="input", snapshot=snapshot, **members)


def snapshot(**given: Any) -> dict[str, Any]:
    """A snapshot with these members in its input."""
    return {"envelope": {"agent": {"id": "agent-7"}}, "input": {"text": "hello", **given}}


def explained(policy: str, **given: Any) -> Any:
    """How a policy explains itself."""
    response = decided(policy, snapshot(**given), include=["explain"])
    assert {"policy_input", "trace"} <= response.keys()
    return response["explain"]["policy"]


SNAPSHOTS = st.one_of(
    st.builds(
        snapshot,
        kind=st.sampled_from(["pay", "refund", 1, None]) | json_values(3),
        amount=st.integers(-1, 200) | json_values(3),
    ),
    json_objects(),
)


@settings(deadline=None, max_examples=50)
@given(st.sampled_from([*POLICIES]), SNAPSHOTS)
def test_an_explanation_changes_nothing(policy: str, given: dict[str, Any]) -> None:
    """The response is the same but for what is added, also of an evaluation that fails."""
    plain, response = decided(policy, given), decided(policy, given, include=["explain"])
    explanation = response.pop("explain")
    for name in ("policy_input", "trace"):
        response.pop(name, None)
    assert response == plain
    failed = str(plain["verdict"].get("reason")).startswith("runtime_error:")
    assert (explanation["remedy"] is not None) is failed


def test_rego() -> None:
    """The query's rule, those that it came to, their values, and the lines of each body."""
    found = explained("rego", kind="refund", amount=101)
    assert (found["kind"], found["query"], found["defined"]) == ("rego", "data.p.verdict", True)
    assert [one["rule"] for one in found["rules"]] == ["data.p.verdict", "data.p.big", "data.p.over"]
    verdict, big, over = found["rules"]
    assert (verdict["value"], big["value"], over["function"]) == ('{"decision":"allow"}', "true", True)
    assert verdict["bodies"][1] == {"at": "p.rego:4", "reached": ["5-6"], "not_reached": ["4"]}
    assert over["bodies"] == [{"at": "p.rego:9", "reached": ["9"], "not_reached": []}]
    (unreached,) = [
        one for one in explained("rego", kind="pay", amount=1)["rules"] if one["rule"] == "data.p.big"
    ]
    assert unreached["value"] is None


def test_cedar() -> None:
    """Policies whose scope is met: which decided, and of the others the first part of a condition that did not hold."""
    found = explained("cedar", kind="pay", amount=50)
    assert (found["kind"], found["principal"]) == ("cedar", 'Agent::"agent-7"')
    decisive, nearly = found["policies"]
    assert (decisive["policy"], decisive["determining"], decisive["conditions"]) == ("all", True, [])
    assert (nearly["policy"], nearly["effect"], nearly["determining"]) == ("big", "forbid", False)
    assert nearly["annotations"] == {"id": "big", "owner": "treasury"}
    assert nearly["at"] == "policies.cedar.policy_set:2"
    assert nearly["text"].startswith('@id("big")')
    when, unless = nearly["conditions"]
    assert (when["kind"], when["met"], when["stopped_by_result"]) == ("when", False, "false")
    assert when["stopped_by"].endswith("> 100")
    assert (unless["kind"], unless["met"], "stopped_by" in unless) == ("unless", True, False)
    (unless,) = [
        one
        for one in explained("cedar", kind="pay", amount=101)["policies"][1]["conditions"]
        if not one["met"]
    ]
    assert (unless["kind"], unless["stopped_by_result"]) == ("unless", "true")
    assert [one["policy"] for one in explained("cedar", kind="pay", amount=500)["policies"]] == ["big", "all"]


def test_a_condition_of_cedar_that_fails() -> None:
    """The part that ends in an error is named with what the engine says of it."""
    when, _ = explained("cedar", kind="pay")["policies"][1]["conditions"]
    assert (when["met"], when["stopped_by_result"]) == (False, "error")
    assert "amount" in when["error"]


def test_rules() -> None:
    """The rule that matched and those before it, each with the first part of its condition that stopped it."""
    found = explained("rules", kind="pay", amount=50)
    assert (found["kind"], found["guards"], found["documents"]) == ("agt_rules", [], ["team"])
    assert [(one["rule"], one["matches"], one.get("stopped_by")) for one in found["rules"]] == [
        ("team/pay", False, "input.amount > 100 or input.x"),
        ("team/small", False, "input.amount < 5"),
        ("team/ask", True, None),
    ]
    assert found["logged_rules"] == ["team/seen"]
    undecided = explained("rules", kind="pay")["rules"][-1]
    assert (undecided["matches"], undecided["result"]) == (True, "undecided")


def test_a_combination() -> None:
    """Each policy with its verdict and its own explanation; one that has none says so."""
    found = explained("all", kind="pay", amount=500)
    assert (found["kind"], found["decided_by"]) == ("combine", "rego")
    shown = {
        one["policy"]: (one["decision"], one["explain"] and one["explain"]["kind"])
        for one in found["policies"]
    }
    assert shown == {
        "rego": ("deny", "rego"),
        "cedar": ("deny", "cedar"),
        "rules": ("deny", "agt_rules"),
        "fixed": ("warn", "test"),
    }


def test_prices() -> None:
    """The amounts that are compared, exactly; a model without a price has none."""
    prices = {"type": "custom", "adapter": "rate_card", "prices": {"m": {"input": "0.15", "output": 0.6}}}
    paths = {
        name: f"$.input.{name}" for name in ("model", "input_tokens", "output_tokens", "spent", "budget")
    }
    desk = Desk(operator={"rates": manifest("rates", {"rates": {**prices, **paths, "warn_at": 0.5}})})
    given = snapshot(model="m", input_tokens=7, output_tokens=1, spent="0.1", budget=2)
    found = decided("rates", given, desk, include=["explain"])["explain"]["policy"]
    assert found == {
        "kind": "rate_card",
        "model": "m",
        "priced": True,
        "input_tokens": 7,
        "output_tokens": 1,
        "cost": "0.00000165",
        "spent": "0.1",
        "with_this_call": "0.10000165",
        "warn_above": "1",
        "budget": "2",
    }
    found = decided("rates", snapshot(model="x"), desk, include=["explain"])["explain"]["policy"]
    assert found == {"kind": "rate_card", "model": "x", "priced": False}
    found = decided("rates", snapshot(model="m"), desk, include=["explain"])["explain"]["policy"]
    assert found == {"unavailable": "`$.input.input_tokens` has no value at `input_tokens`"}


@pytest.mark.parametrize(("member", "always"), [("output", "output"), ("error", "error")])
def test_a_test_double(member: str, always: str) -> None:
    """It says which of its members the answer is."""
    double = {"type": "test", member: "x" if member == "error" else {"decision": "allow"}}
    desk = Desk(operator={"double": manifest("double", {"double": double})})
    found = decided("double", snapshot(), desk, include=["explain"])["explain"]["policy"]
    assert found == {"kind": "test", "always": always}


OAGS = {
    "project": {"name": "a"},
    "identity": {},
    "permissions": {"tools": {"allowed_tools": ["fetch"]}, "network": {"allowed_domains": ["a.example"]}},
    "rate_limits": {"requests": {"max_per_minute": 5}},
}


@pytest.mark.parametrize(
    ("point", "given", "checks"),
    [
        ("input", {}, []),
        (
            "agent_startup",
            {"agent_init": {"tools_registered": ["fetch", "rm"], "model": {"name": "m"}}},
            [
                {"check": "identity", "breaks": ["identity.missing"]},
                {"check": "tools_registered", "breaks": ["tool.not_allowed"]},
                {"check": "model", "breaks": ["model.missing"]},
            ],
        ),
        (
            "pre_model_call",
            {"model": {"name": "m"}},
            [
                {"check": "model", "breaks": ["model.missing"]},
                {"check": "rates", "breaks": ["rate_limit.counters_missing"]},
            ],
        ),
        (
            "pre_tool_call",
            {
                "tool_call": {"name": "fetch", "args": {"url": "https://b.example/"}},
                "envelope": {"counters": {"requests": {"minute": 5}}},
            },
            [
                {"check": "tool", "breaks": []},
                {"check": "actions", "breaks": ["network.not_allowed"]},
                {"check": "rates", "breaks": ["rate_limit.requests_per_minute"]},
            ],
        ),
        (
            "pre_tool_call",
            {"tool_call": {"name": "rm"}, "envelope": {"counters": {"requests": {"minute": 1}}}},
            [
                {"check": "tool", "breaks": ["tool.not_allowed"]},
                {"check": "actions", "breaks": ["tool.unmapped"]},
                {"check": "rates", "breaks": []},
            ],
        ),
    ],
)
def test_oags(point: str, given: dict[str, Any], checks: list[Any]) -> None:
    """Each check of the point with what it found, also behind the first that decided."""
    actions = {"fetch": [{"type": "network_access", "url": "$.tool_call.args.url"}]}
    policy = {"type": "custom", "adapter": "oags", "document": OAGS, "actions": actions}
    value = manifest("oags", {"oags": policy})
    value["intervention_points"] = {point: {"policy_target": "$", "policy": {"id": "oags"}}}
    desk = Desk(operator={"oags": value})
    response = desk.evaluate(
        manifest_ref="oags", intervention_point=point, snapshot=given, include=["explain"]
    )
    assert response["explain"]["policy"] == {"kind": "oags", "checks": checks}


@pytest.mark.parametrize("rules", [MAX_LISTED, MAX_LISTED + 1, 5_000])
def test_many_rules(rules: int) -> None:
    """The first are listed, and always the one that decided."""
    document = {
        "apiVersion": "governance.toolkit/v1",
        "name": "team",
        "rules": [
            {"name": f"r{n}", "condition": f"input.n == {n}", "stage": "pre_input"} for n in range(rules)
        ],
    }
    policies = {"many": {"type": "custom", "adapter": "agt_rules", "document": document}}
    desk = Desk(operator={"many": manifest("many", policies)})
    found = decided("many", snapshot(n=rules - 1), desk, include=["explain"])["explain"]["policy"]
    assert len(found["rules"]) == MAX_LISTED
    assert found["rules"][-1]["rule"] == f"team/r{rules - 1}"
    assert found.get("rules_total") == (None if rules == MAX_LISTED else rules)


def test_an_explanation_that_is_too_long() -> None:
    """It is left out, and says so."""
    document = {
        "apiVersion": "governance.toolkit/v1",
        "name": "team",
        "rules": [
            {"name": f"r{n}-{'x' * 100}", "condition": f"input.n == '{'y' * 600}'", "stage": "pre_input"}
            for n in range(MAX_LISTED)
        ],
    }
    policies = {"long": {"type": "custom", "adapter": "agt_rules", "document": document}}
    desk = Desk(operator={"long": manifest("long", policies)})
    response = decided("long", snapshot(n="z"), desk, include=["explain"])
    assert response["verdict"]["reason"] == "no_matching_rule"
    assert response["explain"]["policy"] == {"unavailable": "the explanation exceeds 65536 bytes"}


def test_a_failure_before_the_policy() -> None:
    """Nothing of the policy is explained that was not asked; what to do is."""
    response = decided("rego", {"input": {}}, include=["explain"])
    assert response["verdict"]["reason"] == Reason.PATH_MISSING
    assert response["explain"] == {"policy": None, "annotators": [], "remedy": REMEDIES[Reason.PATH_MISSING]}


def test_annotators_with_what_they_found() -> None:
    """Each finding with the text that it marks."""
    policies = {"rules": POLICIES["rules"]}
    members = {"annotations": {"pii": {"from": "$.input"}}}
    value = manifest("rules", policies, **members) | {
        "annotators": {"pii": {"type": "classifier", "provider": "pii"}},
    }
    desk = Desk(operator={"m": value})
    response = decided("m", snapshot(note="mail bob@example.com", amount=1), desk, include=["explain"])
    assert response["explain"]["annotators"] == [
        {
            "annotator": "pii",
            "type": "classifier",
            "from": "$.input",
            "outcome": "ok",
            "findings": [
                {"category": "email", "start": 5, "end": 20, "path": ".note", "text": "bob@example.com"}
            ],
        }
    ]


def test_every_reason_has_a_remedy() -> None:
    """What to change is known for each failure."""
    assert REMEDIES.keys() == {*Reason}
    assert all(REMEDIES.values())
