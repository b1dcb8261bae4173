"""How many requests are in flight, and what becomes of one too many (section 2.2)."""

from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.telemetry.catalogue import IN_FLIGHT
from acs_sidecar.telemetry.metrics import Metrics

__all__ = ["InFlight"]


class InFlight:
    """Counts the requests that a worker decides on, or compiles a manifest for: each `with` is one."""

    def __init__(self, most: int, metrics: Metrics) -> None:
        self._most = most
        self._count = 0
        metrics.sample(metrics.gauge(IN_FLIGHT), lambda: self._count)

    def __enter__(self) -> None:
        """Count a request. Raises `RefusalError` for one too many."""
        if self._count >= self._most:
            raise RefusalError(Cause.OVERLOAD, f"more than {self._most} requests are in flight")
        self._count += 1

    def __exit__(self, *_failure: object) -> None:
        """Count it no more."""
        self._count -= 1
