"""The keys that a verifier trusts, pinned out of band (section 4.4)."""

from collections.abc import Sequence
from dataclasses import dataclass

from acs_sidecar.audit.format.note import VerifierKey

__all__ = ["Trust", "TrustedKey"]

_NEVER = "never"  # behind every time


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
        """True if the key is trusted for the log `origin`."""
        return self.scope is None or f"{origin}/".startswith(f"{self.scope}/")


@dataclass(frozen=True, slots=True)
class Trust:
    """A set of trusted keys. One that is there twice is trusted up to its earlier end."""

    keys: Sequence[TrustedKey]

    def for_log(self, origin: str) -> dict[VerifierKey, TrustedKey]:
        """Return the verifier keys, named as the log is, that may sign the log `origin`.

        Raises `NoteError` when nothing can be signed under that name.
        """
        earliest_last = sorted(self.keys, key=lambda key: key.until or _NEVER, reverse=True)
        return {VerifierKey(origin, key.public): key for key in earliest_last if key.covers(origin)}
