"""Signatures of manifests that come with a request, and the keys that may make them (contract 2.5, 3.4)."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from app.access.entries import Entry, entries_of, read_text

__all__ = [
    "ManifestTrust",
    "Signer",
    "UntrustedError",
    "key_name",
    "parse_trust",
    "read_trust",
    "sign_digest",
]

CONTEXT = b"acs-sidecar/manifest/v1\n"
TABLE = "keys"
_MEMBERS = frozenset({"public_key", "expires"})
_PUBLIC_BYTES = 32
_SIGNATURE_BYTES = 64


class UntrustedError(Exception):
    """A signature that proves nothing; the message says why, without quoting it."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A trusted key, 32 bytes; `expires` is a Unix time in seconds."""

    public: bytes
    expires: float | None = None

    def verify(self, digest: str, signature: str) -> None:
        """Check the signature of the manifest with this digest. Raises `UntrustedError`."""
        decoded = _decoded(signature, _SIGNATURE_BYTES)
        if decoded is None:
            raise UntrustedError("`manifest_signature.signature` is not 64 bytes in base64")
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(decoded, CONTEXT + digest.encode())
        except InvalidSignature:
            raise UntrustedError("`manifest_signature` is not that of this manifest by that key") from None


@dataclass(frozen=True, slots=True)
class ManifestTrust:
    """The keys that may sign manifests, by their ids."""

    signers: Mapping[str, Signer]

    def signer(self, key_id: str, now: float) -> Signer:
        """Find a key that is trusted at a Unix time. Raises `UntrustedError`."""
        signer = self.signers.get(key_id)
        if signer is None:
            raise UntrustedError("`manifest_signature.key_id` names no trusted key")
        if signer.expires is not None and now >= signer.expires:
            raise UntrustedError("`manifest_signature.key_id` names a key that has expired")
        return signer


def sign_digest(private: Ed25519PrivateKey, digest: str) -> str:
    """Sign the manifest with this digest; give the signature in base64."""
    return base64.b64encode(private.sign(CONTEXT + digest.encode())).decode()


def key_name(public: bytes) -> str:
    """Give the id that a key has when nobody chose one."""
    return "ed25519:" + sha256(public).hexdigest()[:16]


def read_trust(path: Path) -> ManifestTrust:
    """Read a trust file. Raises `AccessFileError`."""
    return parse_trust(read_text(path), path.name)


def parse_trust(text: str, file: str) -> ManifestTrust:
    """Read the text of a trust file, called `file` in messages. Raises `AccessFileError`."""
    signers = {
        entry.name: Signer(_public(entry), entry.moment("expires"))
        for entry in entries_of(text, file, TABLE, _MEMBERS)
    }
    return ManifestTrust(signers)


def _public(entry: Entry) -> bytes:
    text = entry.text("public_key")
    if text is None:
        if "public_key" not in entry.members:
            entry.fault(None, "has no `public_key`")
        return b""
    public = _from_pem(text) if text.lstrip().startswith("-----BEGIN") else _decoded(text, _PUBLIC_BYTES)
    if public is None:
        entry.fault("public_key", "must be an Ed25519 public key, in PEM or its 32 bytes in base64")
    return public or b""


def _from_pem(text: str) -> bytes | None:
    try:
        public = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return public.public_bytes_raw() if isinstance(public, Ed25519PublicKey) else None


def _decoded(text: str, length: int) -> bytes | None:
    """Decode strict base64 of so many bytes: one text for one value."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    canonical = base64.b64encode(decoded).decode() == text
    return decoded if canonical and len(decoded) == length else None
