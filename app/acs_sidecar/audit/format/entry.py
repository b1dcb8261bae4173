"""From a decision to the entry that goes into its record (section 4.1)."""

from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.dialects.evidence import is_truncated
from acs_sidecar.spec.dialects.subject import subject_of
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.streams.vocabulary import StreamSpan
from acs_sidecar.spec.trace_context import Span, parse_traceparent
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import Decision

__all__ = ["decision_entry", "refusal_entry"]


def decision_entry(decision: PolicyDecision) -> AuditEntry:
    """Return the entry of an evaluation, successful or failed."""
    verdict, evaluation, point = decision.verdict, decision.evaluation, decision.point
    evidence, manifest = verdict.evidence, decision.manifest
    subject = subject_of(decision.snapshot, manifest.dialect)
    span = decision.span or _envelope_span(decision.snapshot)
    return AuditEntry(
        decision=verdict.decision,
        intervention_point=decision.intervention_point,
        mode=decision.mode,
        reason=verdict.reason,
        error_class=None if evaluation else "runtime_error",
        dialect=manifest.dialect.name if isinstance(manifest, CompiledManifest) else None,
        manifest_source=manifest.provenance,
        manifest_digest=manifest.digest,
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
        agent_id=subject.agent,
        session_id=subject.session,
        tenant_id=subject.tenant,
        tool=decision.trace.tool,
        caller=decision.caller,
        request_id=decision.request_id,
        trace_id=span.trace_id if span else None,
        span_id=span.span_id if span else None,
        duration_us=decision.duration_ns // 1_000,
        notes=decision.trace.notes,
        stream_span=decision.stream_span,
        warnings=tuple(warning.reason for warning in verdict.warnings if warning.reason is not None)
        if verdict.warnings
        else (),
        evidence_truncated=is_truncated(verdict),
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


def _envelope_span(snapshot: JsonObject) -> Span | None:
    """Return the span that the host names as `envelope.trace`, for requests without the header."""
    envelope = snapshot.get("envelope")
    trace = envelope.get("trace") if isinstance(envelope, dict) else None
    return parse_traceparent(trace.encode()) if isinstance(trace, str) and trace.isascii() else None


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _pointers(value: Json) -> dict[str, str] | None:
    if not isinstance(value, dict):
        return None
    return {name: pointer for name, pointer in value.items() if isinstance(pointer, str)}
