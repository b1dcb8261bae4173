"""uvicorn's HTTP protocol, but each response leaves in one write, and together with others."""

import asyncio
from math import inf
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.server.peer import peer_of

__all__ = ["HttpProtocol"]


_CONTINUE = b"HTTP/1.1 100"


class _HeldWrites:
    """A transport that holds a response back until it is complete, and then writes it in one.

    uvicorn writes head and body apart, and each write may wake the peer from its sleep: that costs
    more than a decision. No response of this service is long, or a stream.
    """

    __slots__ = ("_parts", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # everything else is the transport's own
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Hold a part of a response; that a body is welcome is said at once."""
        if data.startswith(_CONTINUE):
            self._transport.write(data)
        else:
            self._parts.append(data)

    def release(self) -> None:
        """Write what is held."""
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))

    def close(self) -> None:
        """Write what is held and close."""
        self.release()
        self._transport.close()


class HttpProtocol(HttpToolsProtocol):
    """One connection, which is closed at once when `most_connections` are open already."""

    _held: _HeldWrites

    def __init__(self, *, most_connections: float = inf, **parts: Any) -> None:  # noqa: ANN401  # uvicorn's own
        super().__init__(**parts)
        self._most_connections = most_connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Put the holding of writes between uvicorn and the transport."""
        super().connection_made(transport)
        if peer := peer_of(transport):
            self.app_state = {**self.app_state, "peer": peer}
        if len(self.connections) > self._most_connections:
            transport.abort()
        self._held = _HeldWrites(transport)
        self.transport = self._held  # type: ignore[assignment]  # it is a transport by delegation

    def on_response_complete(self) -> None:
        """Let the response go: now, or, where others are being made, in one row with theirs."""
        if len(self.tasks) > 1:
            self.loop.call_soon(self._held.release)
        else:
            self._held.release()
        super().on_response_complete()
