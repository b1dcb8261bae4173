"""Section 10.6: what a policy decides at each point."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.engines.adapters.workspace_policy.document.model import ModelRules, PolicyContent, ToolRules
from acs_sidecar.engines.adapters.workspace_policy.enforcement import rules_of
from acs_sidecar.engines.adapters.workspace_policy.evaluators import MAX_TOOLS
from acs_sidecar.engines.adapters.workspace_policy.lints import CHECKED_POINTS
from acs_sidecar.engines.adapters.workspace_policy.rules import MESSAGES, WorkspaceRule
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import is_idle
from tests.engines.adapters.workspace_policy.policies import (
    MODEL_CALL,
    POINTS,
    STARTUP,
    TOOL_CALL,
    compiled,
    decide,
    with_content,
)
from tests.engines.adapters.workspace_policy.vectors import DECISIONS, content

SECOND = compiled(content("active-2.json"))
FAILED = "runtime_error:policy_invocation_failed"


def startup(**members: Any) -> dict[str, Any]:
    """The snapshot of an agent that starts with what the second document asks for, but for `members`."""
    given = {
        "tools_registered": ["calculator"],
        "compliance": {"frameworks": ["soc2"]},
        "region": "eu",
        **members,
    }
    return {"agent_init": {name: value for name, value in given.items() if value is not None}}


@pytest.mark.parametrize("case", DECISIONS, ids=lambda case: f"{case['point']} {case.get('reason', 'allow')}")
def test_a_decision(case: dict[str, Any]) -> None:
    """The seventeen decisions of the vectors."""
    expected = ":".join(case[name] for name in ("decision", "reason") if name in case)
    assert decide(SECOND, InterventionPoint(case["point"]), case["snapshot"]) == expected


def test_every_reason_has_a_message() -> None:
    """And the vectors are all there."""
    assert MESSAGES.keys() == set(WorkspaceRule)
    assert len(DECISIONS) == 17


@pytest.mark.parametrize("point", POINTS)
def test_a_withdrawn_policy_denies_everything(point: InterventionPoint) -> None:
    """Whatever the input is, at every point."""
    revoked = compiled(content("revoked-3.json"))
    for snapshot in ({}, {"tool_call": {"name": "calculator"}}, startup()):
        assert decide(revoked, point, snapshot) == "deny:policy_revoked"
    assert not is_idle(revoked.evaluators[point])


def test_nothing_is_checked_at_other_points() -> None:
    """There the policy says that it does not apply."""
    others = [point for point in POINTS if point not in CHECKED_POINTS]
    assert {decide(SECOND, point, {}) for point in others} == {"allow:not_applicable"}
    assert all(is_idle(SECOND.evaluators[point]) for point in others)
    assert not any(is_idle(SECOND.evaluators[point]) for point in CHECKED_POINTS)


@pytest.mark.parametrize(
    ("point", "snapshot", "detail"),
    [
        (STARTUP, {}, "`$snap.agent_init.tools_registered` is missing"),
        (STARTUP, startup(tools_registered=None), "`$snap.agent_init.tools_registered` is missing"),
        (STARTUP, {"agent_init": []}, "`$snap.agent_init.model.name` leads through another type"),
        (STARTUP, startup(tools_registered={}), "`$snap.agent_init.tools_registered` is not a list of texts"),
        (STARTUP, startup(tools_registered=["a", 1]), "`$snap.agent_init.tools_registered` is not a list of texts"),
        (STARTUP, startup(tools_registered=["t"] * (MAX_TOOLS + 1)), "`$snap.agent_init.tools_registered` has more than 1024 tools"),
        (STARTUP, startup(model="gpt-4o"), "`$snap.agent_init.model.name` leads through another type"),
        (STARTUP, startup(model={"name": {}}), "`$snap.agent_init.model.name` is not a text"),
        (STARTUP, startup(model={"name": "gpt-4o", "vendor": 1}), "`$snap.agent_init.model.vendor` is not a text"),
        (STARTUP, startup(compliance={"frameworks": "soc2"}), "`$snap.agent_init.compliance.frameworks` is not a list of texts"),
        (STARTUP, startup(region=["eu"]), "`$snap.agent_init.region` is not a text"),
        (STARTUP, startup(tools_registered=["shell_exec"], region=1), "`$snap.agent_init.region` is not a text"),
        (MODEL_CALL, {"model": {"name": None}}, "`$snap.model.name` is not a text"),
        (MODEL_CALL, {"model": "gpt-4o"}, "`$snap.model.name` leads through another type"),
        (MODEL_CALL, {"model": {"name": "gpt-4o", "vendor": {}}}, "`$snap.model.vendor` is not a text"),
        (TOOL_CALL, {}, "`$snap.tool_call.name` is missing or blank"),
        (TOOL_CALL, {"tool_call": {"name": " "}}, "`$snap.tool_call.name` is missing or blank"),
        (TOOL_CALL, {"tool_call": {"name": ["calculator"]}}, "`$snap.tool_call.name` is not a text"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_failure(point: InterventionPoint, snapshot: Any, detail: str) -> None:
    """The evaluation fails, and says at which path; no value is quoted."""
    assert decide(SECOND, point, snapshot) == f"{FAILED}: {detail}"


@pytest.mark.parametrize(
    ("snapshot", "verdict"),
    [
        (startup(), "allow"),
        (startup(tools_registered=[]), "allow"),
        (startup(tools_registered=["send_mail"] * MAX_TOOLS), "allow"),
        (startup(model={"vendor": "azure"}), "deny:provider_not_allowed"),
        (startup(model={"name": "gpt-4o"}), "deny:provider_missing"),
        (startup(model={"name": "", "vendor": "openai"}), "deny:model_missing"),
        (startup(model={"name": "claude-3", "vendor": "anthropic"}, region="eu-west-1"), "allow"),
        (startup(region="europe"), "warn:data_residency_mismatch"),
        (startup(region="EU"), "warn:data_residency_mismatch"),
        (startup(region=" "), "warn:data_residency_unknown"),
        (startup(compliance=None), "warn:compliance_framework_missing"),
        (startup(compliance={"frameworks": ["SOC2"]}), "warn:compliance_framework_missing"),
        (startup(compliance=None, region=None), "warn:compliance_framework_missing"),
        (startup(compliance=None, tools_registered=["rm"]), "deny:tool_not_allowed"),
    ],
)
def test_what_counts_when_an_agent_starts(snapshot: Any, verdict: str) -> None:
    """Model, tools, frameworks and region, in this order; the first that is broken decides."""
    assert decide(SECOND, STARTUP, snapshot) == verdict


def test_compliance_can_deny() -> None:
    """`compliance: deny` makes what is unmet a deny, and nothing else."""
    strict = compiled(content("active-2.json"), compliance="deny")
    assert decide(strict, STARTUP, startup(region="us")) == "deny:data_residency_mismatch"
    assert decide(strict, STARTUP, startup(compliance=None)) == "deny:compliance_framework_missing"
    assert (
        decide(strict, TOOL_CALL, {"tool_call": {"name": "send_mail"}}) == "escalate:tool_approval_required"
    )


@pytest.mark.parametrize(
    "name",
    ["GPT-4o-mini", "openai/gpt-4o-mini", "a/b/GPT-4O-MINI", "openai／gpt-4o-mini", "ｇpt-4o-mini", "gpt-4o\u200b-mini", "x/gpt-4o-mini/ "],
)  # fmt: skip
def test_a_denied_model_is_denied_however_it_is_written(name: str) -> None:
    """Case, width, hidden characters and what stands in front of the last slash do not help."""
    open_models = compiled(with_content(models={"denied_models": ["gpt-4o-mini"]}))
    assert decide(open_models, MODEL_CALL, {"model": {"name": name}}) == "deny:model_denied"
    assert decide(open_models, MODEL_CALL, {"model": {"name": "gpt-4o"}}) == "allow"


def test_empty_lists_allow_and_say_so() -> None:
    """Without lists everything is allowed that is not denied, which is a warning with its place."""
    policies = compiled(with_content(), points=CHECKED_POINTS)
    assert decide(policies, MODEL_CALL, {"model": {"name": "any"}}) == "allow"
    assert decide(policies, TOOL_CALL, {"tool_call": {"name": "any"}}) == "allow"
    assert decide(policies, STARTUP, {"agent_init": {"tools_registered": ["any"]}}) == "allow"
    assert [(found.code, found.path, found.line) for found in policies.statement.warnings] == [
        ("policy-open-models", "policies.workspace.file.content.agent.models", 1),
        ("policy-open-tools", "policies.workspace.file.content.agent.capabilities", 1),
    ]


def test_a_denied_name_that_looks_like_a_command_or_a_pattern_is_a_warning() -> None:
    """It denies that very name alone, which its author may not mean."""
    tools = {"allowed_tools": ["read"], "denied_tools": ["git push --force", "delete_*"]}
    models = {"allowed_models": ["gpt-4o"], "denied_models": ["gpt-?"]}
    policies = compiled(with_content(capabilities=tools, models=models), points=CHECKED_POINTS)
    place = "policies.workspace.file.content.agent"
    assert [(found.code, found.path, found.message) for found in policies.statement.warnings] == [
        (
            "policy-name-doubtful",
            f"{place}.models.denied_models[0]",
            "`gpt-?` is compared as it is written: `*` at the end is the only pattern",
        ),
        (
            "policy-name-doubtful",
            f"{place}.capabilities.denied_tools[0]",
            "`git push --force` has a space, and names have none: what a command does is not compared",
        ),
    ]


def test_approval_of_every_tool() -> None:
    """`true` escalates each allowed call; a list compares names widely."""
    every = compiled(content("active-1.json"))
    assert (
        decide(every, TOOL_CALL, {"tool_call": {"name": "calculator"}}) == "escalate:tool_approval_required"
    )
    assert decide(every, TOOL_CALL, {"tool_call": {"name": "rm"}}) == "deny:tool_not_allowed"
    some = compiled(with_content(capabilities={"require_tool_approval": ["send_*"]}))
    assert decide(some, TOOL_CALL, {"tool_call": {"name": "Send_Mail"}}) == "escalate:tool_approval_required"
    assert decide(some, TOOL_CALL, {"tool_call": {"name": "read"}}) == "allow"


def test_frameworks_with_an_end_that_is_open() -> None:
    """A framework that ends in `*` is met by any that begins so."""
    policies = compiled(with_content(compliance={"frameworks": ["iso*"]}))
    met = {"agent_init": {"tools_registered": [], "compliance": {"frameworks": ["iso27001"]}}}
    assert decide(policies, STARTUP, met) == "allow"


def test_paths_can_be_set() -> None:
    """Each value is read where the policy says."""
    policies = compiled(
        content("active-2.json"),
        model="$policy_target.m",
        provider="$policy_target.p",
        tools_registered="$policy_target.t",
        frameworks="$policy_target.f",
        region="$policy_target.r",
        tool="$policy_target.t[0]",
    )
    snapshot = {"m": "gpt-4o", "p": "openai", "t": ["calculator"], "f": ["soc2"], "r": "eu"}
    for point in (STARTUP, MODEL_CALL, TOOL_CALL):
        assert decide(policies, point, snapshot) == "allow"
    assert decide(policies, STARTUP, snapshot | {"r": "us"}) == "warn:data_residency_mismatch"
    assert decide(policies, TOOL_CALL, snapshot | {"t": ["shell_exec"]}) == "deny:tool_denied"


NAMES = st.text(st.sampled_from("aAb/*\u200b ／"), min_size=1, max_size=5)
ENTRIES = st.lists(st.sampled_from(["a", "A", "ab", "a*", "b", "*", "a/b"]), max_size=3, unique=True).map(
    tuple
)


@given(NAMES, ENTRIES, ENTRIES, ENTRIES, st.sampled_from(["a", "b", "a*"]))
def test_a_deny_never_allows_more(
    name: str, allowed: tuple[str, ...], denied: tuple[str, ...], approval: tuple[str, ...], more: str
) -> None:
    """One more denied name denies what was denied; one more name to approve allows no more either."""

    def allows(denied: tuple[str, ...], approval: tuple[str, ...]) -> tuple[bool, bool, bool]:
        rules = rules_of(PolicyContent(ModelRules((), allowed, denied), ToolRules(allowed, denied, approval)))
        return (
            rules.broken_by_model(name, None) is None,
            rules.broken_by_tool(name) is None,
            rules.broken_by_call(name) is None,
        )

    before = allows(denied, approval)
    after = allows((*denied, more), approval)
    assert all(new <= old for new, old in zip(after, before, strict=True))
    assert allows(denied, (*approval, more))[2] <= before[2]
