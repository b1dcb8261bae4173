"""Digests, and tokens read and verified with a key: `crypto.*` and `io.jwt.*` that need no clock."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from acs_sidecar.spec.values import Json

__all__ = ["decoded_token", "digest", "equal", "keyed_digest", "verifier"]

_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_PARTS = 3
_PEM = re.compile(
    r"\A(?:(?!-----BEGIN).)*-----BEGIN (PUBLIC KEY|CERTIFICATE)-----[^-]*-----END \1-----\r?\n?\Z", re.DOTALL
)
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*={0,2}")
_TEXTS = frozenset({"alg", "crit", "cty", "kid", "typ"})
"""The members of a token's header that are texts; `crit`, which is none, is not supported."""


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
    header, claims = _header(head), orjson.loads(_unpadded(body))
    if not isinstance(claims, dict) or header.get("cty") == "JWT":
        raise ValueError("not a plain signed token")
    return [header, claims, _unpadded(signature).hex()]


def verifier(algorithm: str) -> Callable[[str, str], bool]:
    """Return the function that verifies the signature of a token with a secret or a PEM text."""
    family, bits = algorithm[:2], algorithm[2:]

    def verified(token: str, key: str) -> bool:
        head, body, signature = _parts(token)
        signed, given = f"{head}.{body}".encode(), _unpadded(signature)
        if family == "hs":
            return hmac.compare_digest(hmac.digest(key.encode(), signed, f"sha{bits}"), given)
        if not all(isinstance(value, str) for name, value in _header(head).items() if name in _TEXTS):
            raise TypeError("a header of another kind")
        try:
            _verify(family, bits, key, given, signed)
        except InvalidSignature:
            return False
        return True

    return verified


def _verify(family: str, bits: str, key: str, signature: bytes, signed: bytes) -> None:
    public, hashed = _public_key(key), _HASHES.get(bits, hashes.SHA512())
    if family == "es" and isinstance(public, ec.EllipticCurvePublicKey):
        half = (public.key_size + 7) // 8
        if len(signature) != 2 * half:
            raise InvalidSignature
        r, s = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
        public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashed))
    elif family == "ed" and isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(signature, signed)
    elif family in ("rs", "ps") and isinstance(public, rsa.RSAPublicKey):
        pss = padding.PSS(mgf=padding.MGF1(hashed), salt_length=padding.PSS.AUTO)
        public.verify(signature, signed, padding.PKCS1v15() if family == "rs" else pss, hashed)
    else:
        raise InvalidSignature


def _public_key(text: str) -> object:
    """Read a PEM text with one public key or certificate, and nothing behind it."""
    label = _PEM.search(text)
    if label is None:
        raise ValueError("neither a public key nor a certificate")
    if label[1] == "CERTIFICATE":
        return load_pem_x509_certificate(text.encode()).public_key()
    return load_pem_public_key(text.encode())


def _parts(token: str) -> list[str]:
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise ValueError("not a signed token")
    return parts


def _header(text: str) -> dict[str, Json]:
    header = orjson.loads(_unpadded(text))
    if not isinstance(header, dict) or "enc" in header:
        raise ValueError("not the header of a signed token")
    return header


def _unpadded(text: str) -> bytes:
    """Decode base64url, with its padding or without."""
    if _BASE64URL.fullmatch(text) is None:
        raise ValueError("not base64url")
    padded = text if "=" in text else text + "=" * (-len(text) % 4)
    if len(padded) % 4:
        raise ValueError("not base64url")
    try:
        return base64.urlsafe_b64decode(padded)
    except binascii.Error:
        raise ValueError("not base64url") from None
