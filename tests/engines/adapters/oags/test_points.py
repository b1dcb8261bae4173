"""What the adapter decides at each point, and what its evidence says (sections 9.4, 9.5)."""

import hashlib
from typing import Any

import pytest

from acs_sidecar.engines.adapters.oags.identity.signing import sign
from acs_sidecar.engines.adapters.oags.rules import MESSAGES, OagsRule
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.policy_statement import HostCounter, Window
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from tests.engines.adapters.oags.policies import (
    ID,
    STARTUP,
    TOOL_CALL,
    compiled,
    decide,
    policy_input,
    warnings_of,
)

MODEL_CALL = InterventionPoint.PRE_MODEL_CALL
SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
INPUTS: dict[str, Json] = {"model": "gpt-4o", "system_prompt": "You are a helpful assistant.", "tools": "[]"}
OTHER = "0" * 64
OTHER_KEY = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
DOCUMENT: dict[str, Json] = {
    "permissions": {
        "network": {
            "require_tls": True,
            "allowed_domains": ["api.example"],
            "blocked_domains": ["evil.example"],
        },
        "filesystem": {"allowed_paths": ["/srv/*"], "blocked_paths": ["/srv/secret"]},
        "apis": {"allowed_services": ["stripe"]},
        "models": {"allowed_models": ["gpt-4o"]},
    },
    "policy": {"tools": {"allowed": ["*"], "blocked": ["rm"], "require_confirmation": ["wire"]}},
}
ACTIONS: dict[str, Json] = {
    "fetch": [{"type": "network_access", "url": "$policy_target.url"}],
    "save": [{"type": "filesystem_access", "path": "$policy_target.path", "operation": "write", "resolved": "$policy_target.real"}],
    "pay": [{"type": "api_call", "service": "stripe"}, {"type": "network_access", "domain": "$policy_target.host", "protocol": "https"}],
    "wire": [{"type": "api_call", "service": "$policy_target.service"}],
    "ask": [{"type": "model_usage", "model": "$policy_target.model", "provider": "$policy_target.provider"}],
    "run": [{"type": "tool_execution", "tool": "$policy_target.tool"}],
    "cost": [{"type": "api_call", "service": "$$5"}],
    "think": [],
}  # fmt: skip


def call(tool: Json, args: Json = None, **envelope: Json) -> dict[str, Json]:
    """A snapshot of a tool call."""
    return {"envelope": envelope, "tool_call": {"name": tool, "args": args or {}}}


@pytest.mark.parametrize(
    ("tool", "args", "outcome", "rules"),
    [
        ("think", {}, "allow", []),
        ("fetch", {"url": "https://api.example/x"}, "allow", []),
        ("fetch", {"url": "http://api.example/x"}, "deny:network.tls_required", ["network.tls_required"]),
        ("fetch", {"url": "https://other.example"}, "deny:network.not_allowed", ["network.not_allowed"]),
        ("fetch", {"url": 5}, "deny:network.ambiguous", ["network.ambiguous"]),
        ("fetch", {}, "deny:network.ambiguous", ["network.ambiguous"]),
        ("fetch", {"url": None}, "deny:network.ambiguous", ["network.ambiguous"]),
        ("fetch", {"url": "nonsense"}, "deny:network.ambiguous", ["network.ambiguous"]),
        ("fetch", {"url": ["https://api.example", "https://x.evil.example", "https://b.example"]}, "deny:network.blocked", ["network.blocked", "network.not_allowed"]),
        ("fetch", {"url": [["https://api.example"]]}, "deny:network.ambiguous", ["network.ambiguous"]),
        ("fetch", {"url": []}, "allow", []), ("fetch", {"url": ["https://api.example"] * 256}, "allow", []),
        ("fetch", {"url": ["https://api.example"] * 257}, "deny:network.ambiguous", ["network.ambiguous"]),
        ("save", {"path": "/srv/a"}, "allow", []),
        ("save", {"path": "/srv/a", "real": "/srv/b"}, "allow", []),
        ("save", {"path": "/srv/a", "real": "/etc/passwd"}, "deny:fs.not_allowed", ["fs.not_allowed"]),
        ("save", {"path": "/srv/a", "real": "/srv/secret/x"}, "deny:fs.blocked", ["fs.blocked"]),
        ("save", {"path": "/srv/a", "real": None}, "deny:fs.ambiguous", ["fs.ambiguous"]),
        ("save", {"path": ["/srv/a", "/srv/b"], "real": ["/srv/a", "/etc/b"]}, "deny:fs.not_allowed", ["fs.not_allowed"]),
        ("save", {"path": ["/srv/a", "/srv/b"], "real": ["/srv/a"]}, "deny:fs.ambiguous", ["fs.ambiguous"]),
        ("save", {"path": [], "real": ["/etc/passwd"]}, "deny:fs.ambiguous", ["fs.ambiguous"]),
        ("save", {"path": "relative"}, "deny:fs.ambiguous", ["fs.ambiguous"]),
        ("pay", {"host": "api.example"}, "allow", []),
        ("pay", {"host": "evil.example"}, "deny:network.blocked", ["network.blocked"]),
        ("wire", {"service": "stripe"}, "escalate:tool.confirmation_required", ["tool.confirmation_required"]),
        ("wire", {"service": "twilio"}, "deny:api.not_allowed", ["tool.confirmation_required", "api.not_allowed"]),
        ("wire", {}, "deny:api.ambiguous", ["tool.confirmation_required", "api.ambiguous"]),
        ("Wire", {"service": "stripe"}, "deny:tool.unmapped", ["tool.confirmation_required", "tool.unmapped"]),
        ("ask", {"model": "gpt-4o"}, "allow", []),
        ("ask", {"model": "gpt-4o", "provider": 5}, "deny:model.ambiguous", ["model.ambiguous"]),
        ("ask", {"model": ["gpt-4o", "o3"]}, "deny:model.not_allowed", ["model.not_allowed"]),
        ("run", {"tool": "RM"}, "deny:tool.blocked", ["tool.blocked"]),
        ("run", {}, "deny:tool.ambiguous", ["tool.ambiguous"]),
        ("cost", {}, "deny:api.not_allowed", ["api.not_allowed"]),
        ("rm", {}, "deny:tool.blocked", ["tool.blocked", "tool.unmapped"]),
        ("other", {}, "deny:tool.unmapped", ["tool.unmapped"]),
        ("", {}, "deny:tool.ambiguous", ["tool.ambiguous"]),
        (5, {}, "deny:tool.ambiguous", ["tool.ambiguous"]),
        (None, {}, "deny:tool.ambiguous", ["tool.ambiguous"]),
        ("t" * 1025, {}, "deny:tool.ambiguous", ["tool.ambiguous", "tool.unmapped"]),
    ],
)  # fmt: skip
def test_a_tool_call(tool: Json, args: Json, outcome: str, rules: list[str]) -> None:
    """The first of the strictest rules is the reason, and all that are broken are listed once."""
    assert decide(compiled(DOCUMENT, actions=ACTIONS), call(tool, args)) == (outcome, rules)


def test_more_than_256_items_in_one_call_are_ambiguous() -> None:
    """The bound is that of a call, over all its actions."""
    template = {"type": "api_call", "service": "$policy_target.all"}
    policies = compiled(DOCUMENT, actions={"many": [template, template]})
    assert decide(policies, call("many", {"all": ["stripe"] * 128}))[0] == "allow"
    assert decide(policies, call("many", {"all": ["stripe"] * 129})) == (
        "deny:api.ambiguous",
        ["api.ambiguous"],
    )


def test_a_missing_section_denies() -> None:
    """A document that says nothing denies every kind of action, by its own rule."""
    policies = compiled({}, [TOOL_CALL, MODEL_CALL], actions=ACTIONS)
    for tool, rule in (("fetch", "network"), ("save", "fs"), ("pay", "api"), ("ask", "model")):
        assert decide(policies, call(tool))[1][:2] == ["tool.missing", f"{rule}.missing"]
    assert decide(policies, {"model": {"name": "m"}}, MODEL_CALL)[0] == "deny:model.missing"


def test_resolved_paths_can_be_required() -> None:
    """With `symlinks: require_resolved` a path that the host did not resolve is denied."""
    policies = compiled(DOCUMENT, actions=ACTIONS, symlinks="require_resolved")
    assert decide(policies, call("save", {"path": "/srv/a"}))[0] == "deny:fs.unresolved"
    assert decide(policies, call("save", {"path": "/srv/a", "real": "/srv/a"}))[0] == "allow"


def test_directories_can_stand_for_what_is_below() -> None:
    """`directories: below` widens allowed paths, and takes the lint away."""
    document: Json = {
        "permissions": {"filesystem": {"allowed_paths": ["./data"]}, "tools": {"allowed_tools": ["save"]}}
    }
    save = call("save", {"path": "data/x"})
    exact = compiled(document, actions=ACTIONS, root="/work")
    below = compiled(document, actions=ACTIONS, root="/work", directories="below")
    assert decide(exact, save)[0] == "deny:fs.not_allowed"
    assert decide(below, save)[0] == "allow"
    path = "policies.oags.document.permissions.filesystem.allowed_paths[0]"
    assert (warnings_of(exact), warnings_of(below)) == ([("fs-path-exact", path)], [])


def test_warn_softens_violations_and_nothing_else() -> None:
    """In `mode: warn` verdicts are warnings with the same reasons; a drift and a runtime error stay."""
    policies = compiled(DOCUMENT, [TOOL_CALL, STARTUP], actions=ACTIONS, mode="warn", expected_id=ID)
    assert decide(policies, call("rm"))[0] == "warn:tool.blocked"
    assert decide(policies, call("wire", {"service": "stripe"}))[0] == "warn:tool.confirmation_required"
    started: Json = {"agent_init": {"identity": {"sekuire_id": OTHER}, "tools_registered": ["rm"]}}
    assert decide(policies, started, STARTUP) == ("deny:identity.drift", ["identity.drift", "tool.blocked"])
    assert decide(policies, {}, STARTUP)[0] == "warn:identity.missing"


LIMITS: Json = {
    "rate_limits": {
        "requests": {"max_per_minute": 10, "max_per_hour": 100},
        "tokens": {"max_per_minute": 1000},
    },
    "permissions": {"models": {"allowed_models": ["m"]}, "tools": {"allowed_tools": ["think"]}},
}


@pytest.mark.parametrize(
    ("counters", "outcome", "rules"),
    [
        ({"requests": {"minute": 9, "hour": 99}, "tokens": {"minute": 999}}, "allow", []),
        ({"requests": {"minute": 10, "hour": 99}, "tokens": {"minute": 0}}, "deny:rate_limit.requests_per_minute", ["rate_limit.requests_per_minute"]),
        ({"requests": {"minute": 0, "hour": 101}, "tokens": {"minute": 1000}}, "deny:rate_limit.requests_per_hour", ["rate_limit.requests_per_hour", "rate_limit.tokens_per_minute"]),
        ({"requests": {"minute": 10}, "tokens": {"minute": 0}}, "deny:rate_limit.counters_missing", ["rate_limit.counters_missing", "rate_limit.requests_per_minute"]),
        ({}, "deny:rate_limit.counters_missing", ["rate_limit.counters_missing"]),
    ],
)  # fmt: skip
def test_rates(counters: Json, outcome: str, rules: list[str]) -> None:
    """A limit that is reached is over; a count that is missing denies."""
    policies = compiled(LIMITS, [MODEL_CALL])
    snapshot: Json = {"model": {"name": "m"}, "envelope": {"counters": counters}}
    assert decide(policies, snapshot, MODEL_CALL) == (outcome, rules)


def test_a_tool_call_counts_requests_alone() -> None:
    """Tokens are counted by model calls; without any counters the limits of requests deny."""
    policies = compiled(LIMITS, actions=ACTIONS)
    counters: Json = {"requests": {"minute": 0, "hour": 0}}
    assert decide(policies, call("think", counters=counters))[0] == "allow"
    assert decide(policies, {"tool_call": {"name": "think"}})[1] == ["rate_limit.counters_missing"]


@pytest.mark.parametrize(
    "counters",
    [
        None,
        5,
        [],
        {"requests": 5},
        {"requests": {"minute": -1, "hour": 0}},
        {"requests": {"minute": 1.0, "hour": 0}},
        {"requests": {"minute": True, "hour": 0}},
        {"requests": {"minute": None, "hour": 0}},
        {"requests": {"minute": "1", "hour": 0}},
    ],
)
def test_a_count_that_is_none_is_a_failure(counters: Json) -> None:
    """Another type, and a negative count, end the evaluation."""
    policies = compiled(LIMITS, actions=ACTIONS)
    with pytest.raises(EvaluationError) as caught:
        decide(policies, call("think", counters=counters))
    assert caught.value.reason is Reason.POLICY_INVOCATION_FAILED
    assert "$snap.envelope.counters" in str(caught.value.detail)


def test_a_path_of_counters_through_another_type_is_a_failure() -> None:
    """An envelope that is no object holds no counters and hides none."""
    with pytest.raises(EvaluationError) as caught:
        decide(compiled(LIMITS, actions=ACTIONS), {"envelope": 5, "tool_call": {"name": "think"}})
    assert caught.value.reason is Reason.POLICY_INVOCATION_FAILED


def test_the_counters_are_stated() -> None:
    """Hosts learn what to count, unless the policy reads it elsewhere."""
    assert compiled(LIMITS).statement.counters == (
        HostCounter("requests", "minute", Window.MINUTE),
        HostCounter("requests", "hour", Window.HOUR),
        HostCounter("tokens", "minute", Window.MINUTE),
    )
    assert compiled(LIMITS, counters="$snap.mine").statement.counters == ()


MODELS: Json = {"policy": {"models": {"allowed": ["m*"], "blocked": ["mini"], "allowed_providers": ["p"]}}}


@pytest.mark.parametrize(
    ("model", "outcome"),
    [
        ({"name": "m1", "vendor": "p"}, "allow"),
        ({"name": "MINI", "vendor": "p"}, "deny:model.blocked"),
        ({"name": "m1"}, "deny:model.provider_not_allowed"),
        ({"name": "m1", "vendor": "P"}, "deny:model.provider_not_allowed"),
        ({"name": "o3", "vendor": "p"}, "deny:model.not_allowed"),
        ({"name": 5, "vendor": "p"}, "deny:model.ambiguous"),
        ({"name": "m1", "vendor": 5}, "deny:model.ambiguous"),
        ({}, "deny:model.ambiguous"),
        (5, "deny:model.ambiguous"),
    ],
)
def test_a_model_call(model: Json, outcome: str) -> None:
    """The model's name and provider; a missing provider is in no list."""
    assert decide(compiled(MODELS, [MODEL_CALL]), {"model": model}, MODEL_CALL)[0] == outcome


SIGNED = sign(ID, SEED)


@pytest.mark.parametrize(
    ("members", "identity", "rules"),
    [
        ({}, INPUTS, []),
        ({}, {**INPUTS, "tools": []}, []),
        ({}, {"sekuire_id": ID}, []),
        ({}, {"sekuire_id": f"sekuire://blake3:{ID}"}, []),
        ({}, {**INPUTS, "sekuire_id": ID}, []),
        ({}, {**INPUTS, "sekuire_id": OTHER}, ["identity.drift"]),
        ({}, {**INPUTS, "model": "gpt-4"}, ["identity.drift"]),
        ({}, {**INPUTS, "model": "gpt-4", "sekuire_id": ID}, ["identity.drift"]),
        ({}, {"sekuire_id": ID.upper()}, ["identity.drift"]),
        ({}, {"sekuire_id": 5}, ["identity.drift"]),
        ({}, {**INPUTS, "model": 5, "sekuire_id": ID}, ["identity.drift"]),
        ({}, {**INPUTS, "tools": '[{"a": 1, "a": 2}]'}, ["identity.drift"]),
        ({}, {**INPUTS, "tools": "[" * 70 + "]" * 70}, ["identity.drift"]),
        ({}, {"model": "gpt-4o"}, ["identity.missing"]),
        ({}, {}, ["identity.missing"]),
        ({}, None, ["identity.missing"]),
        ({}, "28da", ["identity.missing"]),
        ({"require_inputs": True}, INPUTS, []),
        ({"require_inputs": True}, {"sekuire_id": ID}, ["identity.unproven"]),
        ({"require_inputs": True}, {"sekuire_id": OTHER}, ["identity.unproven", "identity.drift"]),
        ({"signers": {"ci": PUBLIC}}, {**INPUTS, "signature": SIGNED}, []),
        ({"signers": {"x": OTHER_KEY, "ci": PUBLIC}}, {"sekuire_id": ID, "signature": SIGNED}, []),
        ({"signers": {"ci": PUBLIC}}, INPUTS, ["identity.signature_missing"]),
        ({"signers": {"ci": PUBLIC}}, {**INPUTS, "signature": "00"}, ["identity.signature_invalid"]),
        ({"signers": {"ci": PUBLIC}}, {**INPUTS, "signature": 5}, ["identity.signature_invalid"]),
        ({"signers": {"ci": OTHER_KEY}}, {**INPUTS, "signature": SIGNED}, ["identity.signature_invalid"]),
        ({"signers": {"ci": PUBLIC}}, {"sekuire_id": OTHER, "signature": SIGNED}, ["identity.drift", "identity.signature_invalid"]),
    ],
)  # fmt: skip
def test_an_identity(members: dict[str, Any], identity: Json, rules: list[str]) -> None:
    """Computed, claimed, signed or missing."""
    policies = compiled({}, [STARTUP], expected_id=ID, **members)
    outcome = f"deny:{rules[0]}" if rules else "allow"
    assert decide(policies, {"agent_init": {"identity": identity}}, STARTUP) == (outcome, rules)


@pytest.mark.parametrize("on_drift", ["deny", "escalate", "warn"])
def test_a_drift_is_what_the_policy_says(on_drift: str) -> None:
    """A violation beside it is stricter, or not."""
    policies = compiled({"policy": {"tools": {"allowed": []}}}, [STARTUP], expected_id=ID, on_drift=on_drift)
    started: dict[str, Json] = {"identity": {"sekuire_id": OTHER}}
    assert decide(policies, {"agent_init": started}, STARTUP)[0] == f"{on_drift}:identity.drift"
    expected = "deny:identity.drift" if on_drift == "deny" else "deny:tool.not_allowed"
    assert decide(policies, {"agent_init": {**started, "tools_registered": ["x"]}}, STARTUP)[0] == expected


@pytest.mark.parametrize(
    ("tools", "rules"),
    [
        (["a", "wire"], []),
        (["a", "rm", "x"], ["tool.blocked", "tool.not_allowed"]),
        ([5], ["tool.ambiguous"]),
        ("a", ["tool.ambiguous"]),
        ([], []),
        (["a"] * 1024, []),
    ],
)
def test_registered_tools(tools: Json, rules: list[str]) -> None:
    """Each is checked by its name; one that needs consent may be registered."""
    document: Json = {
        "policy": {"tools": {"allowed": ["a"], "blocked": ["rm"], "require_confirmation": ["wire"]}}
    }
    policies = compiled(document, [STARTUP], expected_id=ID)
    started: Json = {"agent_init": {"identity": {"sekuire_id": ID}, "tools_registered": tools}}
    assert decide(policies, started, STARTUP)[1] == rules


def test_too_many_registered_tools_are_a_failure() -> None:
    """More than 1,024 end the evaluation."""
    policies = compiled({"policy": {"tools": {"allowed": ["*"]}}}, [STARTUP], expected_id=ID)
    with pytest.raises(EvaluationError) as caught:
        decide(
            policies,
            {"agent_init": {"identity": {"sekuire_id": ID}, "tools_registered": ["a"] * 1025}},
            STARTUP,
        )
    assert (caught.value.reason, caught.value.detail) == (
        Reason.POLICY_INVOCATION_FAILED,
        "more than 1024 tools are registered",
    )


def test_a_model_at_startup_is_checked_where_it_is_given() -> None:
    """None is fine, another one is not."""
    policies = compiled(MODELS, [STARTUP], expected_id=ID)
    started: dict[str, Json] = {"identity": {"sekuire_id": ID}}
    assert decide(policies, {"agent_init": started}, STARTUP)[0] == "allow"
    other: Json = {"agent_init": {**started, "model": {"name": "o3", "vendor": "p"}}}
    assert decide(policies, other, STARTUP)[0] == "deny:model.not_allowed"


def test_other_points_are_not_applicable() -> None:
    """The policy has nothing to say there, says so, and a lint asks why it is bound."""
    idle = sorted(set(InterventionPoint) - {STARTUP, MODEL_CALL, TOOL_CALL})
    policies = compiled({}, idle)
    for point in idle:
        output = policies.evaluators[point].evaluate(policy_input({}, point))
        assert output.value == {"decision": "allow", "reason": "not_applicable"}
    assert warnings_of(policies) == [
        ("oags-point-idle", f"intervention_points.{point}.policy") for point in idle
    ]


def test_paths_can_be_set() -> None:
    """Each value is read where the policy says."""
    policies = compiled(
        MODELS,
        [MODEL_CALL, STARTUP, TOOL_CALL],
        model="$snap.m",
        provider="$snap.p",
        identity="$snap.who",
        tools_registered="$snap.tools",
        tool="$snap.t",
        expected_id=ID,
    )
    assert decide(policies, {"m": "m1", "p": "p"}, MODEL_CALL)[0] == "allow"
    started: Json = {"m": "o3", "p": "p", "who": {"sekuire_id": ID}, "tools": ["x"]}
    assert decide(policies, started, STARTUP)[1] == ["tool.missing", "model.not_allowed"]
    assert decide(policies, {"t": "x"})[1] == ["tool.missing", "tool.unmapped"]


def test_the_evidence_names_agent_and_document() -> None:
    """The artefact is the expected id and the beginning of the document's hash; without an id a dash."""
    digest = hashlib.sha256(canonical(MODELS if isinstance(MODELS, dict) else {})).hexdigest()[:16]
    for who, policies in ((ID, compiled(MODELS, expected_id=ID)), ("-", compiled(MODELS))):
        output = policies.evaluators[TOOL_CALL].evaluate(policy_input(call("x"))).value
        assert output == {
            "decision": "deny",
            "reason": "tool.missing",
            "message": "The policy says nothing about tools.",
            "evidence": {"artefact": f"oags:{who}:{digest}", "rules": ["tool.missing", "tool.unmapped"]},
        }


def test_every_rule_has_a_message() -> None:
    """Each is fixed, a sentence, and its own."""
    assert MESSAGES.keys() == set(OagsRule)
    assert len(set(MESSAGES.values())) == len(MESSAGES)
    assert all(message.endswith(".") for message in MESSAGES.values())
