"""Public keys as they stand in files of trust."""

from acs_sidecar.access.entries import Entry
from acs_sidecar.spec.document.public_keys import read_public_key

__all__ = ["public_key"]


def public_key(entry: Entry) -> bytes:
    """Read `public_key`: Ed25519, in PEM or as its 32 bytes in base64. Empty where it is at fault."""
    text = entry.text("public_key")
    if text is None:
        if "public_key" not in entry.members:
            entry.fault(None, "has no `public_key`")
        return b""
    public = read_public_key(text)
    if public is None:
        entry.fault("public_key", "must be an Ed25519 public key, in PEM or its 32 bytes in base64")
    return public or b""
