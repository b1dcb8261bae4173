"""Responses: recorded decisions and resolutions, and their JSON (section 2.1)."""

from dataclasses import dataclass

from acs_sidecar.approval.resolution import Offer, Resolution
from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.dialects.agent_context import ContextError, context_identity
from acs_sidecar.spec.dialects.dialect import Vocabulary
from acs_sidecar.spec.dialects.vocabulary import verdict_json
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import runtime_error_verdict

__all__ = [
    "Recorded",
    "Resolved",
    "decision_json",
    "position_json",
    "recorded_json",
    "refused_span_json",
    "resolved_json",
    "span_json",
]


_WITH_POLICY_INPUT = frozenset({"policy_input", "explain"})
_WITH_TRACE = frozenset({"trace", "explain"})
_OF_SPAN = ("verdict", "input_identity", "audit", "detail", "transformed_policy_target")


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles its cost
class Recorded:
    """A decision and where its record is, `None` where no audit log is kept.

    `offer` says how an escalation can be approved; `receipt` is there when the request included it.
    """

    decision: PolicyDecision
    position: AuditPosition | None
    offer: Offer | None = None
    receipt: Json = None


@dataclass(slots=True)
class Resolved:
    """A resolved escalation and the position of its record; `receipt` as for a decision."""

    resolution: Resolution
    position: AuditPosition | None
    receipt: Json = None


def recorded_json(
    recorded: Recorded, include: frozenset[str], *, exact_integers: bool = True
) -> dict[str, Json]:
    """Return the response to one evaluation."""
    members = decision_json(recorded.decision, recorded.position, include, exact_integers=exact_integers)
    if recorded.offer is not None:
        members["approval"] = offer_json(recorded.offer)
    if recorded.receipt is not None:
        members["receipt"] = recorded.receipt
    return members


def resolved_json(
    resolved: Resolved, include: frozenset[str], *, exact_integers: bool = True
) -> dict[str, Json]:
    """Return the response to a resolution: that of an evaluation, with the verdict that follows from it."""
    resolution = resolved.resolution
    plan, challenge, approved = resolution.plan, resolution.challenge, resolution.approved
    members = decision_json(resolution.decision, resolved.position, include, exact_integers=exact_integers)
    members["approval"] = {
        "outcome": resolution.outcome,
        "by": resolution.by,
        "resolver": plan.name if plan else None,
        "approver": approved.approver if approved else None,
        "expires": challenge.expires if challenge else None,
        "escalation": challenge.audit if challenge else None,
    }
    if resolved.receipt is not None:
        members["receipt"] = resolved.receipt
    return members


def decision_json(
    decision: PolicyDecision,
    position: AuditPosition | None,
    include: frozenset[str],
    *,
    exact_integers: bool = True,
) -> dict[str, Json]:
    """Return the members of a decision in a response; `position` is that of its record.

    Without `exact_integers` of the snapshot it has no identity of an agent context.
    """
    evaluation = decision.evaluation
    vocabulary = decision.vocabulary
    verdict = verdict_json(decision.verdict, vocabulary, decision.transformed_target)
    members: dict[str, Json] = {"verdict": verdict}
    if evaluation is not None and evaluation.applied:
        members["transformed_policy_target"] = evaluation.transformed_target
    members["transformed_policy_target_applied"] = evaluation is not None and evaluation.applied
    if decision.error is not None:
        members["detail"] = decision.error.detail
    members["intervention_point"] = decision.intervention_point
    members["mode"] = decision.mode
    members["policy_id"] = decision.policy_id
    members["manifest_digest"] = decision.manifest.digest
    members["input_identity"] = evaluation.input_identity if evaluation else None
    members["enforced_identity"] = evaluation.enforced_identity if evaluation else None
    if decision.request_id is not None:
        members["request_id"] = decision.request_id
    members["audit"] = None if position is None else position_json(position)
    if decision.asked_vocabulary is not None or vocabulary is not Vocabulary.FIVE_DECISIONS:
        members["dialect"] = vocabulary
    if include:
        _add_included(members, decision, include, exact_integers=exact_integers)
    return members


def span_json(recorded: Recorded) -> dict[str, Json]:
    """Return the members of a decision on a span of a stream (section 6.9)."""
    members = decision_json(recorded.decision, recorded.position, frozenset())
    return {name: members[name] for name in _OF_SPAN if name in members}


def refused_span_json(error: RefusalError, vocabulary: Vocabulary) -> dict[str, Json]:
    """Return the members of a span that is not evaluated: a deny."""
    return {
        "verdict": verdict_json(runtime_error_verdict(error.reason), vocabulary, lambda: None),
        "input_identity": None,
        "audit": None,
        "detail": error.answer,
    }


def offer_json(offer: Offer) -> dict[str, Json]:
    """Return the `approval` member of an escalation; without a `challenge` nobody can approve it."""
    plan, challenge = offer.plan, offer.challenge
    members: dict[str, Json] = {
        "resolver": plan.name,
        "type": plan.type,
        "timeout_seconds": plan.timeout_seconds,
        "on_timeout": plan.on_timeout.value,
        "expires": challenge.expires if challenge else None,
        "challenge": challenge.text if challenge else None,
    }
    if offer.detail is not None:
        members["detail"] = offer.detail
    return members


def position_json(position: AuditPosition) -> dict[str, Json]:
    """Return where a record is."""
    return {"log": position.log, "index": position.index, "record_id": position.record_id}


def _add_included(
    members: dict[str, Json], decision: PolicyDecision, include: frozenset[str], *, exact_integers: bool
) -> None:
    policy_input = decision.trace.policy_input
    if include & _WITH_POLICY_INPUT and policy_input is not None:
        members["policy_input"] = dict(policy_input.value)
    if include & _WITH_TRACE:
        policy_type = decision.point.policy_type if decision.point else None
        members["trace"] = {**decision.trace.as_json(), "policy_type": policy_type}
    if decision.trace.explanation is not None:
        members["explain"] = dict(decision.trace.explanation)
    if "context_identity" in include:
        try:
            if not exact_integers:
                raise ContextError("an integer is beyond 64 bits: send it as a string")
            members["context_identity"] = context_identity(decision.snapshot)
        except ContextError as error:
            members["context_identity"] = None
            members.setdefault("detail", f"the snapshot has no identity of an agent context: {error}")
