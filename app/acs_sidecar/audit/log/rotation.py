"""What the service says of its signing key and checkpoints, and the change to another key (section 4.4)."""

from pathlib import Path

import structlog

from acs_sidecar.audit.format.ports import AuditUnavailableError
from acs_sidecar.audit.log.keys import KeyFileError, load_key
from acs_sidecar.audit.log.writer import FileAuditLog

__all__ = ["announce_checkpoint", "rotate_key"]


async def rotate_key(audit: FileAuditLog, path: Path) -> None:
    """Go on under the key that the file holds now; one that cannot be used leaves the old one signing."""
    log = structlog.stdlib.get_logger("acs.audit")
    try:
        key = load_key(path)
        if key.public == audit.key.public:
            return
        await audit.rotate_key(key)
    except (KeyFileError, AuditUnavailableError) as error:
        log.warning("audit_key_refused", detail=str(error))
        return
    log.warning("audit_key_rotated", log=audit.origin, vkey=str(key.verifier_key(str(audit.origin))))


def announce_checkpoint(origin: str, checkpoint: bytes) -> None:
    """Anchor a checkpoint outside of the audit directory, in the service's own log."""
    log = structlog.stdlib.get_logger("acs.audit")
    log.info("audit_checkpoint", log=origin, checkpoint=checkpoint.decode())
