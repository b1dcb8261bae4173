"""The ports of the log's writer: the view it offers, and the callbacks it makes (section 4.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Announce", "Committed", "LiveView"]

Announce: TypeAlias = Callable[[str, bytes], None]
"""Takes a log's origin and newest signed checkpoint, to keep it where the log's writer cannot write.

MUST NOT raise.
"""

Committed: TypeAlias = Callable[[int, float], None]
"""Learns how many records a commit had and how many seconds it took. MUST NOT raise or wait."""


@dataclass(frozen=True, slots=True)
class LiveView:
    """The readable part of the log being written: up to the last durable checkpoint.

    `tail` holds the leaf hashes from index `tail_start` on, which no tile has yet.
    """

    origin: str
    size: int
    checkpoint: bytes
    tail_start: int
    tail: bytes
