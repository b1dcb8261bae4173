"""The key that signs checkpoints, and the keys that a verifier trusts (section 4.4)."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from acs_sidecar.audit.format.note import NoteError, VerifierKey
from acs_sidecar.audit.format.record import record_time
from acs_sidecar.audit.format.trust import Trust, TrustedKey
from acs_sidecar.audit.log.directory import find_logs, remove_if_there, sync_directory, write_all
from acs_sidecar.bounded_files import read_bounded
from acs_sidecar.spec.document.public_keys import is_one_pem_key, is_weak
from acs_sidecar.startup import StartError

__all__ = [
    "AuditKey",
    "EncryptedKeyError",
    "KeyFileError",
    "ensure_key",
    "generate_key",
    "load_key",
    "load_trusted_key",
]

_ENCRYPTED_BLOCK = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_MAX_BYTES = 1_048_576
_PUBLIC_BLOCK = b"-----BEGIN PUBLIC KEY-----"


class KeyFileError(StartError):
    """A key that cannot be used; one line for the operator, naming the file."""


class EncryptedKeyError(KeyFileError):
    """A key that is encrypted, and no passphrase or another one was given."""


@dataclass(frozen=True, slots=True)
class AuditKey:
    """The key that signs checkpoints, and nothing else, with earlier ones that are still trusted."""

    private: Ed25519PrivateKey
    retired: tuple[bytes, ...] = ()

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    @property
    def trust(self) -> Trust:
        """What the service itself trusts when it examines logs: this key and the retired ones."""
        return Trust(tuple(TrustedKey(public) for public in (self.public, *self.retired)))

    def verifier_key(self, name: str) -> VerifierKey:
        """Return the public key under a name: that of a log, or that of the service for all its logs."""
        return VerifierKey(name, self.public)

    def succeed(self, before: "AuditKey") -> "AuditKey":
        """Return this key as the successor of another, which stays trusted for the logs that it signed."""
        known = dict.fromkeys((*self.retired, before.public, *before.retired))
        known.pop(self.public, None)
        return AuditKey(self.private, tuple(known))


def ensure_key(path: Path, audit_directory: Path) -> tuple[AuditKey, bool]:
    """Load the key, or generate it; tell whether it was generated.

    To be called before workers are forked. Raises `KeyFileError`, also when there are logs already: a
    new key would not verify them, so the old one must be brought back or a new one made on purpose.
    """
    if path.resolve().is_relative_to(audit_directory.resolve()):
        raise KeyFileError(f"the audit key `{path}` is in the audit directory: move it elsewhere")
    if path.exists():
        return load_key(path), False
    if find_logs(audit_directory):
        raise KeyFileError(
            f"the audit key `{path}` is missing but `{audit_directory}` has logs that it signed: "
            "restore it, or create a new one with `acs-sidecar audit key --generate`"
        )
    return generate_key(path), True


def load_key(path: Path, passphrase: bytes | None = None) -> AuditKey:
    """Load a PKCS#8 PEM file; PUBLIC KEY blocks behind the key are earlier keys.

    `passphrase` opens an encrypted one. Raises `KeyFileError`, `EncryptedKeyError`.
    """
    content = _read(path)
    encrypted = _ENCRYPTED_BLOCK in content
    if encrypted and passphrase is None:
        raise EncryptedKeyError(f"`{path}` is not an unencrypted PKCS#8 PEM private key")
    try:
        private = load_pem_private_key(content, password=passphrase if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if encrypted:
            raise EncryptedKeyError(f"`{path}` does not open with this passphrase") from None
        raise KeyFileError(f"`{path}` is not an unencrypted PKCS#8 PEM private key") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyFileError(f"`{path}` is not an Ed25519 key")
    blocks = content.split(_PUBLIC_BLOCK)[1:]
    return AuditKey(private, tuple(_public(_PUBLIC_BLOCK + block, path) for block in blocks))


def generate_key(path: Path, use: str = "audit", passphrase: bytes | None = None) -> AuditKey:
    """Make a key and write it, mode 0600, unless another process was first: then give that one's.

    `use` says in messages what the key is for; with a `passphrase` it is encrypted. Raises `KeyFileError`.
    """
    private = Ed25519PrivateKey.generate()
    protection = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    content = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(handle, content)
            os.fsync(handle)
        finally:
            os.close(handle)
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return load_key(path, passphrase)
        finally:
            remove_if_there(temporary)
        sync_directory(path.parent)
    except OSError as error:
        raise KeyFileError(f"the {use} key `{path}` cannot be written: {error.strerror}") from error
    return AuditKey(private)


def load_trusted_key(text: str) -> TrustedKey:
    """Read a trusted key: a verifier key, or a file with one or with PEM; `@DATE` behind it is its end.

    Raises `KeyFileError`.
    """
    key, at, end = text.rpartition("@")
    if not at:
        key, end = text, ""
    until = _end(end) if end else None
    if "+" in key and not Path(key).exists():
        try:
            verifier = VerifierKey.parse(key)
        except NoteError as error:
            raise KeyFileError(f"`{key}`: {error}") from None
        return TrustedKey(verifier.public, verifier.name, until)
    path = Path(key)
    content = _read(path)
    if b"PRIVATE KEY" in content:
        return TrustedKey(load_key(path).public, None, until)
    try:
        verifier = VerifierKey.parse(content.decode("ascii", "replace").strip())
    except NoteError:
        return TrustedKey(_public(content, path), None, until)
    return TrustedKey(verifier.public, verifier.name, until)


def _public(content: bytes, path: Path) -> bytes:
    try:
        public = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError(f"`{path}` is neither a verifier key nor a PEM public key") from None
    if not isinstance(public, Ed25519PublicKey):
        raise KeyFileError(f"`{path}` is not an Ed25519 key")
    if not is_one_pem_key(content):
        raise KeyFileError(f"`{path}` holds more than one PEM public key: remove the rest")
    raw = public.public_bytes_raw()
    if is_weak(raw):
        raise KeyFileError(f"`{path}` is a key that anybody can sign for, or not in its canonical form")
    return raw


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, _MAX_BYTES)
    except OSError as error:
        raise KeyFileError(f"`{path}` cannot be read: {error.strerror}") from error


def _end(text: str) -> str:
    """Return a date or time in the form of a record's `time`; a time without a zone is UTC."""
    try:
        return record_time(text)
    except ValueError:
        raise KeyFileError(f"`{text}` is not a date or time in ISO 8601") from None
