"""Remarks on policies that never apply, and schemas that no request can satisfy (section 1.7.1)."""

from typing import Any

import pytest

from acs_sidecar.engines.cedar.type import CEDAR
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import CompiledPolicy, CompileRequest, ManifestFacts
from tests.engines.cedar import bind, bind_findings, compile_cedar
from tests.engines.sources import MemorySources

POINT = {"point": InterventionPoint.PRE_TOOL_CALL, "tool": True}


def compiled(policies: str, **members: Any) -> CompiledPolicy:
    """Compile policies in a manifest whose only tool is `read`, and bind them at the tool call."""
    policy = CEDAR.compile(
        CompileRequest(
            "policies.main",
            {"type": "cedar", "policy_set": policies, **members},
            MemorySources({}),
            ManifestFacts(tools={"read": {}}),
        )
    )
    bind(policy, **POINT)
    return policy


def warnings(policies: str, **members: Any) -> list[tuple[str, str]]:
    """Return the warnings about policies: code and message."""
    return [(found.code, found.message) for found in compiled(policies, **members).statement.warnings]


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ('forbid(principal, action == Action::"Bash", resource);', 'no bound point asks for its action; asked for are `Action::"pre_tool_call"`'),
        ('permit(principal, action in [Action::"a", Action::"output"], resource);', 'no bound point asks for its action; asked for are `Action::"pre_tool_call"`'),
        ('forbid(principal, action, resource == Tool::"write");', 'no bound point has the resource `Tool::"write"`'),
        ('forbid(principal, action, resource == PolicyTarget::"tool_args");', "no bound point has a resource of the type `PolicyTarget`; there are `Tool`"),
        ("forbid(principal, action, resource is Doc);", "no bound point has a resource of the type `Doc`; there are `Tool`"),
        ('forbid(principal == User::"a", action, resource);', "no bound point has a principal of the type `User`; there are `Agent`"),
        ('forbid(principal is User in Team::"x", action, resource);', "no bound point has a principal of the type `User`; there are `Agent`"),
    ],
)  # fmt: skip
def test_a_policy_that_never_applies(policy: str, why: str) -> None:
    """A scope that no bound point meets is remarked upon, with what the points have instead."""
    assert warnings(policy) == [("cedar-policy-unreachable", f"policy `policy0` never applies: {why}")]


@pytest.mark.parametrize(
    "policy",
    [
        'forbid(principal, action == Action::"pre_tool_call", resource);',
        'forbid(principal, action in [Action::"a", Action::"pre_tool_call"], resource);',
        'forbid(principal, action, resource == Tool::"read");',
        'forbid(principal == Agent::"a", action, resource is Tool);',
        'forbid(principal in Team::"x", action, resource in Group::"y");',
    ],
)
def test_a_policy_that_may_apply(policy: str) -> None:
    """A scope that a request may meet, by its groups too, is not remarked upon."""
    assert warnings(policy) == []


def test_groups_of_actions() -> None:
    """Where entities say which actions are in a group, `action in` may apply."""
    group = {"type": "Action", "id": "all"}
    entities = [{"uid": {"type": "Action", "id": "pre_tool_call"}, "attrs": {}, "parents": [group]}]
    assert warnings('forbid(principal, action in Action::"all", resource);', entities=entities) == []


def test_any_bound_point_counts() -> None:
    """A policy that one of several points can meet is not remarked upon, nor one that nothing binds."""
    policy = compiled('forbid(principal, action == Action::"output", resource);')
    bind(policy, point=InterventionPoint.OUTPUT)
    assert policy.statement.warnings == ()
    assert compile_cedar('forbid(principal, action == Action::"Bash", resource);').statement.warnings == ()


def test_an_action_from_the_request() -> None:
    """Where a path gives the action, any action may be asked for."""
    policy = compile_cedar('forbid(principal, action == Action::"Bash", resource);')
    bind(policy, members={"action": "$snap.text"})
    assert policy.statement.warnings == ()


@pytest.mark.parametrize("condition", ['context.x in ["a"]', 'true && (principal in ["a", "b"] || true)'])
def test_in_on_a_list_of_texts(condition: str) -> None:
    """`in` is for entities: on a list of strings it fails at every request."""
    message = "policy `policy0` uses `in` on a list of strings, which always fails: write `[…].contains(…)`"
    policy = f"forbid(principal, action, resource) when {{ {condition} }};"
    assert warnings(policy) == [("cedar-in-texts", message)]


@pytest.mark.parametrize(
    "condition", ['["a"].contains(context.x)', 'principal in [Agent::"a"]', 'context.x == "in"']
)
def test_in_on_entities(condition: str) -> None:
    """`in` on entities, and texts elsewhere, are what they should be."""
    assert warnings(f"forbid(principal, action, resource) when {{ {condition} }};") == []


@pytest.mark.parametrize(
    ("context", "place"),
    [
        ("{ owner: Agent }", "context.owner"),
        ("{ deep: { who: Agent, n?: Long } }", "context.deep.who"),
        ("{ n: Long, w: Who }", "context.w"),
    ],
)
def test_a_schema_that_no_request_can_fill(context: str, place: str) -> None:
    """A schema that requires an entity in the context makes the binding invalid."""
    expected = (
        f'intervention_points.output.policy: the schema requires the entity `{place}` for `Action::"output"`, '
        "and no request can fill it: make it optional, or read it from the entities"
    )
    assert bind_findings(compile_cedar(schema=_schema(context))) == [expected]


@pytest.mark.parametrize(
    "context", ["{ owner?: Agent }", "{ deep?: { who: Agent } }", "{ all: Set<Agent> }", "{ at: datetime }"]
)
def test_a_schema_that_a_request_can_fill(context: str) -> None:
    """What may be absent or empty, or comes from text, is no obstacle."""
    bind(compile_cedar(schema=_schema(context)))


def _schema(context: str) -> str:
    return (
        "entity Agent; entity PolicyTarget; type Who = Agent;"
        f"action output appliesTo {{ principal: Agent, resource: PolicyTarget, context: {context} }};"
    )
