"""What is hashed, what is signed, and the check of a signature (sections 10.1, 10.3, 10.4)."""

from collections.abc import Iterator

from blake3 import blake3

from acs_sidecar.engines.adapters.workspace_policy.document.members import SCHEME
from acs_sidecar.engines.adapters.workspace_policy.document.model import WorkspacePolicy
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.document.public_keys import has_signed
from acs_sidecar.spec.values import JsonObject

__all__ = ["content_hash", "is_signed_by", "statement"]

STATED = (
    "policy_id",
    "workspace_id",
    "version",
    "status",
    "hash",
    "signing_key_id",
    "activated_at",
    "updated_at",
    "supersedes",
)
"""The members that are signed as they stand; `hash` stands for the content."""


def content_hash(content: JsonObject) -> str:
    """Return the BLAKE3 hash of the canonical form of a content, in hex."""
    return blake3(canonical(content)).hexdigest()


def statement(value: JsonObject) -> bytes:
    """Return the bytes that are signed of a document."""
    stated = {name: value[name] for name in STATED if name in value}
    return SCHEME.encode() + b"\n" + canonical(stated)


def is_signed_by(policy: WorkspacePolicy, public: bytes) -> bool:
    """True if a public key, 32 bytes, verifies the signature of a document."""
    signature = bytes.fromhex(policy.signature or "")
    messages = _legacy_messages(policy) if policy.is_legacy else iter((statement(policy.value),))
    return any(has_signed(public, signature, message) for message in messages)


def _legacy_messages(policy: WorkspacePolicy) -> Iterator[bytes]:
    """Yield what the original may have signed: it does not publish which of these it is."""
    yield policy.hash.encode()
    yield bytes.fromhex(policy.hash)
    yield canonical(policy.content_value)
