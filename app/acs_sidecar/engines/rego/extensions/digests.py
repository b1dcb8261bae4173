"""Digests, and tokens read and verified with a key: `crypto.*` and `io.jwt.*` that need no clock."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from acs_sidecar.spec.values import Json

__all__ = ["decoded_token", "digest", "equal", "keyed_digest", "verifier"]

_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_PARTS = 3


def digest(algorithm: str) -> Callable[[str], str]:
    """Return the function that gives the digest of a text in hexadecimal."""

    def of(text: str) -> str:
        return hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest()

    return of


def keyed_digest(algorithm: str) -> Callable[[str, str], str]:
    """Return the function that gives the HMAC of a text under a key in hexadecimal."""

    def of(text: str, key: str) -> str:
        return hmac.new(key.encode(), text.encode(), algorithm).hexdigest()

    return of


def equal(one: str, other: str) -> bool:
    """Compare two texts in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def decoded_token(token: str) -> list[Json]:
    """Return header, claims and the signature in hexadecimal of a token; nothing is verified."""
    head, body, signature = _parts(token)
    header, claims = orjson.loads(_unpadded(head)), orjson.loads(_unpadded(body))
    if not isinstance(header, dict) or not isinstance(claims, dict) or "enc" in header or "cty" in header:
        raise ValueError("not a plain signed token")
    return [header, claims, _unpadded(signature).hex()]


def verifier(algorithm: str) -> Callable[[str, str], bool]:
    """Return the function that verifies the signature of a token with a secret or a PEM text."""
    family, bits = algorithm[:2], algorithm[2:]

    def verified(token: str, key: str) -> bool:
        head, body, signature = _parts(token)
        orjson.loads(_unpadded(head))
        signed, given = f"{head}.{body}".encode(), _unpadded(signature)
        if family == "hs":
            return hmac.compare_digest(hmac.digest(key.encode(), signed, f"sha{bits}"), given)
        try:
            _verify(family, bits, key, given, signed)
        except InvalidSignature:
            return False
        return True

    return verified


def _verify(family: str, bits: str, key: str, signature: bytes, signed: bytes) -> None:
    public, hashed = _public_key(key), _HASHES[bits]
    if family == "es" and isinstance(public, ec.EllipticCurvePublicKey):
        half = (public.key_size + 7) // 8
        if len(signature) != 2 * half:
            raise InvalidSignature
        r, s = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
        public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashed))
    elif family in ("rs", "ps") and isinstance(public, rsa.RSAPublicKey):
        scheme = (
            padding.PKCS1v15()
            if family == "rs"
            else padding.PSS(mgf=padding.MGF1(hashed), salt_length=padding.PSS.AUTO)
        )
        public.verify(signature, signed, scheme, hashed)
    else:
        raise ValueError("a key of another kind")


def _public_key(text: str) -> object:
    if "BEGIN CERTIFICATE" in text:
        return load_pem_x509_certificate(text.encode()).public_key()
    return load_pem_public_key(text.encode())


def _parts(token: str) -> list[str]:
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise ValueError("not a signed token")
    return parts


def _unpadded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("not base64url") from None
