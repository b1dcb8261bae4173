"""What supervisor and worker say to one another: small JSON packets, each with one open file at most."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

import orjson

from acs_sidecar.spec.values import Json

__all__ = ["Channel", "Packet"]

_MAX_PACKET = 65_536
_CLOSING = socket.MSG_CMSG_CLOEXEC


@dataclass(frozen=True, slots=True)
class Packet:
    """One message. `file` is an open descriptor that now belongs to the receiver."""

    message: Mapping[str, Json]
    file: int | None


class Channel:
    """One end of a connection between two processes of this service. Neither end ever waits."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end

    @classmethod
    def pair(cls) -> tuple[Self, Self]:
        """Connect two ends, for the two sides of a fork."""
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(one), cls(other)

    def fileno(self) -> int:
        """Return the descriptor, to wait on."""
        return self._end.fileno()

    def send(self, message: Mapping[str, Json], file: int | None = None) -> bool:
        """Send at once or not at all; tell whether it went.

        It does not where the other side is gone, or has not read for long.
        """
        try:
            socket.send_fds(self._end, [orjson.dumps(message)], [] if file is None else [file])
        except OSError:
            return False
        return True

    def receive(self) -> Iterator[Packet]:
        """Read what has arrived. Raises `EOFError` when the peer has closed."""
        while True:
            try:
                content, files, _, _ = socket.recv_fds(self._end, _MAX_PACKET, 1, _CLOSING)
            except BlockingIOError:
                return
            except ConnectionError:
                content, files = b"", []
            if not content:
                raise EOFError
            yield Packet(orjson.loads(content), files[0] if files else None)

    def close(self) -> None:
        """Close this end, which the peer notices."""
        with suppress(OSError):
            self._end.close()
