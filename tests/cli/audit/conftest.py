"""An audit directory with two logs."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.audit.log.writer import FileAuditLog
from tests.audit.log.logs import KEY, settings, with_log


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Configure an audit directory with two logs, the key beside it."""
    for name in [name for name in os.environ if name.startswith("ACS_")]:
        monkeypatch.delenv(name)
    key = tmp_path / "key.pem"
    key.write_bytes(KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    root = tmp_path / "audit"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACS_AUDIT_DIR", str(root))
    monkeypatch.setenv("ACS_AUDIT_KEY_FILE", str(key))
    monkeypatch.setenv("ACS_AUDIT_NAME", "acs")

    async def work(log: FileAuditLog) -> None:
        for number in range(4):
            decision = "deny" if number % 2 else "allow"
            await log.append(AuditEntry(decision, "input", agent_id=f"agent-{number}", reason="because"))

    for _ in range(2):
        with_log(work, settings(root))
    return root
