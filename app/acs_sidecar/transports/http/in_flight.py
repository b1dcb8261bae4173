"""How many requests are in flight, and what becomes of one too many (section 2.2)."""

from collections.abc import Iterator
from contextlib import contextmanager

from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.telemetry.http_metrics import HttpMetrics

__all__ = ["InFlight"]


class InFlight:
    """Counts the requests that a worker decides on, or compiles a manifest for."""

    def __init__(self, most: int, metrics: HttpMetrics) -> None:
        self._most = most
        self._metrics = metrics
        self._count = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a request while it is in flight. Raises `RefusalError` for one too many."""
        if self._count >= self._most:
            raise RefusalError(Cause.OVERLOAD, f"more than {self._most} requests are in flight")
        self._count += 1
        self._metrics.in_flight.set(self._count)
        try:
            yield
        finally:
            self._count -= 1
            self._metrics.in_flight.set(self._count)
