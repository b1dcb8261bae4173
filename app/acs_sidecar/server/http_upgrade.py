"""Reading a message to its end although it asks for another protocol, which nobody here speaks.

The parser takes such a message for over when its head is, and what follows for another protocol's: its
body would be read as the next request, whoever wrote it.
"""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["behind_head"]

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


def behind_head(protocol: HttpToolsProtocol) -> tuple[httptools.HttpRequestParser, bytes]:
    """Return a parser for the bytes after the head that `protocol` has just received.

    It has to be fed the bytes beside it first: a head of the same framing, of which it tells nothing.
    """
    framing = (b"%s: %s\r\n" % header for header in protocol.scope["headers"] if header[0] in _FRAMING)
    head = b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n"
    return httptools.HttpRequestParser(_Behind(protocol)), head


class _Behind:
    """Passes on what a parser finds, but not the head of the first message: that is known."""

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        self._protocol = protocol
        self._known = True
        self.on_body = protocol.on_body
        self.on_message_complete = protocol.on_message_complete

    def on_message_begin(self) -> None:
        if not self._known:
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._known:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._known:
            self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._known:
            self._protocol.on_headers_complete()
        self._known = False
