"""What the audit log shows for the levels: records, signatures that verify, receipts (sections 4.5, 9.6).

Evidence is of the manifest that is judged: only its own decisions count, by the policies that it binds now.
A log of another agent, or from before the last change of the manifest, may verify, and shows nothing about
this one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from acs_sidecar.audit.format.chain import audit_logs
from acs_sidecar.audit.format.findings import Status
from acs_sidecar.audit.format.receipt import ReceiptError
from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.audit.log.keys import KeyFileError, load_key, load_trusted_key
from acs_sidecar.audit.log.open_log import Durability
from acs_sidecar.audit.log.records import LogDamagedError
from acs_sidecar.audit.read.query import LogSelection, RecordFilter, logs_at, read_records
from acs_sidecar.audit.read.reader import AuditReader, NotInLogError
from acs_sidecar.audit.read.source import FileLogSource
from acs_sidecar.cli.output import fail
from acs_sidecar.cli.policies.oags.level_rows import Level, LevelRow
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.points import Mode
from acs_sidecar.spec.values import JsonObject

__all__ = ["JudgedManifest", "audit_rows"]

_RECORD = "a record of each decision"
_SIGNED = "signed records that verify locally"
_RECEIPT = "a receipt that verifies offline"


@dataclass(frozen=True, slots=True)
class JudgedManifest:
    """The digest of a manifest, and for each governed point that of the policy that it binds there."""

    digest: str | None = None
    policies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Decisions:
    """The decisions of the judged manifest in some logs: how many, and where the newest is."""

    count: int = 0
    log: str = ""
    index: int = 0


def audit_rows(settings: Settings, keys: list[str], judged: JudgedManifest) -> Iterator[LevelRow]:
    """Judge the audit log that the settings name, by the given keys or by the service's own."""
    kept = settings.audit_durability
    if kept is Durability.NONE:
        missing = "set ACS_AUDIT_DURABILITY to `write` or `fsync`"
        yield LevelRow(Level.L2, _RECORD, False, missing)
        yield LevelRow(Level.L3, _SIGNED, False, missing)
        yield LevelRow(Level.L3, _RECEIPT, False, missing)
        return
    yield LevelRow(Level.L2, _RECORD, True, f"ACS_AUDIT_DURABILITY is `{kept}`")
    place = settings.audit_dir
    try:
        found = logs_at(place)
        trust = _trust(settings, keys)
    except KeyFileError as error:
        if keys:
            fail(f"--key: {error}")
        missing = f"{error}: run the service, or set --key or ACS_AUDIT_KEY_FILE to the key of its log"
        yield LevelRow(Level.L3, _SIGNED, False, missing)
        yield LevelRow(Level.L3, _RECEIPT, False, missing)
        return
    except OSError as error:
        fail(f"{place} cannot be read: {error.strerror}")
    if not found.logs:
        missing = f"no audit log exists at {place}: run the service, or set ACS_AUDIT_DIR"
        yield LevelRow(Level.L3, _SIGNED, False, missing)
        yield LevelRow(Level.L3, _RECEIPT, False, missing)
        return
    yield from _evidence_rows(found, trust, judged)


def _trust(settings: Settings, keys: list[str]) -> Trust:
    """Return the given keys, else that of the service. Raises `KeyFileError`."""
    if keys:
        return Trust(tuple(load_trusted_key(key) for key in keys))
    return load_key(settings.audit_key_file).trust


def _evidence_rows(found: LogSelection, trust: Trust, judged: JudgedManifest) -> Iterator[LevelRow]:
    try:
        report = audit_logs([FileLogSource(log) for log in found.logs], trust, (), found.whole)
        decisions = _decisions(found, judged)
    except (LogDamagedError, OSError) as error:
        missing = f"the log cannot be read: {error.strerror if isinstance(error, OSError) else error}"
        yield LevelRow(Level.L3, _SIGNED, False, missing)
        yield LevelRow(Level.L3, _RECEIPT, False, missing)
        return
    sound = report.status is Status.SOUND
    records = sum(log.size for log in report.logs.values())
    verified = f"{records} records of {len(report.logs)} logs verify"
    if not sound:
        findings = [str(finding) for finding in report.all_findings]
        unknown = [f"{log.log}: {log.unknown}" for log in report.logs.values() if log.unknown]
        verified = "; ".join((findings + unknown)[:3]) or report.status.value
    elif not decisions.count:
        verified += ", and none is a decision by this manifest: run the agent with it"
    else:
        verified += f", {decisions.count} of them decisions by this manifest"
    yield LevelRow(Level.L3, _SIGNED, sound and decisions.count > 0, verified)
    yield _receipt_row(found, trust, decisions, sound)


def _decisions(found: LogSelection, judged: JudgedManifest) -> _Decisions:
    """Count the decisions that the bound policies made and that were to be enforced.

    Raises `LogDamagedError`, `OSError`.
    """
    decisions = _Decisions()
    for record in read_records(found.logs, RecordFilter(event="decision")):
        if _is_by(record, judged):
            decisions = _Decisions(decisions.count + 1, str(record["log"]), int(str(record["index"])))
    return decisions


def _is_by(record: JsonObject, judged: JudgedManifest) -> bool:
    policy = judged.policies.get(str(record.get("intervention_point")))
    return policy is not None and (
        (record.get("manifest_digest"), record.get("policy_digest"), record.get("mode"))
        == (judged.digest, policy, Mode.ENFORCE)
    )


def _receipt_row(found: LogSelection, trust: Trust, decisions: _Decisions, sound: bool) -> LevelRow:
    """Make and verify the receipt of the newest decision by the manifest."""
    if not decisions.count:
        return LevelRow(Level.L3, _RECEIPT, False, "no decision by this manifest is recorded")
    root = next(log.root for log in found.logs if log.origin == decisions.log)
    try:
        AuditReader(root).receipt(decisions.log, decisions.index).verify(trust)
    except (NotInLogError, LogDamagedError, ReceiptError) as error:
        return LevelRow(Level.L3, _RECEIPT, False, str(error))
    except OSError as error:
        return LevelRow(Level.L3, _RECEIPT, False, f"the log cannot be read: {error.strerror}")
    if not sound:
        return LevelRow(Level.L3, _RECEIPT, False, f"the log of record {decisions.index} does not verify")
    return LevelRow(Level.L3, _RECEIPT, True, f"record {decisions.index} of {decisions.log}")
