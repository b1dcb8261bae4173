"""A TCP server that answers each request with given bytes, for what no true service would say."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

__all__ = ["Canned", "canned", "reply"]


def reply(body: Any, status: int = 200, **headers: str) -> bytes:
    """The bytes of a response; a body that is not bytes goes as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(content)}", "content-type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


class Canned:
    """The server: `answers` are used in turn, the last one for ever; `None` says nothing and closes nothing."""

    def __init__(self, listener: socket.socket) -> None:
        self.url = "http://{}:{}".format(*listener.getsockname())
        self.answers: list[bytes | None] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self._listener = listener
        self._open: list[socket.socket] = []

    def serve(self) -> None:
        """Accept until the listener is closed."""
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(peer)
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as reader:
            while True:
                try:
                    head = _head(reader)
                    if not head:
                        return
                    lengths = [
                        line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
                    ]
                    body = reader.read(int(lengths[0].split(b":")[1])) if lengths else b""
                    self.requests.append(head + b"\r\n" + body)
                    answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                    if answer is None:
                        reader.read()
                        return
                    peer.sendall(answer)
                    closes = b"connection: close" in head.lower()
                    if closes or b"content-length" not in answer or answer.endswith(b"!cut"):
                        return
                except (OSError, ValueError):
                    return

    def hang_up(self) -> None:
        """Close every connection."""
        for peer in self._open:
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._open.clear()


def _head(reader: BinaryIO) -> bytes:
    """The head of a request, or nothing when the peer has ended."""
    lines = []
    while (line := reader.readline()) not in {b"", b"\r\n"}:
        lines.append(line)
    return b"".join(lines) if line else b""


@contextmanager
def canned(*answers: bytes | None, tls: ssl.SSLContext | None = None) -> Iterator[Canned]:
    """A server with these answers, behind TLS where there is a context for it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as plain,
        plain if tls is None else tls.wrap_socket(plain, server_side=True) as listener,
    ):
        server = Canned(listener)
        server.answers = list(answers)
        threading.Thread(target=server.serve, daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        server.hang_up()
