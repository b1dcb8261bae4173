"""Sections 6.2 and 6.4: adapters and combinations in manifests of 0.4."""

import asyncio
from typing import Any

import pytest

from acs_sidecar.decision.answer import Recorded, recorded_json
from acs_sidecar.decision.caller import Sender
from acs_sidecar.decision.request import read_evaluate
from acs_sidecar.spec.dialects.versions import DIALECT_03, DIALECT_04, DIALECT_05
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
            [{"decision": "allow"}, {"decision": "allow", "reason": "r", "warnings": [{"reason": "w"}]}],
            {"decision": "allow", "reason": "r", "warnings": [{"reason": "w"}]},
        ),
        (
            [{"decision": "allow", "warnings": [{"reason": "w"}]}, {"decision": "allow", "result_labels": ["l"]}],
            {"decision": "allow", "warnings": [{"reason": "w"}], "result_labels": ["l"]},
        ),
        (
            [{"decision": "allow", "warnings": [{"reason": "w"}]}, {"decision": "warn", "reason": "odd"}],
            {"decision": "allow", "reason": "odd", "warnings": [{"reason": "odd"}]},
        ),
        (
            [{"decision": "escalate", "approval": {"approvers": ["a", "b"], "x": 1}}, {"decision": "escalate", "approval": {"approvers": ["b", "c"]}}],
            {"decision": "deny", "approval": {"approvers": ["b"], "x": 1}},
        ),
        (
            [{"decision": "escalate"}, {"decision": "deny", "approval": {"approvers": ["b"]}}],
            {"decision": "deny", "approval": {"approvers": ["b"]}},
        ),
        (
            [{"decision": "escalate", "approval": {"approvers": ["a"]}}, {"decision": "escalate", "approval": {"approvers": ["b"]}}],
            {"decision": "deny", "reason": "no_common_approver"},
        ),
        (
            [{"decision": "escalate", "approval": {"x": "x" * 16_000}}, {"decision": "escalate", "approval": {"approvers": ["a" * 1_000]}}],
            {"decision": "deny", "reason": "runtime_error:policy_output_invalid"},
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
)  # fmt: skip
def test_combined_policies_speak_the_dialect(outputs: list[Any], verdict: dict[str, Any]) -> None:
    """Each output is read as if it stood alone, and the strictest keeps its warnings and its approval."""
    found = _response(_combined(*outputs), "all", {"input": {"a": 0, "b": 0}})["verdict"]
    if "runtime_error" in str(found.get("reason")):
        del found["message"]
    assert found == verdict


@pytest.mark.parametrize(
    ("output", "newer"),
    [
        ({"decision": "deny"}, {"decision": "deny"}),
        ({"decision": "deny", "evidence": {"artefact": "a"}}, {"decision": "deny", "evidence": {"artefact": "a"}}),
        (
            {"decision": "allow", "evidence": {"artefact": "a", "rule": "r", "counters": ["d/r", "d/s"], "total": 3}},
            {"decision": "allow", "evidence": {"artefact": "a", "verification_pointers": {"rule": "r", "counters": '["d/r","d/s"]', "total": "3"}}},
        ),
        (
            {"decision": "warn", "evidence": {"rule": "r", "verification_pointers": {"rule": "own", "p": "q"}}},
            {"decision": "warn", "evidence": {"verification_pointers": {"rule": "own", "p": "q"}}},
        ),
        (
            {"decision": "escalate", "evidence": {"artefact": "a", "approvers": ["x"]}},
            {"decision": "escalate", "approval": {"approvers": ["x"]}, "evidence": {"artefact": "a"}},
        ),
        (
            {"decision": "deny", "evidence": {"approvers": ["x"]}},
            {"decision": "deny", "evidence": {"verification_pointers": {"approvers": '["x"]'}}},
        ),
    ],
)  # fmt: skip
def test_evidence_of_adapters_stands_in_pointers(output: dict[str, Any], newer: dict[str, Any]) -> None:
    """What only 0.3 has room for is a pointer, and approvers are in `approval`: never on a deny, which it would lift."""
    for dialect in (DIALECT_04, DIALECT_05):
        assert dialect.adapter_output(output) == newer
        assert dialect.normalise(newer).decision.value == output["decision"]
    assert DIALECT_03.adapter_output(output) == output


def test_a_policy_of_04_names_approvers_in_approval() -> None:
    """In evidence they are refused, with what to do."""
    response = _response(
        {"p": _test({"decision": "escalate", "evidence": {"approvers": ["a"]}})}, "p", {"input": 1}
    )
    assert response["verdict"]["reason"] == "runtime_error:policy_output_invalid"
    assert response["detail"] == (
        "`evidence` has 1 members besides `artefact` and `verification_pointers`; name `approvers` in `approval`"
    )
