"""What a stream needs of the connection that carries it."""

from collections.abc import Callable

from acs_sidecar.server.held_writes import HeldWrites

__all__ = ["StreamConnection"]


class StreamConnection:
    """The part of a connection that an exchange of lines in both directions uses.

    While one is open, bounds and timeouts of a body do not hold: the stream has its own. `body_whole` is
    whether all of the body has arrived.
    """

    def __init__(self, held: HeldWrites) -> None:
        self.body_whole = False
        self._held = held
        self._stop: Callable[[], None] | None = None
        self._stopping = False
        self._received = 0

    @property
    def is_open(self) -> bool:
        """True if a stream is being answered."""
        return self._stop is not None

    def begin(self, stop: Callable[[], None]) -> None:
        """Begin a stream; `stop` ends it early, and MUST NOT raise."""
        self._stop = stop
        self._held.lingers |= not self.body_whole
        if self._stopping:
            stop()

    def has_received(self, received: int) -> bool:
        """True if more bytes have been received than when this was asked last."""
        before, self._received = self._received, received
        return received != before

    def flush(self) -> None:
        """Write what was sent so far."""
        self._held.release()

    def stop(self) -> None:
        """End the stream early, or one that begins yet."""
        self._stopping = True
        if self._stop:
            self._stop()

    def abort(self) -> None:
        """Drop the connection, with what is not written yet."""
        self._held.abort()

    def end(self) -> None:
        """Note that the answer is complete."""
        self._stop = None
