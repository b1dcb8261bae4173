"""Decisions to response values (contract 2.1)."""

from app.audit.ports import AuditPosition
from app.core.decision import Decision
from app.core.values import Json

__all__ = ["decision_json"]


def decision_json(
    decision: Decision, position: AuditPosition | None, include: frozenset[str]
) -> dict[str, Json]:
    """Give the response to one evaluation as a value; `position` is where its record is."""
    evaluation = decision.evaluation
    members: dict[str, Json] = {"verdict": decision.verdict.as_json()}
    if evaluation is not None and evaluation.applied:
        members["transformed_policy_target"] = evaluation.transformed_target
    members["transformed_policy_target_applied"] = evaluation is not None and evaluation.applied
    if decision.error is not None:
        members["detail"] = decision.error.detail
    members["intervention_point"] = decision.asked
    members["mode"] = decision.mode
    members["policy_id"] = decision.policy_id
    members["manifest_digest"] = decision.manifest.digest
    members["input_identity"] = evaluation.input_identity if evaluation else None
    members["enforced_identity"] = evaluation.enforced_identity if evaluation else None
    if decision.request_id is not None:
        members["request_id"] = decision.request_id
    members["audit"] = None if position is None else _position(position)
    if include:
        _add_included(members, decision, include)
    return members


def _position(position: AuditPosition) -> dict[str, Json]:
    return {"log": position.log, "index": position.index, "record_id": position.record_id}


def _add_included(members: dict[str, Json], decision: Decision, include: frozenset[str]) -> None:
    policy_input = decision.trace.policy_input
    if "policy_input" in include and policy_input is not None:
        members["policy_input"] = dict(policy_input.value)
    if "trace" in include:
        policy_type = decision.point.policy_type if decision.point else None
        members["trace"] = {**decision.trace.as_json(), "policy_type": policy_type}
