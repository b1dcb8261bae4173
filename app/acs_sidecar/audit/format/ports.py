"""The port of the audit log: a contract for every implementation."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent

__all__ = ["AuditLog", "AuditPosition", "AuditUnavailableError"]


@dataclass(slots=True)  # not frozen: one is made for every record, and freezing doubles its cost
class AuditPosition:
    """Where a record is: the log's origin, the index in it, and the record's own UUIDv7."""

    log: str
    index: int
    record_id: str


class AuditUnavailableError(Exception):
    """The record could not be made durable: the verdict must be replaced by a deny."""


class AuditLog(Protocol):
    """Port of the audit log: records are written before verdicts are returned (section 4)."""

    def append(self, entry: AuditEntry | ServiceEvent) -> Awaitable[AuditPosition]:
        """Append a record; done when it is durable, in the configured sense, and covered by a signature.

        MUST NOT be done before that, and whenever that cannot be said MUST raise `AuditUnavailableError`
        to whoever awaits it.
        A caller that is cancelled may still have its record written.
        """
        ...
