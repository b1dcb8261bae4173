"""What a worker keeps of callers' manifests: bounded in bytes, and fair between callers (section 2.5)."""

from collections import Counter, OrderedDict
from dataclasses import dataclass

from acs_sidecar.spec.manifest.compiled import AnyManifest

__all__ = ["InlineCache"]

_REUSED_SHARE = 3 / 4
"""How much of the room manifests that were used again may have: the rest is for those that are new."""


@dataclass(slots=True)
class _Entry:
    manifest: AnyManifest
    caller: str
    size: int


class _Segment:
    """Entries in the order of their last use, and how many bytes each caller has in them."""

    def __init__(self) -> None:
        self.entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self.size = 0
        self._by_caller: Counter[str] = Counter()

    def add(self, key: bytes, entry: _Entry) -> None:
        self.entries[key] = entry
        self.size += entry.size
        self._by_caller[entry.caller] += entry.size

    def remove(self, key: bytes) -> _Entry:
        entry = self.entries.pop(key)
        self.size -= entry.size
        self._by_caller[entry.caller] -= entry.size
        if self._by_caller[entry.caller] <= 0:
            del self._by_caller[entry.caller]
        return entry

    def oldest_of_largest(self) -> bytes:
        """Return the key of the entry used longest ago of the caller that has the most bytes here."""
        caller = max(self._by_caller, key=self._by_caller.__getitem__)
        return next(key for key, entry in self.entries.items() if entry.caller == caller)


class InlineCache:
    """Compiled manifests by content, at most so many entries and bytes.

    A manifest that was used once is pushed out before any that was used again, and of either kind the caller
    that has the most bytes loses first: a flood of new manifests pushes out nothing but its own.
    """

    def __init__(self, most_entries: int, most_bytes: int) -> None:
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._new, self._reused = _Segment(), _Segment()

    def __len__(self) -> int:
        """Count the manifests."""
        return len(self._new.entries) + len(self._reused.entries)

    def __contains__(self, key: bytes) -> bool:
        """True if the manifest of that content is kept."""
        return key in self._new.entries or key in self._reused.entries

    @property
    def size(self) -> int:
        """The bytes that the manifests take, by an upper bound for each."""
        return self._new.size + self._reused.size

    def get(self, key: bytes) -> AnyManifest | None:
        """Return the manifest of that content, which is then used again."""
        if key in self._reused.entries:
            self._reused.entries.move_to_end(key)
            return self._reused.entries[key].manifest
        if key not in self._new.entries:
            return None
        entry = self._new.remove(key)
        self._reused.add(key, entry)
        most_entries, most_bytes = self._most_entries * _REUSED_SHARE, self._most_bytes * _REUSED_SHARE
        while len(self._reused.entries) > max(1, most_entries) or self._reused.size > most_bytes:
            oldest = self._reused.oldest_of_largest()
            self._new.add(oldest, self._reused.remove(oldest))
        return entry.manifest

    def put(self, key: bytes, manifest: AnyManifest, caller: str, size: int) -> None:
        """Add a manifest, which may push out others, and itself where it is too large."""
        self._new.add(key, _Entry(manifest, caller, size))
        while len(self) > self._most_entries or self.size > self._most_bytes:
            segment = self._new if self._new.entries else self._reused
            segment.remove(segment.oldest_of_largest())
