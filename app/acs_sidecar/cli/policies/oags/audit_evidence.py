"""What the audit log shows for the levels: records, signatures that verify, receipts (sections 4.5, 9.6)."""

from collections.abc import Iterator
from pathlib import Path

from acs_sidecar.audit.format.chain import audit_logs
from acs_sidecar.audit.format.findings import Status
from acs_sidecar.audit.format.receipt import ReceiptError
from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.audit.log.keys import KeyFileError, load_key, load_trusted_key
from acs_sidecar.audit.log.open_log import Durability
from acs_sidecar.audit.log.records import LogDamagedError
from acs_sidecar.audit.read.query import LogSelection, logs_at
from acs_sidecar.audit.read.reader import AuditReader, NotInLogError
from acs_sidecar.audit.read.source import FileLogSource
from acs_sidecar.cli.output import fail
from acs_sidecar.cli.policies.oags.level_rows import Level, LevelRow
from acs_sidecar.settings.tree import Settings

__all__ = ["audit_rows"]

_RECORD = "a record of each decision"
_SIGNED = "signed records that verify locally"
_RECEIPT = "a receipt that verifies offline"


def audit_rows(settings: Settings, keys: list[str]) -> Iterator[LevelRow]:
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
    yield _signed_row(found, trust)
    yield _receipt_row(place, found, trust)


def _trust(settings: Settings, keys: list[str]) -> Trust:
    """Return the given keys, else that of the service. Raises `KeyFileError`."""
    if keys:
        return Trust(tuple(load_trusted_key(key) for key in keys))
    return load_key(settings.audit_key_file).trust


def _signed_row(found: LogSelection, trust: Trust) -> LevelRow:
    try:
        report = audit_logs([FileLogSource(log) for log in found.logs], trust, (), found.whole)
    except OSError as error:
        return LevelRow(Level.L3, _SIGNED, False, f"the log cannot be read: {error.strerror}")
    if report.status is Status.SOUND:
        records = sum(log.size for log in report.logs.values())
        return LevelRow(Level.L3, _SIGNED, True, f"{records} records of {len(report.logs)} logs verify")
    findings = [str(finding) for finding in report.all_findings]
    unknown = [f"{log.log}: {log.unknown}" for log in report.logs.values() if log.unknown]
    return LevelRow(Level.L3, _SIGNED, False, "; ".join((findings + unknown)[:3]) or report.status.value)


def _receipt_row(place: Path, found: LogSelection, trust: Trust) -> LevelRow:
    """Make and verify the receipt of the last record that is published."""
    log = max(found.logs, key=lambda each: each.published_size())
    try:
        index = log.published_size() - 1
        receipt = AuditReader(log.root).receipt(log.origin, index)
        receipt.verify(trust)
    except (NotInLogError, LogDamagedError, ReceiptError) as error:
        return LevelRow(Level.L3, _RECEIPT, False, str(error))
    except OSError as error:
        return LevelRow(Level.L3, _RECEIPT, False, f"{place} cannot be read: {error.strerror}")
    return LevelRow(Level.L3, _RECEIPT, True, f"record {index} of {log.origin}")
