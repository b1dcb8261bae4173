"""A child's reply about the identity of a manifest: the digest, and the name directly behind it."""

import re

from acs_sidecar.sandbox.wire import MalformedOutputError
from acs_sidecar.spec.manifest.identity import MAX_NAME_CHARACTERS, ManifestIdentity

__all__ = ["read_identity", "write_identity"]

_IDENTITY = re.compile(rf"(sha256:[0-9a-f]{{64}})(.{{0,{MAX_NAME_CHARACTERS}}})", re.DOTALL)


def write_identity(identity: ManifestIdentity) -> bytes:
    """Write the identity of a manifest."""
    return (identity.digest + (identity.name or "")).encode()


def read_identity(body: bytes) -> ManifestIdentity:
    """Read the identity of a manifest. Raises `MalformedOutputError`."""
    try:
        found = _IDENTITY.fullmatch(body.decode())
    except UnicodeDecodeError:
        found = None
    if found is None:
        raise MalformedOutputError
    return ManifestIdentity(found[1], found[2] or None)
