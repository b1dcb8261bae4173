"""What approvals need from the outside: keys and the list of approvers, as they are now."""

from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.approval.approvers import Approvers

__all__ = ["ApprovalKey", "ApprovalKeys", "KeysUnavailableError"]


class KeysUnavailableError(Exception):
    """There is no key to sign challenges with, so there are no challenges; one line that says why."""


@dataclass(frozen=True, slots=True)
class ApprovalKey:
    """The key that signs challenges and requests to resolvers, and the public keys that are still trusted."""

    private: Ed25519PrivateKey
    trusted: tuple[bytes, ...]


class ApprovalKeys(Protocol):
    """Gives what is in force at the moment."""

    def key(self) -> ApprovalKey:
        """Give the key of the deployment. Raises `KeysUnavailableError`."""
        ...

    def approvers(self) -> Approvers:
        """Give who may approve. MUST NOT raise: what cannot be read trusts nobody."""
        ...
