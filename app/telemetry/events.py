"""Decision events, built from an allow-list of fields and never by taking some away (contract 5)."""

from app.approval.resolution import Resolution
from app.core.codes import reason_code
from app.core.decision import Decision
from app.core.points import POINT_NAMES
from app.core.values import Json
from app.core.verdict import Decision as Decided

__all__ = ["approval_event", "decision_event", "is_notable"]


def is_notable(decision: Decision) -> bool:
    """Tell whether a decision is anything but a plain allow without evidence."""
    verdict = decision.verdict
    return verdict.decision is not Decided.ALLOW or verdict.evidence is not None


def decision_event(decision: Decision) -> dict[str, Json]:
    """Give the fields of a `decision` event. Nothing of the snapshot, and no free text, is among them."""
    verdict, evaluation = decision.verdict, decision.evaluation
    evidence = verdict.evidence or {}
    pointers = evidence.get("verification_pointers")
    annotators = decision.point.annotator_names if decision.point else ()
    return {
        "intervention_point": decision.asked if decision.asked in POINT_NAMES else "unknown",
        "mode": decision.mode.value,
        "decision": verdict.decision.value,
        "reason_code": reason_code(verdict.reason),
        "error_class": "runtime_error" if decision.error else None,
        "policy_id": decision.policy_id,
        "policy_type": decision.point.policy_type if decision.point else None,
        "annotators": [*annotators],
        "duration_ms": round(decision.duration_ns / 1e6, 3),
        "input_identity": evaluation.input_identity if evaluation else None,
        "enforced_identity": evaluation.enforced_identity if evaluation else None,
        "evidence_artefact": evidence.get("artefact"),
        "evidence_verification_pointer_keys": [*sorted(pointers)] if isinstance(pointers, dict) else [],
        "manifest_digest": decision.manifest.digest,
        "manifest_source": decision.manifest_source.value,
    }


def approval_event(resolution: Resolution) -> dict[str, Json]:
    """Give the fields of an `approval` event: those of the decision, and how it was approved."""
    plan, challenge = resolution.plan, resolution.challenge
    return {
        **decision_event(resolution.decision),
        "approval_outcome": resolution.outcome,
        "approval_by": resolution.by,
        "resolver_type": plan.type if plan else None,
        "escalation": challenge.audit if challenge else None,
    }
