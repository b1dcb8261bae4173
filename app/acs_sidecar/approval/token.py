"""Signed tokens: a canonical JSON body with an Ed25519 signature, one context for each kind.

`<prefix>.<base64url of the body>.<base64url of the signature>`. The signature is over the context and
the body, so that a signature of one kind can never serve as another. A body has one text: it is
canonical JSON, in unpadded base64url that decodes strictly.
"""

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.spec.canonical import canonical, digest_bytes
from acs_sidecar.spec.document.public_keys import has_signed
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "APPROVAL",
    "CHALLENGE",
    "MAX_TOKEN",
    "REQUEST_CONTEXT",
    "Sealed",
    "TokenError",
    "TokenKind",
    "key_id",
    "request_signature",
    "seal",
    "unseal",
]

MAX_TOKEN = 32 * 1024


class TokenError(ValueError):
    """A text that is not a token of its kind, or one that no trusted key signed; the message says which."""


@dataclass(frozen=True, slots=True)
class TokenKind:
    """What a token is: its prefix, its name in messages, and what its signature begins with."""

    name: str
    prefix: str
    context: bytes


CHALLENGE = TokenKind("challenge", "acs-challenge-v1", b"acs-sidecar/approval-challenge/v1\n")
APPROVAL = TokenKind("approval", "acs-approval-v1", b"acs-sidecar/approval/v1\n")
REQUEST_CONTEXT = b"acs-sidecar/approval-request/v1\n"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A parsed token, not yet verified. `digest` identifies the body."""

    kind: TokenKind
    body: dict[str, Json]
    content: bytes
    signature: bytes

    @property
    def digest(self) -> str:
        """The SHA-256 of the body's bytes."""
        return digest_bytes(self.content)

    def signed_by(self, public: bytes) -> bool:
        """True if the key (32 bytes) signed this body as a token of this kind."""
        return has_signed(public, self.signature, self.kind.context + self.content)


def key_id(public: bytes) -> str:
    """Return the short ID of a key in tokens and records: 16 hex digits of its SHA-256. A hint, no proof."""
    return sha256(public).hexdigest()[:16]


def seal(kind: TokenKind, body: JsonObject, private: Ed25519PrivateKey) -> str:
    """Sign a body and return the token."""
    content = canonical(body)
    return f"{kind.prefix}.{_encoded(content)}.{_encoded(private.sign(kind.context + content))}"


def request_signature(content: bytes, private: Ed25519PrivateKey) -> str:
    """Sign a request to a resolver: `<key id>.<base64url>`, over a context of its own and the body."""
    public = private.public_key().public_bytes_raw()
    return f"{key_id(public)}.{_encoded(private.sign(REQUEST_CONTEXT + content))}"


def unseal(kind: TokenKind, text: str) -> Sealed:
    """Parse a token. Raises `TokenError` unless `text` is the canonical form of a token of this kind."""
    prefix, _, rest = text.partition(".")
    encoded, _, signature = rest.partition(".")
    if len(text) > MAX_TOKEN or prefix != kind.prefix:
        raise TokenError(f"the {kind.name} does not begin with `{kind.prefix}.`, or is too long")
    content, signed = _decoded(encoded), _decoded(signature)
    if content is None or signed is None:
        raise TokenError(f"the {kind.name} is not two parts of base64url")
    try:
        body: Json = orjson.loads(content)
        exact = canonical(body) == content
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # the latter for what is nested too deep
        exact = False
    if not exact or not isinstance(body, dict):
        raise TokenError(f"the {kind.name} does not hold canonical JSON")
    return Sealed(kind, body, content, signed)


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes | None:
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return content if _encoded(content) == text else None
