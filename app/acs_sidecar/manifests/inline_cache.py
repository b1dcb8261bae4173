"""What a worker keeps of callers' manifests: bounded in bytes, and fair between callers (section 2.5)."""

from acs_sidecar.sandbox.shares import OwnedValue, Shares
from acs_sidecar.spec.manifest.compiled import AnyManifest
from acs_sidecar.spec.owner import NOBODY, Owner

__all__ = ["InlineCache"]

_REUSED_SHARE = 3 / 4
"""How much of the room manifests that were used again may have: the rest is for those that are new."""


class InlineCache:
    """Compiled manifests by content, at most so many entries and bytes.

    A manifest that was used once is pushed out before any that was used again, and of either kind the owner
    that has the most bytes loses first: a flood of new manifests pushes out nothing but its own.
    """

    def __init__(self, most_entries: int, most_bytes: int) -> None:
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._new: Shares[AnyManifest] = Shares()
        self._reused: Shares[AnyManifest] = Shares()

    def __len__(self) -> int:
        """Count the manifests."""
        return len(self._new) + len(self._reused)

    def __contains__(self, key: bytes) -> bool:
        """True if the manifest of that content is kept."""
        return key in self._new or key in self._reused

    @property
    def size(self) -> int:
        """The bytes that the manifests take, by an upper bound for each."""
        return self._new.size + self._reused.size

    def get(self, key: bytes, owner: Owner = NOBODY) -> AnyManifest | None:
        """Return the manifest of that content, which is then used again."""
        if key in self._reused:
            return self._reused.use(key, owner)
        if key not in self._new:
            return None
        manifest = self._new.use(key, owner)
        self._reused.add(key, self._new.remove(key))
        most_entries, most_bytes = self._most_entries * _REUSED_SHARE, self._most_bytes * _REUSED_SHARE
        while len(self._reused) > max(1, most_entries) or self._reused.size > most_bytes:
            self._new.add(*self._reused.remove_one())
        return manifest

    def put(self, key: bytes, manifest: AnyManifest, owner: Owner, size: int) -> None:
        """Add a manifest, which may push out others, and itself where it is too large."""
        self._new.add(key, OwnedValue(manifest, owner, size))
        while len(self) > self._most_entries or self.size > self._most_bytes:
            (self._new if len(self._new) else self._reused).remove_one()
