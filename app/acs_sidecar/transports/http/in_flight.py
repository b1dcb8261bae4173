"""How many requests are in flight, and what becomes of one too many (section 2.2)."""

from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.telemetry.catalogue import IN_FLIGHT, Metric
from acs_sidecar.telemetry.metrics import Metrics

__all__ = ["InFlight"]


class InFlight:
    """Counts the requests that a worker decides on, or compiles a manifest for: each `with` is one.

    `what` is counted otherwise, and shown as `gauge`.
    """

    def __init__(
        self, most: int, metrics: Metrics, gauge: Metric = IN_FLIGHT, what: str = "requests are in flight"
    ) -> None:
        self._most = most
        self._what = what
        self._count = 0
        metrics.sample(metrics.gauge(gauge), lambda: self._count)

    def __enter__(self) -> None:
        """Count a request. Raises `RefusalError` for one too many."""
        if self._count >= self._most:
            raise RefusalError(Cause.OVERLOAD, f"more than {self._most} {self._what}")
        self._count += 1

    def __exit__(self, *_failure: object) -> None:
        """Count it no more."""
        self._count -= 1
