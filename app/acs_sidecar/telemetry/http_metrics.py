"""What is counted of HTTP (section 5): requests by route and status, and refused."""

from acs_sidecar.telemetry.catalogue import REJECTED, REQUESTS
from acs_sidecar.telemetry.metrics import Counter, Metrics

__all__ = ["HttpMetrics"]

UNKNOWN = "unknown"


class HttpMetrics:
    """Counts answers. A route is the template that the router matched, never a caller's path."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._answered: dict[tuple[str | None, int], Counter] = {}

    def answered(self, route: str | None, status: int) -> None:
        """Count an answer; `route` is `None` where there is no such route."""
        counter = self._answered.get((route, status))
        if counter is None:
            counter = self._metrics.counter(REQUESTS, route or UNKNOWN, str(int(status)))
            self._answered[route, status] = counter
        counter.inc()

    def rejected(self, cause: str) -> None:
        """Count a request that was refused; `cause` is a word of the code."""
        self._metrics.count(REJECTED, cause)
