"""Guards of rule documents, and the agents that they apply to (sections 7.5, 7.7)."""

from time import process_time

import pytest

from acs_sidecar.engines.adapters.agt_rules.agents import agent_matcher
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from tests.engines.adapters.agt_rules.policies import compiled, errors_of, evaluate, rule, short, written

POINT = InterventionPoint.PRE_TOOL_CALL


@pytest.mark.parametrize("agent", [None, 7, ""])
def test_an_agent_without_an_id_fails_closed_where_documents_name_agents(agent: Json) -> None:
    """Nobody is decided as everybody."""
    policy = compiled(written("d", [], agents=["team-*"]))
    with pytest.raises(EvaluationError) as caught:
        evaluate(policy, {"envelope": {"agent": {"id": agent}}})
    assert caught.value.reason is Reason.POLICY_INVOCATION_FAILED


@pytest.mark.parametrize(
    ("pattern", "agent", "matches"),
    [
        ("team-*", "team-7", True),
        ("team-*", "my-team-7", False),
        ("team-*", "team-\n\u2028.(", True),
        ("a*b*c", "abc", True),
        ("a*b*c", "a.b.b.c", True),
        ("a*b*c", "acb", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*ab*ab", "ab", False),
        ("*a*", "bab", True),
        ("***", "x", True),
        ("a.c", "abc", False),
    ],
)
def test_agents_are_whole_globs(pattern: str, agent: str, matches: bool) -> None:
    """`*` is any text, and the whole id is compared."""
    policy = compiled(written("d", [], agents=[pattern], default_action="allow"))
    verdict = "allow" if matches else "deny:no_applicable_policy"
    assert short(evaluate(policy, {"envelope": {"agent": {"id": agent}}})) == verdict


@pytest.mark.parametrize("pattern", ["*" * 500_000, "*a" * 4_000, "a*" * 4_000 + "b"])
def test_a_pattern_of_many_stars_takes_linear_time(pattern: str) -> None:
    """Neither compiling it nor a long id that nearly matches takes longer than both are long."""
    begun = process_time()
    matches = agent_matcher([pattern])
    assert matches("a" * 100_000) is not pattern.endswith("b")
    assert process_time() - begun < 0.5


def test_an_agent_with_an_empty_id_is_stopped() -> None:
    """It is nobody whom an operator could name."""
    policy = compiled(written("d", [], default_action="allow"), guards={"stopped_agents": ["other"]})
    assert short(evaluate(policy, {"envelope": {"agent": {"id": ""}}})) == "deny:kill_switch_active"


@pytest.mark.parametrize(
    ("agent", "envelope", "point", "verdict"),
    [
        ({"ring": 2, "trust_score": 800}, {}, POINT, "deny:ring_insufficient"),
        ({"ring": 1, "trust_score": 499}, {}, POINT, "deny:trust_below_minimum"),
        ({"ring": 1, "trust_score": 800}, {}, POINT, "allow"),
        ({"trust_score": 800}, {}, POINT, "deny:ring_insufficient"),
        (
            {"ring": 1, "trust_score": 800},
            {"kill_switch": {"active": "no"}},
            POINT,
            "deny:kill_switch_unknown",
        ),
        ({"ring": 1, "trust_score": 1001}, {}, POINT, "deny:trust_below_minimum"),
        ({"ring": 1, "trust_score": 800.5}, {}, POINT, "deny:trust_below_minimum"),
        ({}, {"kill_switch": {"active": True, "reason": ["manual"]}}, POINT, "deny:kill_switch_unknown"),
        ({}, {"kill_switch": {"active": False, "reason": {}}}, POINT, "deny:kill_switch_unknown"),
        ({}, {"kill_switch": {"active": True, "reason": "manual"}}, POINT, "deny:kill_switch_active"),
        (
            {},
            {"kill_switch": {"active": True, "reason": "manual"}},
            InterventionPoint.AGENT_SHUTDOWN,
            "allow",
        ),
    ],
)
def test_guards(
    agent: dict[str, Json], envelope: dict[str, Json], point: InterventionPoint, verdict: str
) -> None:
    """The guards of section 7.7 come before the rules, and not at the end of an agent."""
    policy = compiled(
        written("d", [], default_action="allow"),
        points=[point],
        projects_tool=True,
        guards={"rings": True, "kill_switch": True, "min_trust_score": 500},
    )
    snapshot: Json = {"envelope": {"agent": {"id": "a", **agent}, **envelope}}
    tool: Json = {"name": "deploy", "ring": 1} if point is POINT else None
    assert short(evaluate(policy, snapshot, point, tool=tool)) == verdict


def test_a_guard_that_needs_the_tool_needs_its_projection() -> None:
    """Rings at a point that does not look the tool up are refused."""
    assert errors_of(written("d", []), guards={"rings": True})[0][0] == "agt-tool-unprojected"


@pytest.mark.parametrize(
    ("agent", "verdict"),
    [
        ({"id": "bot", "ring": 1}, "deny:ring_insufficient"),
        ({"id": "other", "ring": 1}, "allow"),
        ({"ring": 1}, "deny:ring_insufficient"),
        ({"id": 7, "ring": 1}, "deny:ring_insufficient"),
    ],
)
def test_an_agent_without_an_id_has_no_ring_of_its_own(agent: Json, verdict: str) -> None:
    """Where the operator gives rings by id, leaving the id out does not leave the operator's ring out."""
    policy = compiled(
        written("d", [], default_action="allow"),
        projects_tool=True,
        guards={"rings": {"agents": {"bot": 3}}},
    )
    assert short(evaluate(policy, {"envelope": {"agent": agent}}, tool={"name": "t"})) == verdict


@pytest.mark.parametrize("agent", [{"trust_score": 1001}, {"trust_score": "900"}, {}])
@pytest.mark.parametrize(
    "condition", ["trust.tier != 'verified_partner'", "trust.tier == 'untrusted'", "not has(trust.tier)"]
)
def test_an_agent_without_a_score_has_no_tier(condition: str, agent: Json) -> None:
    """A score over 1,000 is no trust, nor is a missing one, so that a rule about the tier restricts."""
    policy = compiled(written("d", [rule(condition)], default_action="allow"))
    assert short(evaluate(policy, {"envelope": {"agent": agent}})) == "deny:r"


@pytest.mark.parametrize(
    "guards",
    [
        {"kill_switch": None},
        {"rings": None},
        {"min_trust_score": False},
        {"max_delegation_depth": False},
        {"stopped_agents": None},
        {"stopped_agents": False},
    ],
)
def test_a_guard_without_a_meaning_is_not_off(guards: Json) -> None:
    """A guard whose value is left empty, or of a type that it has not, is refused."""
    with pytest.raises(ManifestError) as caught:
        compiled(written("d", []), guards=guards, projects_tool=True)
    assert [found.code for found in caught.value.diagnostics] == ["value-not-allowed"]


def test_guards_that_are_left_empty_are_refused() -> None:
    """`guards:` without a value does not leave all of them off."""
    assert errors_of(written("d", []), guards=None)[0][0] == "wrong-type"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("bot\u200b", "`bot\u200b` has a character which does not show: remove it"),
        ("bot ", "`bot ` begins or ends with a space, and is no id without it: remove it"),
        ("a, b", "`a, b` is one id: list each agent for itself"),
        ("bot-?", "in `bot-?` the `?` is itself: `*` alone stands for any text"),
        ("bot-.*", "in `bot-.*` the `.*` is itself: `*` alone stands for any text"),
        ("did:web:x.example:bot-*", None),
    ],
)
def test_an_id_that_no_agent_has(pattern: str, message: str | None) -> None:
    """A document for such an agent is for none, a stopped one goes on, and a ring is given to nobody."""
    documents = [written("d", [], agents=[pattern]), written("e", [], agent=pattern)]
    guards: Json = {"stopped_agents": [pattern], "rings": {"agents": {pattern: 3}}}
    policy = compiled(*documents, guards=guards, projects_tool=True)
    found = [
        (str(one.path), one.message) for one in policy.statement.warnings if one.code == "agt-agent-doubtful"
    ]
    places = [
        "policies.agt.documents[0].agents",
        "policies.agt.documents[1].agent",
        "policies.agt.guards.stopped_agents",
        "policies.agt.guards.rings.agents",
    ]
    assert found == [(place, message) for place in places if message is not None]
