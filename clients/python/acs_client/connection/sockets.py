"""Sockets whose every operation gets only what is left of the call's time (section 12.2)."""

import socket
import ssl
import time
from typing import Any

__all__ = ["Deadline", "TimedSocket", "TimedTlsSocket", "connect"]


class Deadline:
    """The end of a call."""

    __slots__ = ("_end",)

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left; raise `TimeoutError` when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call took too long")
        return left


class TimedSocket(socket.socket):
    """A stream socket; `received` says whether anything was read since it was last set to false."""

    deadline: Deadline
    received = False

    @classmethod
    def over(cls, plain: socket.socket, deadline: Deadline) -> "TimedSocket":
        """Take over the descriptor of a connected socket."""
        timed = cls(plain.family, plain.type, plain.proto, fileno=plain.detach())
        timed.deadline = deadline
        return timed

    def sendall(self, *arguments: Any) -> None:
        """Send everything within what is left."""
        self.settimeout(self.deadline.left())
        super().sendall(*arguments)

    def recv_into(self, *arguments: Any) -> int:
        """Receive within what is left."""
        self.settimeout(self.deadline.left())
        count = super().recv_into(*arguments)
        self.received = self.received or count > 0
        return count


class TimedTlsSocket(ssl.SSLSocket):
    """The same over TLS, where one message is sent piece by piece."""

    deadline: Deadline
    received = False

    def send(self, *arguments: Any) -> int:
        """Send a piece within what is left."""
        self.settimeout(self.deadline.left())
        return super().send(*arguments)

    def recv_into(self, *arguments: Any) -> int:
        """Receive within what is left."""
        self.settimeout(self.deadline.left())
        count = super().recv_into(*arguments)
        self.received = self.received or count > 0
        return count


def connect(family: socket.AddressFamily, address: Any, seconds: float) -> socket.socket:
    """Connect a stream socket, or raise `OSError`."""
    plain = socket.socket(family, socket.SOCK_STREAM)
    try:
        plain.settimeout(seconds)
        plain.connect(address)
    except BaseException:
        plain.close()
        raise
    return plain
