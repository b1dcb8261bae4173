"""Files of approvers' keys, encrypted or not."""

from typing import Any

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.approval.desk import ALICE

__all__ = ["WORDS", "pem"]

WORDS = "correct horse"


def pem(private: Any = ALICE, words: str | None = WORDS, kind: PrivateFormat = PrivateFormat.PKCS8) -> str:
    """Return a key as a file has it."""
    protection = BestAvailableEncryption(words.encode()) if words else NoEncryption()
    text: bytes = private.private_bytes(Encoding.PEM, kind, protection)
    return text.decode()
