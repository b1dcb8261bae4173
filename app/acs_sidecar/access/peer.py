"""What a connection proves of who is at its other end (section 2.4)."""

from dataclasses import dataclass

__all__ = ["Peer"]


@dataclass(frozen=True, slots=True)
class Peer:
    """What a connection proves of its peer: `spiffe://…`, `dns:<name>` or `uid:<number>`.

    `expires` is the Unix time in seconds until which that holds.
    """

    names: tuple[str, ...]
    expires: float | None = None
