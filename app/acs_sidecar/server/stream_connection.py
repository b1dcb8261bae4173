"""What a stream needs of the connection that carries it."""

from typing import Protocol

from acs_sidecar.server.held_writes import HeldWrites

__all__ = ["StreamConnection"]


class StreamBody(Protocol):
    """What a stream learns of its body. Nothing here raises."""

    def arrived(self) -> None:
        """More of it has arrived, or all of it."""
        ...

    def gone(self) -> None:
        """The client has closed the connection."""
        ...

    def expire(self) -> None:
        """A second has gone by."""
        ...

    def stop(self) -> None:
        """The service is shutting down."""
        ...


class StreamConnection:
    """The part of a connection that an exchange of lines in both directions uses.

    While one is open, bounds and timeouts of a body do not hold: the stream has its own. `body_whole` is
    whether all of the body has arrived.
    """

    __slots__ = ("_body", "_gone", "_held", "_received", "_stopping", "body_whole")

    def __init__(self, held: HeldWrites) -> None:
        self.body_whole = False
        self._body: StreamBody | None = None
        self._held = held
        self._gone = self._stopping = False
        self._received = 0

    @property
    def is_open(self) -> bool:
        """True if a stream is being answered."""
        return self._body is not None

    def begin(self, body: StreamBody) -> None:
        """Begin a stream, of whose body a part may have arrived."""
        self._body = body
        self._held.lingers |= not self.body_whole
        body.arrived()
        if self._gone:
            body.gone()
        if self._stopping:
            body.stop()

    def arrived(self) -> None:
        """Note that the peer has sent more, of whatever it is."""
        if self._body:
            self._body.arrived()

    def expire(self) -> None:
        """Note that a second has gone by."""
        if self._body:
            self._body.expire()

    def has_received(self, received: int) -> bool:
        """True if more bytes have been received than when this was asked last."""
        before, self._received = self._received, received
        return received != before

    def flush(self) -> None:
        """Write what was sent so far."""
        self._held.release()

    def gone(self) -> None:
        """Note that the client has closed the connection."""
        self._gone = True
        if self._body:
            self._body.gone()

    def stop(self) -> None:
        """End the stream early, or one that begins yet."""
        self._stopping = True
        if self._body:
            self._body.stop()

    def abort(self) -> None:
        """Drop the connection, with what is not written yet."""
        self._held.abort()

    def end(self) -> None:
        """Note that the answer is complete."""
        self._body = None
