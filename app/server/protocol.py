"""uvicorn's HTTP protocol, but each response leaves in one write."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HttpProtocol"]

_CONTINUE = b"HTTP/1.1 100"


class _JoinedWrites:
    """A transport that holds the head of a response back until its body comes.

    uvicorn writes head and body apart, which costs a system call more than the decision itself takes.
    """

    __slots__ = ("_at_head", "_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self._at_head = True

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # everything else is the transport's own
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Hold the first write of a response, and write it with the second."""
        if self._at_head and not data.startswith(_CONTINUE):
            self._head = data
            self._at_head = False
            return
        if self._head:
            data = self._head + data
            self._head = b""
        self._transport.write(data)

    def end_response(self) -> None:
        """Write what is held; the next write begins another response."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""
        self._at_head = True

    def close(self) -> None:
        """Write what is held and close."""
        self.end_response()
        self._transport.close()


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    _joined: _JoinedWrites

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Put the joining of writes between uvicorn and the transport."""
        super().connection_made(transport)
        self._joined = _JoinedWrites(transport)
        self.transport = self._joined  # type: ignore[assignment]  # it is a transport by delegation

    def on_response_complete(self) -> None:
        """Let the response go before the next request of the connection is looked at."""
        self._joined.end_response()
        super().on_response_complete()
