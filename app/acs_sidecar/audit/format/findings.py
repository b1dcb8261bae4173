"""What an audit reports: the properties that a log must have, and those that failed (section 4.5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from acs_sidecar.spec.values import Json

__all__ = ["AuditFinding", "BrokenLogError", "LogReport", "Property", "Report", "Status"]


class Property(StrEnum):
    """A property that the auditor requires; a finding names the one that failed."""

    CHECKPOINT_FORM = "checkpoint-form"
    CHECKPOINT_ORIGIN = "checkpoint-origin"
    CHECKPOINT_SIGNATURE = "checkpoint-signature"
    CHECKPOINT_ORDER = "checkpoint-order"
    CHECKPOINT_ROOT = "checkpoint-root"
    RECORD_FORM = "record-form"
    RECORD_LOG = "record-log"
    RECORD_INDEX = "record-index"
    RECORD_PRESENT = "record-present"
    LOG_OPENED = "log-opened"
    LOG_CLOSED = "log-closed"
    CHAIN_COMPLETE = "chain-complete"
    CHAIN_CONSISTENT = "chain-consistent"
    ANCHOR_FORM = "anchor-form"
    ANCHOR_COMPLETE = "anchor-complete"
    ANCHOR_CONSISTENT = "anchor-consistent"


class Status(StrEnum):
    """The outcome of an audit: every property holds, one fails, or the evidence is insufficient."""

    SOUND = "sound"
    UNSOUND = "unsound"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """A property that failed in `log`, at the record `index` where that is known."""

    log: str
    property: Property
    index: int | None
    detail: str

    def as_json(self) -> dict[str, Json]:
        """Return the finding as JSON."""
        return {"log": self.log, "property": self.property, "index": self.index, "detail": self.detail}

    def __str__(self) -> str:
        place = "" if self.index is None else f" at index {self.index}"
        return f"{self.log}: {self.property}{place}: {self.detail}"


@dataclass(slots=True)
class LogReport:
    """What the audit of one log found. `size` records hash to the signed `root`.

    `pending_bytes` follow the last signature and are covered by none. `anchored` is the largest size
    that a checkpoint from outside vouches for. `time_backward` is the index of the first record whose
    time is before its predecessor's.
    """

    log: str
    size: int = 0
    root: bytes = b""
    checkpoints: int = 0
    closed: bool = False
    first_time: str | None = None
    last_time: str | None = None
    time_backward: int | None = None
    pending_bytes: int = 0
    anchored: int | None = None
    unknown: str | None = None
    findings: list[AuditFinding] = field(default_factory=list)

    @property
    def status(self) -> Status:
        """The outcome for this log."""
        if self.findings:
            return Status.UNSOUND
        return Status.UNKNOWN if self.unknown else Status.SOUND

    def as_json(self) -> dict[str, Json]:
        """Return the report as JSON."""
        return {
            "log": self.log,
            "status": self.status,
            "size": self.size,
            "checkpoints": self.checkpoints,
            "closed": self.closed,
            "first_time": self.first_time,
            "last_time": self.last_time,
            "time_backward": self.time_backward,
            "pending_bytes": self.pending_bytes,
            "anchored": self.anchored is not None,
            "anchored_size": self.anchored,
            "unknown": self.unknown,
            "findings": [finding.as_json() for finding in self.findings],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What the audit of a set of logs found; `findings` are those that concern no log at hand."""

    logs: Mapping[str, LogReport]
    findings: tuple[AuditFinding, ...] = ()

    @property
    def all_findings(self) -> tuple[AuditFinding, ...]:
        """Every finding, by log."""
        return (*(finding for log in self.logs.values() for finding in log.findings), *self.findings)

    @property
    def anchored(self) -> bool:
        """True if a checkpoint from outside vouches for something of every log."""
        return bool(self.logs) and all(log.anchored is not None for log in self.logs.values())

    @property
    def status(self) -> Status:
        """The outcome: unsound as soon as one property failed."""
        if self.all_findings:
            return Status.UNSOUND
        logs = self.logs.values()
        if any(log.unknown for log in logs) or not any(log.size for log in logs):
            return Status.UNKNOWN
        return Status.SOUND

    def as_json(self) -> dict[str, Json]:
        """Return the report as JSON."""
        return {
            "status": self.status,
            "anchored": self.anchored,
            "records": sum(log.size for log in self.logs.values()),
            "logs": [log.as_json() for log in self.logs.values()],
            "findings": [finding.as_json() for finding in self.findings],
        }


class BrokenLogError(Exception):
    """A property that fails: it ends the audit of a log with its finding."""

    def __init__(self, failed: Property, index: int | None, detail: str) -> None:
        super().__init__(detail)
        self.property = failed
        self.index = index
        self.detail = detail
