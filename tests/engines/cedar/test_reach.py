"""Remarks on policies that never apply, and schemas that no request can satisfy (section 1.7.1)."""

import json
import random
from collections.abc import Sequence
from typing import Any

import cedarpy
import pytest

from acs_sidecar.engines.cedar.slicing.scopes import ScopedPolicy
from acs_sidecar.engines.cedar.type import CEDAR
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import CompiledPolicy, CompileRequest, ManifestFacts
from tests.engines.cedar import bind, bind_findings, compile_cedar
from tests.engines.cedar.slicing import random_members, random_uid
from tests.engines.sources import MemorySources

PARTS = ("principal", "action", "resource")
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
        ('forbid(principal in Team::"x", action, resource);', 'no principal of a bound point is in `Team::"x"`'),
        ('permit(principal is Agent in Team::"x", action, resource);', 'no principal of a bound point is in `Team::"x"`'),
        ('forbid(principal, action, resource in Tool::"write");', 'no resource of a bound point is in `Tool::"write"`'),
        ("forbid(principal, action in [], resource);", 'no bound point asks for its action; asked for are `Action::"pre_tool_call"`'),
        ('forbid(principal, action in Action::"all", resource);', 'no bound point asks for its action; asked for are `Action::"pre_tool_call"`'),
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
        'forbid(principal in Agent::"a", action in Action::"pre_tool_call", resource in Tool::"read");',
    ],
)
def test_a_policy_that_may_apply(policy: str) -> None:
    """A scope that a request may meet, by its groups too, is not remarked upon."""
    assert warnings(policy) == []


def uid(kind: str, name: str) -> dict[str, str]:
    """Return a UID in the engine's form."""
    return {"type": kind, "id": name}


def below(entity: dict[str, str], group: dict[str, str]) -> list[Any]:
    """Return entities of which one is in a group that is in another, `Top::"t"`."""
    return [
        {"uid": entity, "attrs": {}, "parents": [group]},
        {"uid": group, "attrs": {}, "parents": [uid("Action" if group["type"] == "Action" else "Top", "t")]},
    ]


@pytest.mark.parametrize(
    ("policy", "entity", "group"),
    [
        ('forbid(principal, action in Action::"all", resource);', uid("Action", "pre_tool_call"), uid("Action", "all")),
        ('forbid(principal, action in [Action::"t"], resource);', uid("Action", "pre_tool_call"), uid("Action", "all")),
        ('forbid(principal in Team::"x", action, resource);', uid("Agent", "any"), uid("Team", "x")),
        ('forbid(principal is Agent in Top::"t", action, resource);', uid("Agent", "any"), uid("Team", "x")),
        ('forbid(principal, action, resource in Group::"x");', uid("Tool", "read"), uid("Group", "x")),
    ],
)  # fmt: skip
def test_groups(policy: str, entity: dict[str, str], group: dict[str, str]) -> None:
    """A policy of a group may apply where an entity that a request may name is in it, and not elsewhere."""
    assert warnings(policy, entities=below(entity, group)) == []
    for other in (uid(entity["type"], "other"), uid("User", entity["id"])):
        if other["type"] != "Agent":
            assert len(warnings(policy, entities=below(other, group))) == 1


def test_groups_of_a_schema() -> None:
    """Where the schema says which actions are in a group, `action in` may apply."""
    schema = (
        "entity Agent; entity Tool; action all; action other; action few in [all];"
        "action pre_tool_call in [few] appliesTo { principal: Agent, resource: Tool };"
        "action output in [other] appliesTo { principal: Agent, resource: Tool };"
    )
    policy = 'forbid(principal, action in Action::"{}", resource);'
    assert warnings(policy.format("all"), schema=schema) == []
    assert [code for code, _ in warnings(policy.format("other"), schema=schema)] == [
        "cedar-policy-unreachable"
    ]


def test_parts_that_never_meet() -> None:
    """Each part of a scope may be met at one point, and all of them at none."""
    policy = compiled('forbid(principal, action == Action::"output", resource == Tool::"read");')
    bind(policy, point=InterventionPoint.OUTPUT)
    (found,) = policy.statement.warnings
    why = "no bound point has its action, its principal and its resource together"
    assert found.message == f"policy `policy0` never applies: {why}"


def test_entities_from_the_request() -> None:
    """Where paths give the entities, or their ids, nothing but a known type rules a policy out."""
    policies = 'forbid(principal in Team::"x", action, resource == Doc::"d"); forbid(principal, action, resource is B);'
    policy = compile_cedar(policies)
    bind(policy, members={"principal": "$snap.text", "resource": {"type": "Doc", "id": "$snap.text"}})
    (found,) = policy.statement.warnings
    assert found.message.endswith("no bound point has a resource of the type `B`; there are `Doc`")


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


@pytest.mark.parametrize("seed", range(60))
def test_remarks_are_what_the_engine_says(seed: int) -> None:
    """Of random policies, links and entities those are remarked upon whose scope meets no bound request."""
    source = random.Random(seed)  # noqa: S311  # reproducible cases, no secret
    members = {name: value for name, value in random_members(source).items() if name != "schema"}
    policy = compile_cedar(**members)
    requests = [{part: random_uid(source) for part in PARTS} for _ in range(source.randint(1, 4))]
    for request in requests:
        bind(policy, members=request)
    scoped: tuple[ScopedPolicy, ...] = policy.policies.scoped  # type: ignore[attr-defined]
    reached = {name for request in requests for name in applying(scoped, members["entities"], request)}
    found = {
        one.message.split("`")[1]
        for one in policy.statement.warnings
        if one.code == "cedar-policy-unreachable"
    }
    assert found == {one.policy.name for one in scoped} - reached


def applying(
    scoped: Sequence[ScopedPolicy], entities: list[Any], request: dict[str, dict[str, str]]
) -> list[str]:
    """Ask the engine which scopes a request meets."""
    permits = {}
    for one in scoped:
        parsed = json.loads(cedarpy.policies_to_json_str(one.text))["staticPolicies"]["policy0"]
        permits[one.policy.name] = {**parsed, "effect": "permit", "conditions": []}
    written = json.dumps({"staticPolicies": permits, "templates": {}, "templateLinks": []})
    answer = cedarpy.is_authorized(
        {**request, "context": {}}, cedarpy.PolicySet.from_json_str(written), json.dumps(entities)
    )
    return answer.diagnostics.reasons


@pytest.mark.parametrize(
    "condition",
    [
        'context.x in ["a"]',
        'true && (principal in ["a", "b"] || true)',
        'context.x in "a"',
        'principal is Agent in ["a"]',
        '{"in": context.x in ["a"]}["in"]',
    ],
)
def test_in_on_texts(condition: str) -> None:
    """`in` is for entities: on strings it fails at every request."""
    message = "policy `policy0` uses `in` on strings, which always fails: write `[…].contains(…)`"
    policy = f"forbid(principal, action, resource) when {{ {condition} }};"
    assert warnings(policy) == [("cedar-in-texts", message)]


@pytest.mark.parametrize(
    "condition",
    [
        '["a"].contains(context.x)',
        'principal in [Agent::"a"]',
        'context.x == "in"',
        '{"in": "a", "is": ["b"]} == context.x',
        '{"in": {"right": "a"}, "is": {"entity_type": "A", "in": "b"}} == context.x',
        'principal is Agent in Agent::"a" && principal in context.x',
    ],
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
