"""Ed25519 public keys as texts, and the names that follow from them (section 2.5)."""

import base64
import binascii
import re
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

__all__ = [
    "WeakKeyError",
    "has_signed",
    "is_one_pem_key",
    "is_weak",
    "key_name",
    "read_public_key",
    "strict_base64",
    "verifying_key",
]

_PUBLIC_BYTES = 32
_WEAK = frozenset(
    bytes.fromhex(text)
    for text in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)
"""Encodings of the points of small order, without the sign: anybody can sign for such a key."""

_FIELD = 2**255 - 19
_PEM = re.compile(rb"\s*-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*")


class WeakKeyError(ValueError):
    """A key that anybody can sign for, or that is written in another than its one way."""


def verifying_key(public: bytes) -> Ed25519PublicKey:
    """Return the key that verifies signatures. Raises `WeakKeyError`."""
    if is_weak(public):
        raise WeakKeyError("the key is of small order, so that anybody can sign for it, or not canonical")
    return Ed25519PublicKey.from_public_bytes(public)


def has_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """True if a signature of a message is by the holder of a public key, 32 bytes, which is not weak."""
    try:
        verifying_key(public).verify(signature, message)
    except (InvalidSignature, WeakKeyError):
        return False
    return True


def read_public_key(text: str) -> bytes | None:
    """Read a public key, in PEM or as its 32 bytes in base64; `None` for another text or a weak key."""
    public = _from_pem(text) if text.lstrip().startswith("-----BEGIN") else strict_base64(text, _PUBLIC_BYTES)
    return None if public is None or is_weak(public) else public


def is_weak(public: bytes) -> bool:
    """True if a public key, 32 bytes, is a point of small order, or not encoded canonically."""
    unsigned = public[:-1] + bytes([public[-1] & 0x7F])
    return unsigned in _WEAK or int.from_bytes(unsigned, "little") >= _FIELD


def strict_base64(text: str, length: int) -> bytes | None:
    """Decode base64 of so many bytes: one text for one value."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded).decode() == text and len(decoded) == length else None


def key_name(public: bytes) -> str:
    """Return the default ID of a key."""
    return "ed25519:" + sha256(public).hexdigest()[:16]


def is_one_pem_key(content: bytes) -> bool:
    """True if a content is one PEM block of a public key, without a second block or any other text."""
    return _PEM.fullmatch(content) is not None


def _from_pem(text: str) -> bytes | None:
    try:
        content = text.encode()
        public = load_pem_public_key(content) if is_one_pem_key(content) else None
    except (ValueError, UnsupportedAlgorithm):
        return None
    return public.public_bytes_raw() if isinstance(public, Ed25519PublicKey) else None
