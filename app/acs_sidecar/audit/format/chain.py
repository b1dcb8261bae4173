"""The auditor of a set of logs: the chain of predecessors, and anchors from outside (section 4.5)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import orjson

from acs_sidecar.audit.format.checkpoint import Checkpoint, split_notes
from acs_sidecar.audit.format.claims import OPENING_EVENTS, LogClaim, LogState, claims_of
from acs_sidecar.audit.format.findings import AuditFinding, LogReport, Property, Report
from acs_sidecar.audit.format.log_source import LogSource
from acs_sidecar.audit.format.note import NoteError, SignedNote, verified_by
from acs_sidecar.audit.format.older_logs import OlderLogsAudit
from acs_sidecar.audit.format.record import MAX_RECORD_BYTES
from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.audit.format.verify import LogAudit, audit_log

__all__ = ["Anchor", "AuditOne", "anchors_in", "audit_logs"]

Source = TypeVar("Source", bound=LogSource)

AuditOne = Callable[[Source, Trust, Iterable[int], Callable[[int], None]], LogAudit]
"""Audits one log: its source, the trusted keys, the sizes to note roots at, and what counts records."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A checkpoint kept where the log's writer cannot write, with the trust in it established."""

    checkpoint: Checkpoint
    place: str


def anchors_in(content: bytes, place: str, trust: Trust) -> tuple[list[Anchor], list[AuditFinding]]:
    """Read anchors: notes one after the other, or the service's own log, a JSON object a line.

    In the latter, a member `checkpoint` that is a string is taken and every other line is passed over.
    """
    anchors: list[Anchor] = []
    findings: list[AuditFinding] = []
    for number, note in enumerate(_notes(content)):
        where = f"{place}, checkpoint {number + 1}"
        try:
            signed = SignedNote.parse(note)
            checkpoint = Checkpoint.parse(signed.text)
            signers = verified_by(signed, trust.for_log(checkpoint.origin))
        except NoteError as error:
            findings.append(AuditFinding("", Property.ANCHOR_FORM, None, f"{where}: {error}"))
            continue
        if signers:
            anchors.append(Anchor(checkpoint, where))
        else:
            detail = f"{where}: no trusted key signed it"
            findings.append(AuditFinding(checkpoint.origin, Property.ANCHOR_FORM, None, detail))
    if not anchors and not findings:
        findings.append(AuditFinding("", Property.ANCHOR_FORM, None, f"{place} holds no checkpoint"))
    return anchors, findings


def audit_logs(
    sources: Sequence[Source],
    trust: Trust,
    anchors: Iterable[Anchor] = (),
    whole: bool = True,
    progress: Callable[[int], None] = lambda _: None,
    *,
    audit_one: AuditOne[Source] = audit_log,
) -> Report:
    """Audit logs, each by itself and then against what the others and the anchors say of it.

    `whole` tells that the sources are all logs of an audit directory, so that a log which another
    names and which is not there is a finding. `audit_one` audits each of them. Raises `OSError` when a
    source does, and `ValueError` when two are of the same log: one would vouch for the other.
    """
    if len({source.origin for source in sources}) < len(sources):
        raise ValueError("the same log was given twice")
    anchors = list(anchors)
    sizes: dict[str, set[int]] = {source.origin: set() for source in sources}
    for source in sources:
        for claim in _claims_ahead(source):
            sizes.setdefault(claim.log, set()).add(claim.size)
    for anchor in anchors:
        sizes.setdefault(anchor.checkpoint.origin, set()).add(anchor.checkpoint.size)

    audits = {source.origin: audit_one(source, trust, sizes[source.origin], progress) for source in sources}
    pruned = frozenset(one.log for audit in audits.values() for one in audit.deletions)
    findings: list[AuditFinding] = []
    for audit in audits.values():
        for claim in audit.claims:
            _check_claim(claim, audits, pruned, whole, findings)
    older = OlderLogsAudit(audits)
    if whole:
        findings.extend(found for origin in audits if (found := older.check(origin)))
    for anchor in anchors:
        _check_anchor(anchor, audits, pruned, findings)
    _spread_anchors(audits, older.covered)
    return Report({origin: audit.report for origin, audit in audits.items()}, tuple(findings))


def _check_claim(
    claim: LogClaim,
    audits: Mapping[str, LogAudit],
    pruned: frozenset[str],
    whole: bool,
    findings: list[AuditFinding],
) -> None:
    """Check a log against the claims that later logs record about it.

    Stops: a log deleted, replaced, rolled back or written on after its end, by whoever cannot also
    rewrite every later log.
    """
    named = f"`{claim.by}` names it at index {claim.index} with {claim.size} records, {claim.state}"
    audit = audits.get(claim.log)
    if audit is None:
        if whole and claim.log not in pruned and claim.size:
            findings.append(AuditFinding(claim.log, Property.CHAIN_COMPLETE, None, f"missing: {named}"))
        return
    report = audit.report
    if report.findings:
        return
    if report.size < claim.size:
        detail = f"truncated: {named}"
        report.findings.append(AuditFinding(claim.log, Property.CHAIN_COMPLETE, report.size, detail))
    elif audit.roots.get(claim.size) != claim.root:
        detail = f"replaced: {named} and another root"
        report.findings.append(AuditFinding(claim.log, Property.CHAIN_CONSISTENT, None, detail))
    elif claim.state in {LogState.CLOSED, LogState.CRASHED} and report.size > claim.size:
        detail = f"written after its end: {named}"
        report.findings.append(AuditFinding(claim.log, Property.CHAIN_CONSISTENT, claim.size, detail))


def _check_anchor(
    anchor: Anchor, audits: Mapping[str, LogAudit], pruned: frozenset[str], findings: list[AuditFinding]
) -> None:
    """Check a log against an external checkpoint.

    Stops: a tail cut off, a log rolled back, replaced or removed, even by whoever holds the key.
    """
    checkpoint = anchor.checkpoint
    audit = audits.get(checkpoint.origin)
    if audit is None:
        if checkpoint.origin not in pruned:
            detail = f"the log is missing; {anchor.place} proves {checkpoint.size} records"
            findings.append(AuditFinding(checkpoint.origin, Property.ANCHOR_COMPLETE, None, detail))
        return
    report = audit.report
    if report.findings:
        return
    if report.size < checkpoint.size:
        detail = f"truncated: {anchor.place} proves {checkpoint.size} records"
        report.findings.append(AuditFinding(checkpoint.origin, Property.ANCHOR_COMPLETE, report.size, detail))
    elif audit.roots.get(checkpoint.size) != checkpoint.root:
        detail = f"replaced: {anchor.place} has another root for {checkpoint.size} records"
        report.findings.append(AuditFinding(checkpoint.origin, Property.ANCHOR_CONSISTENT, None, detail))
    else:
        _anchor(report, checkpoint.size)


def _spread_anchors(audits: Mapping[str, LogAudit], older: Mapping[str, Sequence[str]]) -> None:
    """Extend the anchor of a log to the logs that it names before the anchored size, transitively."""
    pending = [log for log, audit in audits.items() if audit.report.anchored is not None]
    while pending:
        origin = pending.pop()
        audit = audits[origin]
        vouched = [
            (claim.log, claim.size) for claim in audit.claims if claim.index < (audit.report.anchored or 0)
        ]
        vouched += [(log, audits[log].report.size) for log in older.get(origin, ()) if log in audits]
        for log, size in vouched:
            named = audits.get(log)
            if named and not named.report.findings and _anchor(named.report, size):
                pending.append(log)


def _anchor(report: LogReport, size: int) -> bool:
    """Note that `size` records are vouched for; tell whether that is news."""
    if size <= (report.anchored or 0):
        return False
    report.anchored = size
    return True


def _claims_ahead(source: LogSource) -> list[LogClaim]:
    """Read what a log's first records claim, unverified: it only tells which sizes to note on the way."""
    claims: list[LogClaim] = []
    for _, chunks in source.segments():
        rest = b""
        for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                try:
                    record = orjson.loads(line)
                except orjson.JSONDecodeError:
                    return claims
                if not isinstance(record, dict) or record.get("event") not in OPENING_EVENTS:
                    return claims
                claims.extend(claims_of(record, source.origin, 0))
            if len(rest) > MAX_RECORD_BYTES:
                return claims
    return claims


def _notes(content: bytes) -> list[bytes]:
    notes: list[bytes] = []
    for line in content.splitlines():
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(event, dict) and isinstance(note := event.get("checkpoint"), str):
            notes.append(note.encode())
    return notes or [note for _, note in split_notes(content)]
