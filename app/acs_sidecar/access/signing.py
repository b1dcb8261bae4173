"""Signatures of manifests that come with a request, and the keys that may make them (sections 2.5, 3.4)."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from acs_sidecar.access.entries import entries_of, read_text
from acs_sidecar.access.public_keys import public_key, strict_base64

__all__ = [
    "ManifestTrust",
    "Signer",
    "UntrustedSignatureError",
    "key_name",
    "parse_trust",
    "read_trust",
    "sign_digest",
]

CONTEXT = b"acs-sidecar/manifest/v1\n"
TABLE = "keys"
_MEMBERS = frozenset({"public_key", "expires"})
_SIGNATURE_BYTES = 64


class UntrustedSignatureError(Exception):
    """A signature that proves nothing; the message says why, without quoting it."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A trusted key, 32 bytes; `expires` is a Unix time in seconds."""

    public: bytes
    expires: float | None = None

    def verify(self, digest: str, signature: str) -> None:
        """Check the signature of the manifest with this digest. Raises `UntrustedSignatureError`."""
        decoded = strict_base64(signature, _SIGNATURE_BYTES)
        if decoded is None:
            raise UntrustedSignatureError("`manifest_signature.signature` is not 64 bytes in base64")
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(decoded, CONTEXT + digest.encode())
        except InvalidSignature:
            raise UntrustedSignatureError(
                "`manifest_signature` does not verify for this manifest and key"
            ) from None


@dataclass(frozen=True, slots=True)
class ManifestTrust:
    """The keys that may sign manifests, by their ids."""

    signers: Mapping[str, Signer]

    def signer(self, key_id: str, now: float) -> Signer:
        """Find a key that is trusted at a Unix time. Raises `UntrustedSignatureError`."""
        signer = self.signers.get(key_id)
        if signer is None:
            raise UntrustedSignatureError("`manifest_signature.key_id` names no trusted key")
        if signer.expires is not None and now >= signer.expires:
            raise UntrustedSignatureError("`manifest_signature.key_id` names a key that has expired")
        return signer


def sign_digest(private: Ed25519PrivateKey, digest: str) -> str:
    """Sign the manifest with this digest; return the signature in base64."""
    return base64.b64encode(private.sign(CONTEXT + digest.encode())).decode()


def key_name(public: bytes) -> str:
    """Return the default ID of a key."""
    return "ed25519:" + sha256(public).hexdigest()[:16]


def read_trust(path: Path) -> ManifestTrust:
    """Read a trust file. Raises `AccessFileError`."""
    return parse_trust(read_text(path), path.name)


def parse_trust(text: str, file: str) -> ManifestTrust:
    """Read the text of a trust file, called `file` in messages. Raises `AccessFileError`."""
    signers = {
        entry.name: Signer(public_key(entry), entry.moment("expires"))
        for entry in entries_of(text, file, TABLE, _MEMBERS)
    }
    return ManifestTrust(signers)
