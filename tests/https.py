"""A real HTTPS server on loopback with an authority of its own, and names that lead wherever a test says."""

import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme
from aiohttp.abc import AbstractResolver, ResolveResult

__all__ = ["Exchange", "HttpsServer", "Names", "https_server", "sha256"]

Answer = Callable[["Exchange"], None]


def sha256(content: bytes) -> str:
    """The pin of `content`."""
    return hashlib.sha256(content).hexdigest()


@dataclass
class Exchange:
    """One request, and how to answer it in ways that a well-behaved server would not."""

    handler: BaseHTTPRequestHandler

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer in full."""
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.send_header("Content-Length", str(len(body)))
        self.handler.end_headers()
        self.handler.wfile.write(body)

    def drip(self, pieces: int, piece: bytes, pause: float) -> None:
        """Send a body without a length, piece by piece, until the client has gone."""
        self.handler.send_response(200)
        self.handler.send_header("Connection", "close")
        self.handler.end_headers()
        for _ in range(pieces):
            self.handler.wfile.write(piece)
            self.handler.wfile.flush()
            time.sleep(pause)


@dataclass
class HttpsServer:
    """What the server answers by path, and what it was asked: method, path and headers."""

    port: int
    ca_file: Path
    answers: dict[str, Answer] = field(default_factory=dict)
    received: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "manifests.test") -> str:
        """The URL of `path`."""
        return f"https://{host}:{self.port}{path}"

    def serve(self, path: str, body: bytes) -> str:
        """Answer `path` with `body`; give its URL."""
        self.answers[path] = lambda exchange: exchange.send(200, body)
        return self.url(path)

    def redirect(self, path: str, location: str, status: int = 302) -> str:
        """Redirect `path`; give its URL."""
        self.answers[path] = lambda exchange: exchange.send(status, Location=location, Set_Cookie="a=b")
        return self.url(path)

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [path for path, _ in self.received]


@contextmanager
def https_server(folder: Path) -> Iterator[HttpsServer]:
    """Serve on every loopback address, so that only a guard keeps a client away."""
    authority = trustme.CA()
    certificate = authority.issue_cert("manifests.test", "other.test", "localhost", "127.0.0.1", "127.0.0.2")
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the base class calls it so
            server.received.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            answer = server.answers.get(self.path.partition("?")[0])
            try:
                (answer or (lambda exchange: exchange.send(404)))(Exchange(self))
            except (OSError, ssl.SSLError):
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # the base class's name
            pass

    class Listener(ThreadingHTTPServer):
        daemon_threads = False  # closing waits for them: no connection outlives the server

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # clients that refuse a certificate are part of the tests

        def get_request(self) -> tuple[socket.socket, object]:
            connection, client = super().get_request()
            wrapped = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            return wrapped, client

    listener = Listener(("0.0.0.0", 0), Handler)
    server = HttpsServer(listener.server_address[1], ca_file)
    thread = threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


class Names(AbstractResolver):
    """A name server whose answers a test chooses: the next of a list each time, the last one for ever."""

    def __init__(self, **answers: list[str]) -> None:
        self._answers = {name.replace("_", "."): list(given) for name, given in answers.items()}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Answer, or fail as a name server does."""
        answers = self._answers.get(host)
        if not answers:
            raise OSError(None, "no such name")
        address = answers.pop(0) if len(answers) > 1 else answers[0]
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST
            )
        ]

    async def close(self) -> None:
        """Close nothing."""
