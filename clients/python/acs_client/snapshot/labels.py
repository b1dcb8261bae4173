"""The labels of a session's data (section 12.3)."""

import threading
from collections.abc import Iterable, Iterator

__all__ = ["Labels"]


class Labels:
    """Labels only grow, for data in a context flows anywhere; `reset` is the host's own word."""

    def __init__(self, labels: Iterable[str] = ()) -> None:
        self._labels = frozenset(labels)
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._labels))

    def add(self, labels: Iterable[str]) -> None:
        """Add labels."""
        with self._lock:
            self._labels |= frozenset(labels)

    def reset(self, labels: Iterable[str] = ()) -> None:
        """Replace all labels: the host vouches that nothing of the old data is left."""
        with self._lock:
            self._labels = frozenset(labels)
