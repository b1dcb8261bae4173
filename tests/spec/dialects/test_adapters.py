"""Sections 6.2 and 6.4: adapters and combinations in manifests of 0.4."""

import asyncio
from typing import Any

import pytest

from acs_sidecar.decision.answer import Recorded, recorded_json
from acs_sidecar.decision.caller import Sender
from acs_sidecar.decision.request import read_evaluate
from tests.decision.decider import decision_service

SERVICE = decision_service(ACS_INLINE_ADAPTERS="combine,rate_card")


def _response(policies: dict[str, Any], policy: str, snapshot: dict[str, Any]) -> dict[str, Any]:
    manifest: dict[str, Any] = {
        "agent_control_specification_version": "0.4.0-alpha.1",
        "policies": policies,
        "intervention_points": {"input": {"policy_target": "$.input", "policy": {"id": policy}}},
    }
    members: dict[str, Any] = {"manifest": manifest, "intervention_point": "input", "snapshot": snapshot}
    recorded = asyncio.run(SERVICE.decide(read_evaluate(members, None, 100), Sender(None, None)))
    assert isinstance(recorded, Recorded)
    return recorded_json(recorded, frozenset())


def _test(output: Any) -> dict[str, Any]:
    return {"type": "test", "output": output}


def _combined(*outputs: Any) -> dict[str, Any]:
    named = {f"p{index}": _test(output) for index, output in enumerate(outputs)}
    return {**named, "all": {"type": "custom", "adapter": "combine", "policies": list(named)}}


def test_an_adapter_reads_paths_from_the_root_of_the_dialect() -> None:
    """`$target` is the target, and `$policy_target` is no root."""
    card = {
        "type": "custom", "adapter": "rate_card", "prices": {"m": {"input": "1", "output": "1"}},
        "model": "$target.name",
    }  # fmt: skip
    target = {"name": "m", "input_tokens": 1, "output_tokens": 1}
    response = _response({"p": card}, "p", {"input": target})
    invalid = _response({"p": {**card, "model": "$policy_target.name"}}, "p", {"input": target})
    assert response["verdict"].get("reason") != "runtime_error:manifest_invalid", response
    assert invalid["verdict"]["reason"] == "runtime_error:manifest_invalid"
    assert invalid["detail"].startswith("the manifest is invalid at `policies.p.model`: path-syntax")


@pytest.mark.parametrize(
    ("outputs", "verdict"),
    [
        (
            [
                {"decision": "allow", "warnings": [{"reason": "w"}]},
                {"decision": "allow", "reason": "not_applicable"},
            ],
            {"decision": "allow", "warnings": [{"reason": "w"}]},
        ),
        (
            [{"decision": "deny", "approval": {"team": "t"}}, {"decision": "allow", "result_labels": ["l"]}],
            {"decision": "deny", "approval": {"team": "t"}, "result_labels": ["l"]},
        ),
        (
            [
                {"decision": "transform", "transform": {"path": "$target.a", "value": 1}},
                {"decision": "transform", "transform": {"path": "$target.b", "value": 2}},
            ],
            {"decision": "transform", "transform": {"path": "$target", "value": {"a": 1, "b": 2}}},
        ),
        (
            [
                {"decision": "allow"},
                {"decision": "transform", "transform": {"path": "$policy_target.a", "value": 1}},
            ],
            {"decision": "deny", "reason": "runtime_error:transform_target_forbidden"},
        ),
        (
            [{"decision": "allow"}, {"decision": "deny", "reason": "host_error:x"}],
            {"decision": "deny", "reason": "runtime_error:policy_output_invalid"},
        ),
    ],
)
def test_combined_policies_speak_the_dialect(outputs: list[Any], verdict: dict[str, Any]) -> None:
    """Each output is read as if it stood alone, and the strictest keeps its warnings and its approval."""
    found = _response(_combined(*outputs), "all", {"input": {"a": 0, "b": 0}})["verdict"]
    if "runtime_error" in str(found.get("reason")):
        del found["message"]
    assert found == verdict
