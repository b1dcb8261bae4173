"""Rules under 0.4 and 0.5, whose snapshots are agent contexts (sections 6.8 and 7.4)."""

from typing import Any

import pytest

from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import Json
from tests.engines.adapters.agt_rules.policies import compiled, evaluate, rule, short, written

VERSIONS = ("0.4.0-alpha.1", "0.5.0-alpha.1")
CONTEXT: dict[str, Json] = {
    "agent": {"id": "guest", "trust_score": 400},
    "session": {"id": "s", "sensitivity": "secret"},
    "timestamp": "2026-01-01T00:00:00Z",
    "tenant": {"id": "t"},
    "budgets": {"cost_usd": 9},
    "input": {"content": "my password"},
    "output": {"content": "my password"},
    "model": {"id": "m"},
    "tool_call": {"name": "rm", "args": {}},
}
CONDITIONS = [
    ("agent == 'guest'", "pre_tool"),
    ("agent.id == 'guest'", "pre_tool"),
    ("agent.trust_score < 500", "pre_tool"),
    ("trust.tier == 'probationary'", "pre_tool"),
    ("session.sensitivity == 'secret'", "pre_tool"),
    ("session_id == 's'", "pre_tool"),
    ("tenant.id == 't'", "pre_tool"),
    ("timestamp startswith '2026'", "pre_tool"),
    ("budgets.cost_usd > 8", "pre_tool"),
    ("cost_usd > 8", "pre_tool"),
    ("input contains 'password'", "pre_input"),
    ("input.content contains 'password'", "pre_input"),
    ("output contains 'password'", "pre_output"),
    ("response.content contains 'password'", "pre_output"),
    ("model == 'm'", "pre_model_call"),
]
POINTS = {
    "pre_tool": InterventionPoint.PRE_TOOL_CALL,
    "pre_input": InterventionPoint.INPUT,
    "pre_output": InterventionPoint.OUTPUT,
    "pre_model_call": InterventionPoint.PRE_MODEL_CALL,
}


def _decided(version: str, snapshot: Json, condition: str, stage: str, **members: Any) -> str:
    document = written("d", [{**rule(condition), "stage": stage}], default_action="allow")
    point = POINTS[stage]
    return short(evaluate(compiled(document, points=[point], version=version, **members), snapshot, point))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("condition", "stage"), CONDITIONS)
def test_names_read_an_agent_context(version: str, condition: str, stage: str) -> None:
    """A denial about the agent, its session or what it says is one over an agent context too."""
    assert _decided(version, CONTEXT, condition, stage) == "deny:r"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_envelope_counts_where_there_is_no_agent(version: str) -> None:
    """Section 6.8: a snapshot without `agent` is read as one of 0.3, one with it is not."""
    envelope: Json = {"agent": {"id": "guest"}, "session": {"sensitivity": "secret"}}
    for condition in ("agent.id == 'guest'", "session.sensitivity == 'secret'"):
        assert _decided(version, {"envelope": envelope}, condition, "pre_tool") == "deny:r"
    nameless: Json = {"agent": {}, "envelope": envelope}
    assert _decided(version, nameless, "agent.id == 'guest'", "pre_tool") == "allow"


def test_a_snapshot_of_0_3_has_no_agent_beside_its_envelope() -> None:
    """Under 0.3 the envelope alone says who it is."""
    assert _decided("0.3.1-beta", CONTEXT, "agent.id == 'guest'", "pre_tool") == "allow"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("guards", "verdict"),
    [
        ({"stopped_agents": ["gu*"]}, "deny:kill_switch_active"),
        ({"stopped_agents": ["other"]}, "allow"),
        ({"min_trust_score": 401}, "deny:trust_below_minimum"),
        ({"min_trust_score": 400}, "allow"),
    ],
)
def test_guards_read_an_agent_context(version: str, guards: Json, verdict: str) -> None:
    """An operator stops one agent and not all, and scores are those of the agent."""
    assert _decided(version, CONTEXT, "false", "pre_tool", guards=guards) == verdict


@pytest.mark.parametrize("version", VERSIONS)
def test_documents_for_certain_agents_apply_to_an_agent_context(version: str) -> None:
    """A document for the agent decides, one for another does not."""
    for agents, verdict in ((["guest"], "deny:r"), (["other"], "deny:no_applicable_policy")):
        document = written("d", [rule("true")], agents=agents)
        assert short(evaluate(compiled(document, version=version), CONTEXT)) == verdict


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("text", ["$target", "$target.x", "$policy_target"])
def test_a_text_of_a_document_is_no_path(version: str, text: str) -> None:
    """What a rule compares with stays as it is written, while paths of `context` begin at `$target`."""
    snapshot: Json = {"agent": {"id": "a"}, "tool_call": {"name": "rm", "args": {"cmd": text}}}
    for condition in (
        f"args.cmd == '{text}'",
        f"args.cmd in ['{text}']",
        f"snapshot.tool_call.args.cmd == '{text}'",
    ):
        context = {"snapshot": "$target"}
        assert _decided(version, snapshot, condition, "pre_tool", context=context) == "deny:r"
    field: Json = {"field": "args.cmd", "operator": "eq", "value": text}
    document = written("d", [{**rule("true"), "condition": field}], default_action="allow")
    assert short(evaluate(compiled(document, version=version), snapshot)) == "deny:r"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("text", ["$target", "$target.x", "$policy_target"])
def test_a_text_of_a_policy_is_no_path(version: str, text: str) -> None:
    """Ids of agents and defaults stay as they are written, beside paths that begin at `$target`."""
    snapshot: Json = {"agent": {"id": text}, "tool_call": {"name": "rm", "args": {}}}
    stopped: Json = {"stopped_agents": [text]}
    assert _decided(version, snapshot, "false", "pre_tool", guards=stopped) == "deny:kill_switch_active"
    context: Json = {"mode": {"path": "$target.mode", "default": text}, "path": {"path": "$target.agent.id"}}
    for condition in (f"mode == '{text}'", f"path == '{text}'"):
        assert _decided(version, snapshot, condition, "pre_tool", context=context) == "deny:r"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("entry", ["$policy_target.x", {"path": "$policy_target.x"}])
def test_a_path_of_the_older_root_is_refused(version: str, entry: Json) -> None:
    """The error names the entry that is wrong, as people write it."""
    document = written("d", [rule("x.y == 'a'")])
    with pytest.raises(ManifestError) as caught:
        compiled(document, version=version, context={"x.y": entry})
    place = 'policies.agt.context["x.y"]' + (".path" if isinstance(entry, dict) else "")
    assert [str(found) for found in caught.value.diagnostics] == [
        f"{place}: starts at `$policy_target`: write `$target`"
    ]
