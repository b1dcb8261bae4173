"""The key of approvals and the file of approvers, reread when they change."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from app.approval.approvers import Approver, Approvers
from app.approval.ports import ApprovalKey, KeysUnavailableError
from app.audit.note import NoteError, VerifierKey
from app.audit.record import MAX_TEXT
from app.core.caller import Globs
from app.core.document import DocumentError, parse_document
from app.core.values import Json
from app.stores.keys import KeyFileError, end_of, generate_key, load_key, public_key

__all__ = ["FileApprovalKeys", "approval_key", "load_approvers"]

_MEMBERS = frozenset({"name", "public_key", "resolvers", "agents", "manifests", "expires"})
_NO_FILE = Approvers(fault="no approver is trusted: set ACS_APPROVAL_TRUST_FILE")

T = TypeVar("T")


@dataclass(slots=True)
class _Reread(Generic[T]):
    """A file's content, read again when the file is another one."""

    path: Path
    read: Callable[[Path], T]
    _mark: tuple[int, ...] | None = None
    _content: T | None = None

    def current(self) -> T:
        """Give it. Raises what reading raises, and `OSError`."""
        found = self.path.stat()
        mark = (found.st_mtime_ns, found.st_size, found.st_ino)
        if self._content is None or mark != self._mark:
            self._content = None
            self._content = self.read(self.path)
            self._mark = mark
        return self._content


class FileApprovalKeys:
    """The keys of approvals in files. The signing key is made when it is first needed and missing."""

    def __init__(self, key_file: Path, trust_file: Path | None) -> None:
        self._key_file = key_file
        self._key = _Reread(key_file, approval_key)
        self._approvers = _Reread(trust_file, load_approvers) if trust_file else None
        self._log = structlog.stdlib.get_logger("acs.approvals")

    def check(self, *, needed: bool) -> None:
        """Read everything once; `needed` tells whether challenges will be signed. Raises `KeyFileError`."""
        try:
            if needed:
                self.key()
            if self._approvers:
                self._approvers.current()
        except KeysUnavailableError as error:
            raise KeyFileError(str(error)) from None
        except OSError as error:
            raise KeyFileError(f"ACS_APPROVAL_TRUST_FILE cannot be read: {error.strerror}") from None

    def key(self) -> ApprovalKey:
        """Give the key, made when there is none (`ApprovalKeys.key`)."""
        try:
            if not self._key_file.exists():
                generate_key(self._key_file, "approval")
                self._log.warning(
                    "approval_key_generated",
                    path=str(self._key_file.resolve()),
                    detail="all replicas of a deployment need the same one",
                )
            return self._key.current()
        except (KeyFileError, OSError) as error:
            self._log.error("approval_key_unusable", detail=str(error))
            raise KeysUnavailableError("the approval key cannot be used; the log says why") from None

    def approvers(self) -> Approvers:
        """Give the approvers; none, when the file cannot be read any more (`ApprovalKeys.approvers`)."""
        if self._approvers is None:
            return _NO_FILE
        try:
            return self._approvers.current()
        except (KeyFileError, OSError) as error:
            self._log.error("approval_trust_unusable", detail=str(error))
            return Approvers(fault="the file of approvers cannot be used: no approver is trusted")


def approval_key(path: Path) -> ApprovalKey:
    """Load a key; public keys behind it in the file are earlier ones. Raises `KeyFileError`."""
    key = load_key(path)
    return ApprovalKey(key.private, (key.public, *key.retired))


def load_approvers(path: Path) -> Approvers:
    """Read a file of approvers: a mapping with a list `approvers`. Raises `KeyFileError`."""
    try:
        value = parse_document(path.read_text()).value
    except OSError as error:
        raise KeyFileError(f"`{path}` cannot be read: {error.strerror}") from None
    except (DocumentError, UnicodeDecodeError) as error:
        raise KeyFileError(f"`{path}`: {error}") from None
    listed = value.get("approvers") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(listed, list):
        raise KeyFileError(f"`{path}` must be a mapping with the one member `approvers`, a list")
    return Approvers(
        tuple(_approver(entry, f"{path}: approvers[{index}]") for index, entry in enumerate(listed))
    )


def _approver(entry: Json, place: str) -> Approver:
    if not isinstance(entry, dict) or not entry.keys() <= _MEMBERS:
        raise KeyFileError(f"`{place}` must be an object of {', '.join(sorted(_MEMBERS))}")
    name, key, expires = entry.get("name"), entry.get("public_key"), entry.get("expires")
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_TEXT:
        raise KeyFileError(f"`{place}.name` must be a name of at most {MAX_TEXT} characters")
    if not isinstance(key, str):
        raise KeyFileError(f"`{place}.public_key` must be a verifier key or a PEM public key")
    if expires is not None and not isinstance(expires, str):
        raise KeyFileError(f"`{place}.expires` must be a date or time in ISO 8601")
    return Approver(
        name=name,
        public=_public(key, f"{place}.public_key"),
        resolvers=_globs(entry, "resolvers", place),
        agents=_globs(entry, "agents", place),
        manifests=_globs(entry, "manifests", place),
        until=None if expires is None else end_of(expires),
    )


def _globs(entry: dict[str, Json], name: str, place: str) -> Globs | None:
    """Read a list of globs. An empty one would restrict to nothing and is taken for a mistake."""
    if name not in entry:
        return None
    globs = entry[name]
    if isinstance(globs, list) and globs and all(isinstance(glob, str) and glob for glob in globs):
        return Globs(str(glob) for glob in globs)
    raise KeyFileError(f"`{place}.{name}` must be a list of globs such as `payments-*`, not empty")


def _public(text: str, place: str) -> bytes:
    if "-----BEGIN" in text:
        return public_key(text.encode(), place)
    try:
        return VerifierKey.parse(text).public
    except (NoteError, ValueError) as error:
        raise KeyFileError(f"`{place}`: {error}") from None
