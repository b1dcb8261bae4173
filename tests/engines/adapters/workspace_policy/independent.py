"""Documents signed and verified with two libraries alone, without the service (section 10.3)."""

import json
from typing import Any

from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["canonical", "signed", "verify"]

STATED = [
    "policy_id",
    "workspace_id",
    "version",
    "status",
    "hash",
    "signing_key_id",
    "activated_at",
    "updated_at",
    "supersedes",
]
SCHEME = "acs-sidecar/workspace-policy/v1"


def canonical(value: Any) -> bytes:
    """The canonical JSON of a value without numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def statement(document: dict[str, Any]) -> bytes:
    """The bytes that are signed."""
    return SCHEME.encode() + b"\n" + canonical({name: document[name] for name in STATED if name in document})


def verify(document: dict[str, Any], public: bytes) -> None:
    """Raise unless the document has the hash of its content and the signature of the key."""
    assert document["signature_scheme"] == SCHEME
    assert document["hash"] == blake3(canonical(document["content"])).hexdigest()
    Ed25519PublicKey.from_public_bytes(public).verify(
        bytes.fromhex(document["signature"]), statement(document)
    )


def signed(document: dict[str, Any], key: Ed25519PrivateKey, key_id: str) -> dict[str, Any]:
    """The document with its hash, and with a signature by the key."""
    stated = document | {
        "hash": blake3(canonical(document["content"])).hexdigest(),
        "signing_key_id": key_id,
        "signature_scheme": SCHEME,
    }
    return stated | {"signature": key.sign(statement(stated)).hex()}
