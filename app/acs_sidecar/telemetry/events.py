"""Events, built from an allow-list of fields and never by taking some away (section 5)."""

from collections.abc import Iterator
from hashlib import sha256

from acs_sidecar.approval.resolution import Resolution
from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.decision.settlement import Settlement
from acs_sidecar.spec.codes import is_code, reason_code
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.dialects.evidence import is_truncated
from acs_sidecar.spec.points import POINT_NAMES
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.trace import AnnotatorOutcome, AnnotatorRun
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Decision

__all__ = [
    "Fields",
    "annotator_fields",
    "approval_fields",
    "decision_fields",
    "failure_events",
    "is_notable",
    "performance_events",
    "settlement_fields",
]

Fields = dict[str, Json]

_ANNOTATOR_REASONS: dict[AnnotatorOutcome, str] = {
    "failed": Reason.ANNOTATION_FAILED.value,
    "timeout": Reason.ANNOTATION_TIMEOUT.value,
}


def is_notable(decision: PolicyDecision) -> bool:
    """True if a decision is anything but a plain allow without evidence and warnings."""
    evaluation = decision.evaluation
    if evaluation is None:
        return True
    verdict = evaluation.verdict
    return verdict.decision is not Decision.ALLOW or verdict.evidence is not None or bool(verdict.warnings)


def decision_fields(decision: PolicyDecision, position: AuditPosition | None) -> Fields:
    """Return the fields of a `decision` event. Nothing of the snapshot, and no free text, is among them.

    `log` and `log_index` say where its record is.
    """
    verdict, evaluation, point, span = (
        decision.verdict,
        decision.evaluation,
        decision.point,
        decision.span,
    )
    evidence = verdict.evidence or {}
    artefact, pointers = evidence.get("artefact"), evidence.get("verification_pointers")
    return {
        "intervention_point": decision.intervention_point
        if decision.intervention_point in POINT_NAMES
        else "unknown",
        "mode": decision.mode,
        "decision": verdict.decision,
        "reason_code": reason_code(verdict.reason),
        "error_class": None if evaluation else "runtime_error",
        "policy_id": _code(point.config.policy) if point else None,
        "policy_type": point.policy_type if point else None,
        "annotators": [_code(name) for name in point.annotator_names] if point else [],
        "duration_ms": decision.duration_ns / 1e6,
        "input_identity": evaluation.input_identity if evaluation else None,
        "enforced_identity": evaluation.enforced_identity if evaluation else None,
        "evidence_artefact": _code(artefact) if isinstance(artefact, str) else None,
        "evidence_verification_pointer_keys": [_code(key) for key in sorted(pointers)]
        if isinstance(pointers, dict)
        else [],
        "evidence_truncated": is_truncated(verdict),
        "log": position.log if position else None,
        "log_index": position.index if position else None,
        "trace_id": span.trace_id if span else None,
        "span_id": span.span_id if span else None,
    }


def approval_fields(resolution: Resolution, position: AuditPosition | None) -> Fields:
    """Return the fields of an `approval` event: those of the decision, and how it was approved."""
    plan, challenge = resolution.plan, resolution.challenge
    return {
        **decision_fields(resolution.decision, position),
        "approval_outcome": resolution.outcome,
        "approval_by": resolution.by,
        "resolver_type": _code(plan.type) if plan and plan.type else None,
        "escalation": challenge.audit if challenge else None,
    }


def settlement_fields(settlement: Settlement, position: AuditPosition | None) -> Fields:
    """Return the fields of a `stream_settled` event: offsets and counts, no text."""
    ending, span = settlement.ending, settlement.sender.span
    return {
        "stream": settlement.stream,
        "kind": ending.kind,
        "cause": ending.cause,
        "reason_code": settlement.reason,
        "watermarks": {track.value: offset for track, offset in settlement.watermarks.items()},
        "spans": settlement.spans,
        "duration_ms": settlement.duration_ns / 1e6,
        "log": position.log if position else None,
        "log_index": position.index if position else None,
        "trace_id": span.trace_id if span else None,
        "span_id": span.span_id if span else None,
    }


def annotator_fields(decision: PolicyDecision, fields: Fields, name: str, run: AnnotatorRun) -> Fields:
    """Return the fields of a decision as those of one of its annotators.

    They are its name, its time and its failure, and where annotations can read others the names of its needs.
    """
    needs: Fields = {}
    if decision.point and decision.manifest.dialect.needs:
        use = next(use for use in decision.point.config.annotators if use.name == name)
        needs["annotation_needs"] = [_code(need) for need in use.needs]
    return (
        fields
        | needs
        | {
            "annotators": [_code(name)],
            "reason_code": _ANNOTATOR_REASONS.get(run.outcome),
            "duration_ms": (run.ended - run.started) / 1e6,
        }
    )


def failure_events(decision: PolicyDecision, fields: Fields) -> Iterator[tuple[str, Fields]]:
    """Yield `annotator_failed` for each annotator that failed, and `policy_failed` when a policy did.

    A policy failed when the evaluation did after the policy was asked.
    """
    trace = decision.trace
    for name, run in trace.annotators.items():
        if run.outcome in _ANNOTATOR_REASONS:
            yield "annotator_failed", annotator_fields(decision, fields, name, run)
    if trace.policy and decision.error:
        yield "policy_failed", fields | {"duration_ms": (trace.policy[1] - trace.policy[0]) / 1e6}


def performance_events(
    decision: PolicyDecision, fields: Fields, *, full: bool
) -> Iterator[tuple[str, Fields]]:
    """Yield timing events: `annotator_dispatch`, `policy_evaluation`; `full` adds `evaluation_timing`."""
    trace = decision.trace
    for name, run in trace.annotators.items():
        yield "annotator_dispatch", annotator_fields(decision, fields, name, run)
    if trace.policy:
        yield "policy_evaluation", fields | {"duration_ms": (trace.policy[1] - trace.policy[0]) / 1e6}
    if full:
        moments = zip(trace.steps, trace.steps[1:], strict=False)
        steps: Fields = {step: (ended - begun) / 1e6 for (_, begun), (step, ended) in moments}
        yield "evaluation_timing", fields | {"steps_ms": steps}


def _code(name: str) -> str:
    """Return a code-shaped name as it is, and any other as its SHA-256."""
    return name if is_code(name) else "sha256:" + sha256(name.encode(errors="surrogatepass")).hexdigest()
