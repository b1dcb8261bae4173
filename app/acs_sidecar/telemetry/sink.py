"""The sink of decisions: metrics and log events (section 5)."""

from acs_sidecar.approval.resolution import Resolution
from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.decision.settlement import Settlement
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.manifest.compiled import Provenance
from acs_sidecar.spec.trace_context import Span
from acs_sidecar.telemetry.catalogue import APPROVALS, FAULTS, OTHER, REJECTED, STREAMS_SETTLED
from acs_sidecar.telemetry.decision_metrics import DecisionMetrics
from acs_sidecar.telemetry.event_sink import EventSink
from acs_sidecar.telemetry.metrics import Metrics
from acs_sidecar.telemetry.tracing import Tracer

__all__ = ["Telemetry"]


class Telemetry:
    """The `DecisionSink` of a running service. Nothing in it waits for anybody."""

    def __init__(self, metrics: Metrics, events: EventSink, tracer: Tracer | None = None) -> None:
        self._metrics = metrics
        self._faults = metrics.counter(FAULTS)
        self.decisions = DecisionMetrics(metrics)
        self._events = events
        self._tracer = tracer

    def decided(self, decision: PolicyDecision, position: AuditPosition | None) -> None:
        """Count a decision and tell of it."""
        self.decisions.decided(decision)
        self._events.decided(decision, position)
        if self._tracer:
            self._tracer.decided(decision, position)

    def resolved(self, resolution: Resolution, position: AuditPosition | None) -> None:
        """Count what became of an escalation and tell of it."""
        resolver = resolution.plan.type if resolution.plan else None
        if resolution.decision.manifest_source is Provenance.INLINE:
            resolver = OTHER
        self._metrics.count(APPROVALS, resolution.outcome, resolution.by, resolver or "none")
        self._events.resolved(resolution, position)

    def settled(self, settlement: Settlement, position: AuditPosition | None) -> None:
        """Count a stream that ended and tell of it."""
        ending = settlement.ending
        self._metrics.count(STREAMS_SETTLED, ending.kind, ending.cause or "none")
        self._events.settled(settlement, position)

    def refused(self, refusal: RefusalError, span: Span | None) -> None:
        """Count a request that got no evaluation and tell of it."""
        self._metrics.count(REJECTED, refusal.cause)
        self._events.refused(refusal, span)

    def fault(self, error: Exception) -> None:
        """Count an error that no part foresaw and tell where it was."""
        self._faults.inc()
        self._events.fault(error)
