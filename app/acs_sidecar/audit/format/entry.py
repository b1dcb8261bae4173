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
    verdict, manifest, trace = decision.verdict, decision.manifest, decision.trace
    entry = AuditEntry(verdict.decision, decision.intervention_point, decision.mode, verdict.reason)
    if isinstance(manifest, CompiledManifest):
        entry.dialect = manifest.dialect.name
    entry.manifest_source = manifest.provenance
    entry.manifest_digest = manifest.digest
    if point := decision.point:
        entry.policy_id = point.config.policy
        entry.policy_type = point.policy_type
        entry.policy_digest = point.policy_digest
        entry.annotators = point.annotator_names
    if evaluation := decision.evaluation:
        entry.input_identity = evaluation.input_identity
        entry.enforced_identity = evaluation.enforced_identity
        entry.transform_applied = evaluation.applied
    else:
        entry.error_class = "runtime_error"
    entry.result_labels = verdict.result_labels
    if evidence := verdict.evidence:
        entry.evidence_artefact = _text(evidence.get("artefact"))
        entry.verification_pointers = _pointers(evidence.get("verification_pointers"))
    entry.agent_id, entry.session_id, entry.tenant_id = subject_of(decision.snapshot, manifest.dialect)
    entry.tool = trace.tool
    entry.caller = decision.caller
    entry.request_id = decision.request_id
    if span := decision.span or _envelope_span(decision.snapshot):
        entry.trace_id = span.trace_id
        entry.span_id = span.span_id
    entry.duration_us = decision.duration_ns // 1_000
    entry.notes = trace.notes
    entry.stream_span = decision.stream_span
    if warnings := verdict.warnings:
        entry.warnings = tuple(warning.reason for warning in warnings if warning.reason is not None)
        entry.evidence_truncated = is_truncated(verdict)
    return entry


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
