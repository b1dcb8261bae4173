"""DSSE envelopes: a payload with its type, signed by an Ed25519 key (section 8.2)."""

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.approval.token import key_id
from acs_sidecar.spec.values import Json

__all__ = ["dsse_envelope", "pre_authentication"]


def dsse_envelope(payload: bytes, payload_type: str, private: Ed25519PrivateKey) -> dict[str, Json]:
    """Return a signed envelope around a payload. Ed25519 has no randomness: same inputs, same envelope."""
    signature = private.sign(pre_authentication(payload, payload_type))
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [
            {
                "keyid": key_id(private.public_key().public_bytes_raw()),
                "sig": base64.b64encode(signature).decode(),
            }
        ],
    }


def pre_authentication(payload: bytes, payload_type: str) -> bytes:
    """Return the bytes that are signed: type and payload, each behind its length."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
