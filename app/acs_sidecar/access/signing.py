"""Signatures of manifests that come with a request, and the keys that may make them (sections 2.5, 3.4)."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.access.entries import entries_of, read_text
from acs_sidecar.access.public_keys import public_key
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.document.public_keys import has_signed, strict_base64
from acs_sidecar.spec.values import Json

__all__ = [
    "ManifestTrust",
    "SignatureClaim",
    "SignedStatement",
    "Signer",
    "UntrustedSignatureError",
    "parse_claim",
    "parse_trust",
    "read_trust",
    "sign_digest",
    "sign_statement",
]

CONTEXT = b"acs-sidecar/manifest/v1\n"
STATEMENT_CONTEXT = b"acs-sidecar/manifest/v2\n"
TABLE = "keys"
_MEMBERS = frozenset({"public_key", "expires"})
_STATEMENT = frozenset({"digest", "name", "not_before", "expires"})
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII
)
_SIGNATURE_BYTES = 64


class UntrustedSignatureError(Exception):
    """A signature that proves nothing; the message says why, without quoting it."""


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """What a signature says of a manifest, and its canonical form; times are Unix times in seconds."""

    content: bytes
    digest: str
    name: str | None
    not_before: float | None
    expires: float | None


@dataclass(frozen=True, slots=True)
class SignatureClaim:
    """A `manifest_signature`; without a statement it says the digest alone, for any time."""

    key_id: str
    signature: str
    statement: SignedStatement | None = None

    @property
    def signed_identity(self) -> bytes:
        """SHA-256 over the signature and its statement."""
        content = self.statement.content if self.statement else b""
        return sha256(self.signature.encode(errors="surrogatepass") + b"\n" + content).digest()

    def check_times(self, now: float, max_age: float | None) -> None:
        """Raise `UntrustedSignatureError` unless in force, and at most `max_age` seconds old."""
        statement = self.statement
        not_before = statement.not_before if statement else None
        if max_age is not None and not_before is None:
            raise UntrustedSignatureError(
                "`manifest_signature.statement.not_before` is missing: "
                "ACS_SIGNED_MANIFESTS_MAX_AGE requires it"
            )
        if not_before is not None and now < not_before:
            raise UntrustedSignatureError("`manifest_signature.statement.not_before` is in the future")
        if statement and statement.expires is not None and now >= statement.expires:
            raise UntrustedSignatureError(
                "`manifest_signature.statement` has expired: sign the manifest again"
            )
        if max_age is not None and not_before is not None and now - not_before > max_age:
            raise UntrustedSignatureError(
                "`manifest_signature` is older than ACS_SIGNED_MANIFESTS_MAX_AGE: sign the manifest again"
            )


@dataclass(frozen=True, slots=True)
class Signer:
    """A trusted key, 32 bytes; `expires` is a Unix time in seconds."""

    public: bytes
    expires: float | None = None

    def verify(self, digest: str, signature: str) -> None:
        """Check the signature of the manifest with this digest. Raises `UntrustedSignatureError`."""
        self._verify(CONTEXT + digest.encode(), signature)

    def verify_claim(self, claim: SignatureClaim, digest: str, name: str | None) -> None:
        """Check a claim about the manifest with this digest and name. Raises `UntrustedSignatureError`.

        Times are those of `SignatureClaim.check_times`.
        """
        if (statement := claim.statement) is None:
            self.verify(digest, claim.signature)
            return
        self._verify(STATEMENT_CONTEXT + statement.content, claim.signature)
        if statement.digest != digest:
            raise UntrustedSignatureError(
                "`manifest_signature.statement.digest` is not that of this manifest"
            )
        if statement.name is not None and statement.name != name:
            raise UntrustedSignatureError(
                "`manifest_signature.statement.name` is not the `metadata.name` of this manifest"
            )

    def _verify(self, message: bytes, signature: str) -> None:
        decoded = strict_base64(signature, _SIGNATURE_BYTES)
        if decoded is None:
            raise UntrustedSignatureError("`manifest_signature.signature` is not 64 bytes in base64")
        if not has_signed(self.public, decoded, message):
            raise UntrustedSignatureError("`manifest_signature` does not verify for this manifest and key")


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


def sign_statement(private: Ed25519PrivateKey, statement: Mapping[str, Json]) -> str:
    """Sign a statement about a manifest; return the signature in base64. Raises `UntrustedSignatureError`."""
    return base64.b64encode(private.sign(STATEMENT_CONTEXT + _statement(statement).content)).decode()


def parse_claim(value: Mapping[str, Json]) -> SignatureClaim:
    """Read a `manifest_signature`. Raises `UntrustedSignatureError`."""
    key_id, signature, statement = value.get("key_id"), value.get("signature"), value.get("statement")
    if (
        not isinstance(key_id, str)
        or not isinstance(signature, str)
        or not value.keys() <= {"key_id", "signature", "statement"}
    ):
        raise UntrustedSignatureError(
            "`manifest_signature` must have the strings `key_id` and `signature`, "
            "and nothing else but `statement`"
        )
    return SignatureClaim(key_id, signature, None if statement is None else _statement(statement))


def _statement(value: Json | Mapping[str, Json]) -> SignedStatement:
    if (
        not isinstance(value, Mapping)
        or not {"digest"} <= value.keys() <= _STATEMENT
        or not all(isinstance(text, str) and text for text in value.values())
    ):
        raise UntrustedSignatureError(
            "`manifest_signature.statement` must be an object with the string `digest`, "
            "and `name`, `not_before` and `expires` as strings where it has them"
        )
    texts = {name: str(text) for name, text in value.items()}
    moments = {name: _moment(name, texts[name]) for name in ("not_before", "expires") if name in texts}
    return SignedStatement(
        canonical(value),
        texts["digest"],
        texts.get("name"),
        moments.get("not_before"),
        moments.get("expires"),
    )


def _moment(name: str, text: str) -> float:
    try:
        if _RFC_3339.fullmatch(text):
            return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        pass
    raise UntrustedSignatureError(
        f"`manifest_signature.statement.{name}` must be an RFC 3339 time, such as 2027-01-31T00:00:00Z"
    )


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
