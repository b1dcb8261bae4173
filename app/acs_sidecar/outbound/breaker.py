"""A circuit breaker: after repeated failures no calls are made for a while (section 1.6)."""

from collections.abc import Callable
from dataclasses import dataclass

from acs_sidecar.spec.reasons import Reason

__all__ = ["Breaker", "BreakerSettings"]


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """After `failures` calls in a row that failed, no call for `cooldown_ms`; then one tries."""

    failures: int
    cooldown_ms: int


class Breaker:
    """Closed, open, or half open with one call that tries; counts what the server did, never what it said.

    Each period between two openings is an epoch. A call says how it ended with the epoch it began in, so
    one that ends late tells nothing about the present.
    """

    def __init__(
        self, settings: BreakerSettings, clock: Callable[[], float], opened: Callable[[], None]
    ) -> None:
        """Create a closed breaker with a monotonic clock in seconds and a callback for each opening."""
        self.settings = settings
        self.reason = Reason.ANNOTATION_FAILED
        self._clock = clock
        self._opened = opened
        self._epoch = 0
        self._failures = 0
        self._open_until: float | None = None
        self._trying = False

    def admit(self) -> int | None:
        """Start a call and return its epoch, or `None` while the breaker is open."""
        if self._open_until is not None:
            if self._trying or self._clock() < self._open_until:
                return None
            self._trying = True
        return self._epoch

    def answered(self, epoch: int) -> None:
        """Record an answered call and close the breaker."""
        if epoch == self._epoch:
            self._failures = 0
            self._open_until = None
            self._trying = False

    def failed(self, epoch: int, reason: Reason) -> None:
        """End a call that the server failed; `reason` becomes that of the calls refused while open."""
        if epoch != self._epoch:
            return
        self._failures += 1
        if self._trying or self._failures >= self.settings.failures:
            self.reason = reason
            self._epoch += 1
            self._failures = 0
            self._open_until = self._clock() + self.settings.cooldown_ms / 1000
            self._trying = False
            self._opened()

    def abandoned(self, epoch: int) -> None:
        """Record a cancelled call; the next one may probe."""
        if epoch == self._epoch:
            self._trying = False
