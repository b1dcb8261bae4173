"""Which events are logged, and when (section 5)."""

import time
import traceback
from collections.abc import Mapping

import structlog

from acs_sidecar.approval.resolution import Resolution
from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.decision.settlement import Settlement
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.streams.vocabulary import SettlementKind
from acs_sidecar.spec.trace_context import Span
from acs_sidecar.telemetry.events import (
    Fields,
    approval_fields,
    decision_fields,
    failure_events,
    is_notable,
    performance_events,
    settlement_fields,
)
from acs_sidecar.telemetry.options import FULL, EventFilter
from acs_sidecar.telemetry.writer import LineWriter

__all__ = ["EventSink"]


class EventSink:
    """Logs decisions; `level` 1 adds the times of annotators and policies, 2 those of each step.

    Without a `writer` only faults are logged. `statuses` are those that refusals are answered with over HTTP.
    """

    def __init__(
        self,
        events: EventFilter,
        level: int = 0,
        writer: LineWriter | None = None,
        statuses: Mapping[Cause, int] | None = None,
    ) -> None:
        self._all = events is EventFilter.ALL
        self._level = level
        self._statuses = statuses or {}
        self._writer = None if events is EventFilter.OFF else writer
        self._log = structlog.stdlib.get_logger("acs")

    def decided(self, decision: PolicyDecision, position: AuditPosition | None) -> None:
        """Log a decision; events that are filtered out cost one comparison."""
        if self._writer is None:
            return
        logged = self._all or is_notable(decision)
        if not logged and not self._level:
            return
        fields = decision_fields(decision, position)
        if logged:
            self._put(self._writer, "decision", fields)
            if decision.evaluation is None:
                for event, members in failure_events(decision, fields):
                    self._put(self._writer, event, members)
            elif decision.evaluation.applied:
                self._put(self._writer, "intervention_point.transformed", fields)
        if self._level:
            for event, members in performance_events(decision, fields, full=self._level >= FULL):
                self._put(self._writer, event, members)

    def resolved(self, resolution: Resolution, position: AuditPosition | None) -> None:
        """Log the resolution of an escalation."""
        if self._writer is not None:
            self._put(self._writer, "approval", approval_fields(resolution, position))

    def settled(self, settlement: Settlement, position: AuditPosition | None) -> None:
        """Log a stream that ended, one that is complete only where everything is logged."""
        if self._writer is not None and (self._all or settlement.ending.kind is not SettlementKind.COMPLETE):
            self._put(self._writer, "stream_settled", settlement_fields(settlement, position))

    def refused(self, refusal: RefusalError, span: Span | None) -> None:
        """Log a request that was refused without an evaluation."""
        if self._writer is None:
            return
        fields: Fields = {
            "status": self._statuses.get(refusal.cause),
            "cause": refusal.cause,
            "reason_code": refusal.reason,
            "detail": refusal.detail,
            "trace_id": span.trace_id if span else None,
            "span_id": span.span_id if span else None,
        }
        self._put(self._writer, "request_refused", fields)

    def fault(self, error: Exception) -> None:
        """Log where an internal error was raised; its text may hold content and is omitted."""
        place = traceback.extract_tb(error.__traceback__)[-1:]
        at = f"{place[0].name}:{place[0].lineno}" if place else None
        self._log.error("evaluation_fault", error_type=type(error).__name__, at=at)

    @staticmethod
    def _put(writer: LineWriter, event: str, fields: Fields) -> None:
        writer.put({"event": event, "timestamp": time.time_ns(), **fields})
