"""Keys for tests, made of seeds that are written here."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from acs_sidecar.engines.adapters.workspace_policy.trust import PolicyKey, PolicyKeys

__all__ = ["A_ID", "TRUST", "TRUST_FILE", "A", "B", "M", "pem", "public_hex"]

A = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
B = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
M = Ed25519PrivateKey.from_private_bytes(b"\x03" * 32)
A_ID = "ed25519:34750f98bd59fcfc"


def public_hex(key: Ed25519PrivateKey) -> str:
    """The public key, in hex."""
    return key.public_key().public_bytes_raw().hex()


def pem(key: Ed25519PrivateKey) -> bytes:
    """The private key as a file holds it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


TRUST = PolicyKeys((PolicyKey(A_ID, A.public_key().public_bytes_raw()),))
TRUST_FILE = f"keys:\n  {A_ID}:\n    public_key: {public_hex(A)}\n"
"""A alone is trusted."""
