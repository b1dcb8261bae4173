"""Writes of one connection, held back until a response is complete."""

import asyncio
from typing import Any

__all__ = ["HeldWrites"]

_CONTINUE = b"HTTP/1.1 100"


class HeldWrites:
    """A transport that holds a response back until it is complete, and then writes it in one.

    uvicorn writes head and body apart, and each write may wake the peer from its sleep: that costs
    more than a decision. No response of this service is long; those of streams are released line by line.
    `lingers` tells that its peer may still be sending when the response ends.
    """

    __slots__ = (
        "_ended",
        "_parts",
        "_released",
        "_transport",
        "_unread_since",
        "_unread_until",
        "is_closing",
        "lingers",
    )

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []
        self._ended = False
        self.is_closing = transport.is_closing
        self._released = 0
        self.lingers = False
        self._unread_since = 0.0
        self._unread_until = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # everything else is the transport's own
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Buffer a part of a response; `100 Continue` is sent at once."""
        if data.startswith(_CONTINUE) and not self._ended:
            self._transport.write(data)
        else:
            self.hold(data)

    def hold(self, data: bytes) -> None:
        """Buffer a response, or a part of one."""
        if not self._ended:
            self._parts.append(data)

    def release(self) -> None:
        """Write the buffered data."""
        parts, self._parts = self._parts, []
        if parts and not self.is_closing():
            response = b"".join(parts)
            self._released += len(response)
            self._transport.write(response)

    def is_unread(self, now: float, timeout_s: float, *, sends: bool) -> bool:
        """True if the peer has read nothing of what was written for `timeout_s` seconds.

        `now` is the loop's time; progress is noted at each call. While the peer `sends`, it may read later.
        """
        unread = self._transport.get_write_buffer_size()
        waits = unread and self._unread_since and not sends
        if not waits or self._released - unread >= self._unread_until:
            self._unread_since = now if unread else 0.0
            self._unread_until = self._released
            return False
        return now - self._unread_since > timeout_s

    def end(self) -> None:
        """Write the buffered data as the last, and leave the connection open: its peer may still send.

        Closed while bytes are unread, the connection would be reset, and the peer never read the answer.
        What the requests before are answered with is dropped.
        """
        if self._ended:
            return
        self.release()
        self._ended = True
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def close(self) -> None:
        """Write the buffered data and close; a connection that has ended is aborted after a while."""
        if self.lingers:
            self.end()
        elif not self._ended:
            self.release()
            self._transport.close()
