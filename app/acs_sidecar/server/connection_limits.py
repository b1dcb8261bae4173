"""What one peer may take of a server."""

from dataclasses import dataclass
from math import inf

__all__ = ["UNLIMITED", "ConnectionLimits"]


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one peer may take: connections at once, seconds to send and to read, bytes of a body."""

    most_connections: float = inf
    request_timeout_s: float = inf
    max_body_bytes: float = inf


UNLIMITED = ConnectionLimits()
