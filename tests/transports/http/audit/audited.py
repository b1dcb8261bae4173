"""The audit log of a service, read and verified."""

import re
from pathlib import Path

from acs_sidecar.audit.format.chain import audit_logs
from acs_sidecar.audit.format.findings import Status
from acs_sidecar.audit.format.note import VerifierKey
from acs_sidecar.audit.format.trust import Trust, TrustedKey
from acs_sidecar.audit.log.directory import find_logs
from acs_sidecar.audit.read.source import FileLogSource
from tests.conftest import Service

__all__ = ["assert_sound", "trust_of"]


def trust_of(service: Service) -> Trust:
    """The key that the service made, as its log line says it."""
    found = re.search(r'"vkey":"([^"]+)"', service.log())
    assert found
    return Trust((TrustedKey(VerifierKey.parse(found[1]).public),))


def assert_sound(root: Path, trust: Trust, without: set[str] | None = None) -> None:
    """Audit all logs, or those that have ended since those `without` were."""
    logs = [log for log in find_logs(root) if log.origin not in (without or ())]
    report = audit_logs([FileLogSource(log) for log in logs], trust, whole=without is None)
    assert [str(finding) for finding in report.all_findings] == []
    assert report.status is Status.SOUND
