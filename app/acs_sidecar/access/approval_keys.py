"""The key that signs challenges, in a file; made when it is first needed and missing."""

from pathlib import Path

import structlog

from acs_sidecar.approval.ports import ApprovalKey, KeysUnavailableError
from acs_sidecar.audit.log.keys import KeyFileError, generate_key, load_key

__all__ = ["FileApprovalKey"]


class FileApprovalKey:
    """The approval key of a deployment, read again when the file is another one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark: tuple[int, int, int] | None = None
        self._key: ApprovalKey | None = None
        self._log = structlog.stdlib.get_logger("acs.approvals")

    def load(self) -> ApprovalKey:
        """Return the key, creating it if it does not exist. Raises `KeyFileError`."""
        if not self._path.exists():
            generate_key(self._path, "approval")
            self._log.warning(
                "approval_key_generated",
                path=str(self._path.resolve()),
                detail="all replicas of a deployment must share it",
            )
        try:
            found = self._path.stat()
        except OSError as error:
            raise KeyFileError(f"`{self._path}` cannot be read: {error.strerror}") from None
        mark = (found.st_mtime_ns, found.st_size, found.st_ino)
        if self._key is None or mark != self._mark:
            self._key = None
            loaded = load_key(self._path)
            self._key = ApprovalKey(loaded.private, (loaded.public, *loaded.retired))
            self._mark = mark
        return self._key

    def __call__(self) -> ApprovalKey:
        """Return the key. Raises `KeysUnavailableError`, whose message may leave the service."""
        try:
            return self.load()
        except KeyFileError as error:
            self._log.error("approval_key_unusable", detail=str(error))
            raise KeysUnavailableError("the approval key cannot be used; see the service log") from None
