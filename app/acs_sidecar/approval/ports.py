"""Ports of approvals: the current key and the current approvers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.approval.approvers import Approvers

__all__ = ["ApprovalKey", "ApproversInForce", "KeyInForce", "KeysUnavailableError"]


class KeysUnavailableError(Exception):
    """No key to sign challenges is available; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class ApprovalKey:
    """The key that signs challenges and requests to resolvers, and the public keys that are still trusted."""

    private: Ed25519PrivateKey
    trusted: tuple[bytes, ...]


KeyInForce: TypeAlias = Callable[[], ApprovalKey]
"""Gives the key of the deployment. Raises `KeysUnavailableError`."""

ApproversInForce: TypeAlias = Callable[[], Approvers | None]
"""Gives who may approve; `None` where the operator named nobody."""
