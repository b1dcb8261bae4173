"""A manifest in the form of 0.3 and in that of 0.4 decides alike, and the audit log has the same of it (section 6.1)."""

import asyncio
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs_sidecar.audit.format.entry import decision_entry
from acs_sidecar.decision.answer import Recorded
from acs_sidecar.decision.caller import Sender
from acs_sidecar.decision.request import read_evaluate
from acs_sidecar.spec.dialects.policy_output import normalise_output
from acs_sidecar.spec.reasons import EvaluationError, Reason
from tests.decision.decider import decision_service

SERVICE = decision_service()
VERSIONS = {"$policy_target": "0.3.1-beta", "$target": "0.4.0-alpha.1"}
OF_THE_FORM = {"dialect", "manifest_digest", "policy_digest", "duration_us"}
TARGET: Any = {"text": "hi", "list": [1, {"q": 2}]}
REST = st.sampled_from(
    ["", ".text", '["text"]', ".list[0]", ".list[1].q", ".nope", ".list[2]", ".text[0]", "."]
)
OUTPUTS = st.fixed_dictionaries(
    {"decision": st.sampled_from(["allow", "deny", "warn", "escalate", "transform", "transform", "block"])},
    optional={
        "reason": st.sampled_from([None, "", "r", "runtime_error:x", 1]),
        "message": st.sampled_from([None, "m", []]),
        "evidence": st.sampled_from([None, {}, {"artefact": "a", "verification_pointers": {"k": "v"}}, {"artefact": 1}, []]),
        "transform": st.builds(lambda rest: {"path": rest, "value": {"new": None}}, REST),
        "result_labels": st.sampled_from([None, [], ["l", "m"], "l"]),
        "effects": st.just([]),
        "unknown": st.just(1),
    },
)  # fmt: skip


def _decided(root: str, output: dict[str, Any], mode: str) -> tuple[dict[str, Any], Any, Any]:
    """The entry of the audit log without what names the form, the transformed target, and the failure's detail."""
    written = dict(output)
    if "transform" in written:
        written["transform"] = written["transform"] | {"path": root + written["transform"]["path"]}
    manifest = {
        "agent_control_specification_version": VERSIONS[root],
        "policies": {"p": {"type": "test", "output": written}},
        "intervention_points": {"input": {"policy_target": "$.input", "policy": {"id": "p"}}},
    }
    snapshot = {"input": TARGET, "envelope": {"agent": {"id": "a"}, "session": {"id": "s"}}}
    members: dict[str, Any] = {
        "manifest": manifest,
        "intervention_point": "input",
        "snapshot": snapshot,
        "mode": mode,
    }
    recorded = asyncio.run(SERVICE.decide(read_evaluate(members, None, 100), Sender(None, None)))
    assert isinstance(recorded, Recorded)
    decision = recorded.decision
    entry = {
        name: value for name, value in asdict(decision_entry(decision)).items() if name not in OF_THE_FORM
    }
    applied = bool(decision.evaluation and decision.evaluation.applied)
    return (
        entry,
        decision.transformed_target() if applied else None,
        decision.error.reason if decision.error else None,
    )


@settings(max_examples=80, deadline=None)
@given(OUTPUTS, st.sampled_from(["enforce", "evaluate_only"]))
def test_both_forms_are_recorded_alike(output: dict[str, Any], mode: str) -> None:
    """Decisions, reasons, targets, identities and failures are the same, whatever the policy says."""
    assert _decided("$policy_target", output, mode) == _decided("$target", output, mode)


@pytest.mark.parametrize(
    ("path", "reason"),
    [(".", Reason.TRANSFORM_INVALID), ("s", Reason.TRANSFORM_TARGET_FORBIDDEN), ("", Reason.POLICY_OUTPUT_INVALID)],
)  # fmt: skip
def test_a_path_is_looked_at_before_the_value(path: str, reason: Reason) -> None:
    """Where both are wrong the reason is that of the path, as in the published runtime."""
    with pytest.raises(EvaluationError) as caught:
        normalise_output({"decision": "transform", "transform": {"path": f"$target{path}"}})
    assert caught.value.reason is reason
