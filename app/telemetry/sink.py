"""Where the service tells what it decided: counted, and told to the log (contract 5)."""

from app.approval.resolution import Resolution
from app.core.decision import Decision
from app.core.errors import Reason
from app.telemetry.catalogue import APPROVALS, FAULTS, REJECTED
from app.telemetry.decision_metrics import DecisionMetrics
from app.telemetry.log import LogSink
from app.telemetry.metrics import Metrics

__all__ = ["Telemetry"]


class Telemetry:
    """The `DecisionSink` of a running service. Nothing in it waits for anybody."""

    def __init__(self, metrics: Metrics, log: LogSink) -> None:
        self._metrics = metrics
        self._faults = metrics.counter(FAULTS)
        self.decisions = DecisionMetrics(metrics)
        self._log = log

    def decided(self, decision: Decision) -> None:
        """Count a decision and tell of it."""
        self.decisions.decided(decision)
        self._log.decided(decision)

    def resolved(self, resolution: Resolution) -> None:
        """Count what became of an escalation and tell of it."""
        resolver = resolution.plan.type if resolution.plan else None
        self._metrics.count(APPROVALS, resolution.outcome, resolution.by, resolver or "none")
        self._log.resolved(resolution)

    def refused(self, status: int, cause: str, reason: Reason, detail: str) -> None:
        """Count a request that got no evaluation and tell of it."""
        self._metrics.count(REJECTED, cause)
        self._log.refused(status, cause, reason, detail)

    def fault(self, error: Exception) -> None:
        """Count an error that no part foresaw and tell where it was."""
        self._faults.inc()
        self._log.fault(error)
