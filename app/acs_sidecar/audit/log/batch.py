"""Records that wait for one commit, each with its waiter (section 4.2)."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from acs_sidecar.audit.format.ports import AuditPosition, AuditUnavailableError
from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent

__all__ = ["Batch", "Pending", "RecordFuture", "refuse_batch", "settle_batch", "unwritable"]


class RecordFuture(asyncio.Future[AuditPosition]):
    """Resolves when a record is committed. What waits for it alone needs no task."""


Batch: TypeAlias = list[tuple[AuditEntry | ServiceEvent, RecordFuture]]

LARGEST_GROUP = 32
"""Records for which a commit waits no longer: their share of a signature is small by then."""

LONGEST_WAIT_S = 0.005
"""Seconds after which a commit waits no longer: a turn of the event loop may be as long as an evaluation."""


class Pending:
    """The records that wait for the next commit."""

    __slots__ = ("_batch", "_clock", "_seen", "_since")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._batch: Batch = []
        self._clock = clock
        self._since = 0.0
        self._seen = 0

    def __len__(self) -> int:
        return len(self._batch)

    def add(self, entry: AuditEntry | ServiceEvent, future: RecordFuture) -> None:
        """Add a record and its waiter."""
        if not self._batch:
            self._since = self._clock()
        self._batch.append((entry, future))

    def still_grows(self, *, more_follow: bool) -> bool:
        """True if records came since this was asked before, or follow, and are worth waiting for."""
        before, self._seen = self._seen, len(self._batch)
        grows = (more_follow or before < self._seen) and self._seen < LARGEST_GROUP
        return grows and self._clock() - self._since < LONGEST_WAIT_S

    def take(self) -> Batch:
        """Return all, which then wait no longer."""
        batch, self._batch = self._batch, []
        self._seen = 0
        return batch


def settle_batch(batch: Batch, positions: Sequence[AuditPosition]) -> None:
    """Answer those who wait for a commit with the positions of their records."""
    for (_, future), position in zip(batch, positions, strict=True):
        if not future.done():
            future.set_result(position)


def refuse_batch(batch: Batch, reason: str) -> int:
    """Fail the waiters of a batch whose records were not written, and return their number."""
    waiting = [future for _, future in batch if not future.done()]
    for future in waiting:
        future.set_exception(AuditUnavailableError(reason))
    return len(waiting)


def unwritable(error: OSError) -> str:
    """Return why records cannot be written, without naming a path."""
    return f"the audit log cannot be written: {error.strerror or error}"
