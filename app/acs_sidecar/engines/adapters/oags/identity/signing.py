"""Ed25519 over the characters of an identity, with keys and signatures in hex (section 9.1)."""

import re

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.spec.document.public_keys import has_signed, is_weak

__all__ = ["SecretKeyError", "is_public_key", "sign", "verify"]

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*")
_KEY_BYTES = 32
_PAIR_BYTES = 64
_SIGNATURE_BYTES = 64


class SecretKeyError(ValueError):
    """A text that is no secret key; the message says what one is."""


def sign(message: str, secret_key: str) -> str:
    """Return the signature of a text. Raises `SecretKeyError`."""
    secret = _bytes(secret_key, _KEY_BYTES) or _bytes(secret_key, _PAIR_BYTES)
    if secret is None:
        raise SecretKeyError("a secret key is 32 bytes (the seed) or 64 (seed and public key) in hex")
    key = Ed25519PrivateKey.from_private_bytes(secret[:_KEY_BYTES])
    if secret[_KEY_BYTES:] not in (b"", key.public_key().public_bytes_raw()):
        raise SecretKeyError("the public half of the secret key is not that of its seed")
    return key.sign(message.encode()).hex()


def verify(message: str, signature: str, public_key: str) -> bool:
    """True if a signature of a text is by the holder of a key; no weak key verifies."""
    signed, public = _bytes(signature, _SIGNATURE_BYTES), _bytes(public_key, _KEY_BYTES)
    return signed is not None and public is not None and has_signed(public, signed, message.encode())


def is_public_key(text: str) -> bool:
    """True if a text is 32 bytes in hex, and not a key that anybody can sign for."""
    public = _bytes(text, _KEY_BYTES)
    return public is not None and not is_weak(public)


def _bytes(text: str, length: int) -> bytes | None:
    """Decode hex of so many bytes, without the spaces that a decoder would skip."""
    return bytes.fromhex(text) if len(text) == 2 * length and _HEX.fullmatch(text) else None
