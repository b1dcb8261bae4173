"""The keys that whoever verifies trusts, pinned out of band (contract 4.4)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.audit.note import VerifierKey

__all__ = ["Trust", "TrustedKey"]


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """An Ed25519 public key, for the logs of `scope` or for all, for records up to `until` or for ever.

    `scope` is a log's origin or its first parts, so that a key named as the service is pins every log
    of the service. `until` is in the form of a record's `time`.
    """

    public: bytes
    scope: str | None = None
    until: str | None = None

    def covers(self, origin: str) -> bool:
        """Tell whether the key is trusted for the log `origin`."""
        return self.scope is None or f"{origin}/".startswith(f"{self.scope}/")


@dataclass(frozen=True, slots=True)
class Trust:
    """A set of trusted keys."""

    keys: Sequence[TrustedKey]

    def for_log(self, origin: str) -> Iterator[tuple[VerifierKey, TrustedKey]]:
        """Give the verifier keys, named as the log is, that may sign the log `origin`."""
        for key in self.keys:
            if key.covers(origin):
                yield VerifierKey(origin, key.public), key
