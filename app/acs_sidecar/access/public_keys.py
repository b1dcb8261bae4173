"""Public keys as they stand in files of trust."""

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from acs_sidecar.access.entries import Entry

__all__ = ["public_key", "strict_base64"]

_PUBLIC_BYTES = 32


def public_key(entry: Entry) -> bytes:
    """Read `public_key`: Ed25519, in PEM or as its 32 bytes in base64. Empty where it is at fault."""
    text = entry.text("public_key")
    if text is None:
        if "public_key" not in entry.members:
            entry.fault(None, "has no `public_key`")
        return b""
    public = _from_pem(text) if text.lstrip().startswith("-----BEGIN") else strict_base64(text, _PUBLIC_BYTES)
    if public is None:
        entry.fault("public_key", "must be an Ed25519 public key, in PEM or its 32 bytes in base64")
    return public or b""


def _from_pem(text: str) -> bytes | None:
    try:
        public = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return public.public_bytes_raw() if isinstance(public, Ed25519PublicKey) else None


def strict_base64(text: str, length: int) -> bytes | None:
    """Decode base64 of so many bytes: one text for one value."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded).decode() == text and len(decoded) == length else None
