"""The auditor of what a log says of older logs together: their number and one hash (sections 4.2, 4.5)."""

from collections.abc import Mapping
from dataclasses import dataclass

from acs_sidecar.audit.format.claims import Deletion, log_line, older_logs_hash
from acs_sidecar.audit.format.findings import AuditFinding, Property
from acs_sidecar.audit.format.verify import LogAudit

__all__ = ["OlderLogsAudit"]


@dataclass(frozen=True, slots=True)
class _Ended:
    """A log as it ended, and its line in a hash over older logs."""

    number: int
    log: str
    line: bytes


class OlderLogsAudit:
    """Compares each log's hash over older logs with the logs that are there, and those deleted since.

    Which logs those are follows from the numbers of the logs and not from any clock. `covered` has, for each
    log whose hash is right, the logs that it is over.
    """

    def __init__(self, audits: Mapping[str, LogAudit]) -> None:
        self.covered: dict[str, list[str]] = {}
        self._audits = audits
        self._named = {origin: {claim.log for claim in audit.claims} for origin, audit in audits.items()}
        self._deletions = {one.log: one for audit in audits.values() for one in audit.deletions}
        self._ended = sorted(
            (
                *(
                    _Ended(audit.number, log, log_line(log, audit.report.size, audit.report.root))
                    for log, audit in audits.items()
                    if audit.report.size
                ),
                *(
                    _Ended(one.number, log, log_line(log, one.size, one.root))
                    for log, one in self._deletions.items()
                    if one.size and log not in audits
                ),
            ),
            key=lambda one: (one.number, one.log),
        )

    def check(self, origin: str) -> AuditFinding | None:
        """Check what the log says of older logs together.

        Stops: a log deleted, replaced or rolled back long after it ended, by whoever cannot also rewrite
        every later log.
        """
        audit = self._audits[origin]
        older = audit.older
        if older is None or audit.report.findings:
            return None
        found = [one for one in self._ended if self._is_older(one, origin, audit)]
        if any(one.log in self._audits and self._audits[one.log].report.findings for one in found):
            return None
        if older_logs_hash(one.line for one in found) == older.sha256 and len(found) == older.count:
            self.covered[origin] = [one.log for one in found]
            return None
        lacks = len(found) < older.count
        what = "some are missing" if lacks else "they are not the ones that it names"
        detail = f"names {older.count} older logs by one hash, of which {len(found)} are here: {what}"
        return AuditFinding(
            origin, Property.CHAIN_COMPLETE if lacks else Property.CHAIN_CONSISTENT, 0, detail
        )

    def _is_older(self, one: _Ended, origin: str, audit: LogAudit) -> bool:
        """True if a log had ended before `origin` was opened, was still there, and is not named by it."""
        if one.number >= audit.number or one.log in self._named[origin]:
            return False
        if one.log in self._audits:
            return origin not in self._named[one.log]
        return not self._deleted_before(self._deletions[one.log], audit)

    def _deleted_before(self, deletion: Deletion, audit: LogAudit) -> bool:
        if self._audits[deletion.by].number >= audit.number:
            return False
        return all(claim.log != deletion.by or claim.size > deletion.index for claim in audit.claims)
