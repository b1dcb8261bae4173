"""Records that wait for one commit, each with its waiter (section 4.2)."""

import asyncio
from collections.abc import Sequence
from typing import TypeAlias

from acs_sidecar.audit.format.ports import AuditPosition, AuditUnavailableError
from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent

__all__ = ["Batch", "refuse_batch", "settle_batch", "unwritable"]

Batch: TypeAlias = list[tuple[AuditEntry | ServiceEvent, asyncio.Future[AuditPosition]]]


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
