"""Section 6.5: Cedar policies of 0.4 manifests, whose requests nothing but the snapshot makes."""

import asyncio
from typing import Any

import pytest

from acs_sidecar.decision.answer import Recorded
from acs_sidecar.decision.caller import Sender
from acs_sidecar.decision.request import EvaluateRequest
from acs_sidecar.engines.cedar.type import CEDAR
from acs_sidecar.engines.compilation import PolicyJob, compile_policies
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import ManifestFacts, PointBinding
from tests.decision.decider import decision_service
from tests.engines.sources import MemorySources

SERVICE = decision_service()
SCHEMA = """
entity Agent;
entity PolicyTarget;
action input appliesTo {
  principal: Agent, resource: PolicyTarget,
  context: {
    annotations: {}, agent: {id: String}, input: {n?: Long, d?: decimal, s?: Set<String>, b?: Bool, t?: datetime, r?: {x: String}},
  }
};
"""


def _manifest(policy_set: str, **members: Any) -> dict[str, Any]:
    return {
        "agent_control_specification_version": "0.4.0-alpha.1",
        "policies": {"p": {"type": "cedar", "policy_set": policy_set, **members}},
        "intervention_points": {"input": {"policy_target": "$.input", "policy": {"id": "p"}}},
    }


def _decide(manifest: dict[str, Any], snapshot: dict[str, Any]) -> tuple[str | None, str | None, Recorded]:
    request = EvaluateRequest(point="input", snapshot=snapshot, nesting=50, manifest=manifest)
    recorded = asyncio.run(SERVICE.decide(request, Sender(None, None)))
    assert isinstance(recorded, Recorded)
    decision = recorded.decision
    return decision.verdict.decision.value, decision.error.detail if decision.error else None, recorded


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ({}, None),
        ({"n": 1, "d": 0.5, "s": ["a"], "b": True, "r": {"x": "y"}, "t": None}, None),
        ({"n": 100.0}, None),
        ({"n": 0.5}, "`context.input.n` is not of the type `Long`, as the schema declares"),
        ({"d": 1}, "`context.input.d` is not of the type `decimal`, as the schema declares"),
        ({"d": "0.5"}, "`context.input.d` is not of the type `decimal`, as the schema declares"),
        ({"b": 1}, "`context.input.b` is not of the type `Bool`, as the schema declares"),
        ({"n": True}, "`context.input.n` is not of the type `Long`, as the schema declares"),
        ({"t": "2026-01-01T00:00:00Z"}, "`context.input.t` is not of the type `datetime`, as the schema declares"),
        ({"s": "a"}, "`context.input.s` is not a list without `null`, though the schema declares a set"),
        ({"s": [1]}, "`an item of context.input.s` is not of the type `String`, as the schema declares"),
        ({"s": ["a", None]}, "`context.input.s` is not a list without `null`, though the schema declares a set"),
        ({"r": {}}, "`context.input.r.x` is missing, which the schema requires"),
        ({"r": []}, "`context.input.r` is not a record, as the schema declares"),
        ({"z": 1}, "`context.input` has a member that the schema does not declare: it declares `b`, `d`, `n`, `r`, `s`, `t`"),
    ],
)  # fmt: skip
def test_a_schema_checks_and_converts_nothing(value: dict[str, Any], detail: str | None) -> None:
    """What is declared otherwise, or not at all, fails, also where no policy reads it."""
    decision, found, _ = _decide(
        _manifest("permit(principal, action, resource);", schema=SCHEMA),
        {"agent": {"id": "a"}, "input": value},
    )
    assert (decision, found) == ("deny" if detail else "allow", detail)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"policies": {"p": {"type": "cedar", "policy_set": "permit(principal, action, resource);", "query": {}}}}, "policies.p.query"),
        ({"intervention_points": {"input": {"policy_target": "$.input", "policy": {"id": "p", "context": {}}}}}, "intervention_points.input.policy.context"),
        ({"intervention_points": {"input": {"policy_target": "$.input", "policy": {"id": "p", "entities": []}}}}, "intervention_points.input.policy.entities"),
    ],
)  # fmt: skip
def test_a_manifest_does_not_say_what_a_request_is_made_of(change: dict[str, Any], path: str) -> None:
    """`query`, and every member of a binding besides `id`, is invalid."""
    manifest = {**_manifest("permit(principal, action, resource);"), **change}
    _, detail, _ = _decide(manifest, {"agent": {"id": "a"}, "input": {}})
    assert detail is not None
    assert f"at `{path}`" in detail


def test_reading_what_a_context_never_has_is_remarked_upon() -> None:
    """A forbid on `context.tool` never applies: the compile says so."""
    text = "permit(principal, action, resource); forbid(principal, action, resource) when {context has tool && context.tool.x};"
    jobs = [
        PolicyJob(
            "policies.p",
            "cedar",
            {"type": "cedar", "policy_set": text},
            (
                PointBinding(
                    point=InterventionPoint.INPUT,
                    path="x",
                    definition={},
                    members={},
                    target_kind=None,
                    projects_tool=True,
                ),
            ),
            ManifestFacts(version=version),
        )
        for version in ("0.4.0-alpha.1", "0.3.1-beta")
    ]
    newer, older = (
        compile_policies([job], {"cedar": CEDAR}, MemorySources({})).statement.warnings for job in jobs
    )
    assert [finding.message for finding in newer if finding.code == "cedar-context-unknown"] == [
        "`context.tool` is read, and no bound point has it: from 0.4 on the context has the snapshot and `annotations`: "
        "read the snapshot"
    ]
    assert [finding for finding in older if finding.code == "cedar-context-unknown"] == []


def test_an_error_hides_what_only_follows_from_it() -> None:
    """A point that cannot be bound is named, and not each policy that is only about this point."""
    text = 'permit(principal, action, resource); forbid(principal, action == Action::"output", resource);'
    points: dict[InterventionPoint, dict[str, Any]] = {
        InterventionPoint.INPUT: {},
        InterventionPoint.OUTPUT: {"context": {}},
    }
    bindings = [
        PointBinding(
            point=point,
            path=point.value,
            definition={},
            members=members,
            target_kind=None,
            projects_tool=False,
        )
        for point, members in points.items()
    ]
    facts = ManifestFacts(version="0.4.0-alpha.1")
    job = PolicyJob("policies.p", "cedar", {"type": "cedar", "policy_set": text}, tuple(bindings), facts)
    with pytest.raises(ManifestError) as caught:
        compile_policies([job], {"cedar": CEDAR}, MemorySources({}))
    assert [(found.code, found.path) for found in caught.value.diagnostics] == [
        ("member-not-allowed", "output.context")
    ]


def test_the_context_is_the_snapshot_and_the_annotations() -> None:
    """A snapshot with `annotations` of its own is refused, for policies would take them for the service's."""
    policy_set = (
        'permit(principal == Agent::"a", action, resource) when {context has annotations && !(context has tool) '
        '&& !(context has policy_target) && context.agent.id == "a"};'
    )
    snapshot: dict[str, Any] = {"agent": {"id": "a"}, "input": {}}
    assert _decide(_manifest(policy_set), snapshot)[0] == "allow"
    decision, detail, _ = _decide(_manifest(policy_set), {**snapshot, "annotations": {}})
    assert (decision, detail) == (
        "deny",
        "the snapshot has a member `annotations`, which is that of the annotators in the context",
    )
    decision, detail, _ = _decide(_manifest(policy_set), {**snapshot, "agent": {"id": 1}})
    assert detail == (
        "the principal is `agent.id`, or `envelope.agent.id` in a snapshot without `agent`: it is missing or not a string"
    )
