"""From a decision to the entry that goes into its record (section 4.1)."""

from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.streams.vocabulary import StreamSpan
from acs_sidecar.spec.trace_context import Span
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Decision

__all__ = ["decision_entry", "identifier", "refusal_entry"]


def decision_entry(decision: PolicyDecision) -> AuditEntry:
    """Return the entry of an evaluation, successful or failed."""
    verdict, evaluation, point = decision.verdict, decision.evaluation, decision.point
    evidence = verdict.evidence
    envelope = decision.snapshot.get("envelope")
    if not isinstance(envelope, dict):
        envelope = {}
    return AuditEntry(
        decision=verdict.decision,
        intervention_point=decision.intervention_point,
        mode=decision.mode,
        reason=verdict.reason,
        error_class=None if evaluation else "runtime_error",
        manifest_source=decision.manifest.provenance,
        manifest_digest=decision.manifest.digest,
        policy_id=point.config.policy if point else None,
        policy_type=point.policy_type if point else None,
        policy_digest=point.policy_digest if point else None,
        annotators=point.annotator_names if point else (),
        input_identity=evaluation.input_identity if evaluation else None,
        enforced_identity=evaluation.enforced_identity if evaluation else None,
        transform_applied=evaluation.applied if evaluation else False,
        result_labels=verdict.result_labels,
        evidence_artefact=_text(evidence.get("artefact")) if evidence else None,
        verification_pointers=_pointers(evidence.get("verification_pointers")) if evidence else None,
        agent_id=identifier(envelope, "agent"),
        session_id=identifier(envelope, "session"),
        tenant_id=identifier(envelope, "tenant"),
        tool=decision.trace.tool,
        caller=decision.caller,
        request_id=decision.request_id,
        trace_id=decision.span.trace_id if decision.span else None,
        span_id=decision.span.span_id if decision.span else None,
        duration_us=decision.duration_ns // 1_000,
        notes=decision.trace.notes,
        stream_span=decision.stream_span,
    )


def refusal_entry(
    intervention_point: str,
    reason: Reason,
    request_id: str | None,
    caller: str | None,
    span: Span | None,
    *,
    event: str = "decision",
    stream_span: StreamSpan | None = None,
) -> AuditEntry:
    """Return the entry of a refused request: a deny with its reserved reason."""
    return AuditEntry(
        decision=Decision.DENY,
        intervention_point=intervention_point,
        reason=reason,
        error_class="runtime_error",
        caller=caller,
        request_id=request_id,
        event=event,
        stream_span=stream_span,
        trace_id=span.trace_id if span else None,
        span_id=span.span_id if span else None,
    )


def identifier(envelope: dict[str, Json], who: str) -> str | None:
    """Read `envelope.<who>.id`, or `envelope.<who>_id` where a host writes it flat."""
    nested = envelope.get(who)
    if isinstance(nested, dict):
        return _text(nested.get("id"))
    return _text(envelope.get(f"{who}_id"))


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _pointers(value: Json) -> dict[str, str] | None:
    if not isinstance(value, dict):
        return None
    return {name: pointer for name, pointer in value.items() if isinstance(pointer, str)}
