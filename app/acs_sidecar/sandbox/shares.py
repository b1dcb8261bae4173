"""Values that several owners keep in one bounded place, and whose is the first to go (section 2.5)."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from acs_sidecar.spec.owner import NOBODY, Owner

__all__ = ["OwnedValue", "Shares"]

Value = TypeVar("Value")


@dataclass(slots=True)
class OwnedValue(Generic[Value]):
    """A value, its owner, and how much of the place it takes."""

    value: Value
    owner: Owner
    size: int


@dataclass(slots=True)
class _Share:
    """What one owner has: the keys in the order of their last use, and the sum of their sizes."""

    size: int = 0
    keys: OrderedDict[bytes, None] = field(default_factory=OrderedDict)


class Shares(Generic[Value]):
    """Values by key. The first to go is the one used longest ago of the owner that has most.

    What belonged to owners that are gone is one share: nobody gets another by opening a new connection.
    """

    def __init__(self) -> None:
        self.size = 0
        self._entries: dict[bytes, OwnedValue[Value]] = {}
        self._shares: dict[Owner, _Share] = {}

    def __len__(self) -> int:
        """Count the values."""
        return len(self._entries)

    def __contains__(self, key: bytes) -> bool:
        """True if there is a value of that key."""
        return key in self._entries

    def add(self, key: bytes, entry: OwnedValue[Value]) -> None:
        """Add a value under a key that is not there yet."""
        self._entries[key] = entry
        share = self._shares.setdefault(entry.owner, _Share())
        share.keys[key] = None
        share.size += entry.size
        self.size += entry.size

    def use(self, key: bytes, owner: Owner) -> Value:
        """Return a value, which is then the newest of its owner: `owner`, if the former one is gone."""
        entry = self._entries[key]
        self.remove(key)
        if entry.owner.gone:
            entry.owner = owner
        self.add(key, entry)
        return entry.value

    def remove(self, key: bytes) -> OwnedValue[Value]:
        """Remove a value."""
        entry = self._entries.pop(key)
        share = self._shares[entry.owner]
        del share.keys[key]
        share.size -= entry.size
        self.size -= entry.size
        if not share.keys:
            del self._shares[entry.owner]
        return entry

    def remove_one(self) -> tuple[bytes, OwnedValue[Value]]:
        """Remove the value used longest ago of the owner that has most."""
        self._join_those_gone()
        largest = max(self._shares.values(), key=lambda share: share.size)
        key = next(iter(largest.keys))
        return key, self.remove(key)

    def _join_those_gone(self) -> None:
        for owner in [owner for owner in self._shares if owner.gone and owner != NOBODY]:
            for key in tuple(self._shares[owner].keys):
                entry = self.remove(key)
                entry.owner = NOBODY
                self.add(key, entry)
