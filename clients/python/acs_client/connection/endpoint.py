"""Where the service is and how it is reached (section 12.2): a Unix socket, or TCP with or without TLS."""

import math
import os
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from acs_client.connection.sockets import Deadline, TimedSocket, TimedTlsSocket, connect
from acs_client.errors import ConfigurationError

__all__ = ["Endpoint", "FileText", "Tls", "url_of"]

LOCAL_CONNECT_S = 0.5


class FileText:
    """The text of a small file, read again when the file changes."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._seen: tuple[int, int, int] | None = None
        self._text = ""
        self._lock = threading.Lock()

    def read(self) -> str:
        """Return the text without white space around it.

        Raises `OSError` and `UnicodeDecodeError` for a file that cannot be read.
        """
        with self._lock:
            state = _state(self._path)
            if state != self._seen:
                self._text = self._path.read_text().strip()
                self._seen = state
            return self._text


class Tls:
    """The TLS settings of a client, made anew when one of their files changes."""

    def __init__(self, ca_file: str | None, cert_file: str | None, key_file: str | None) -> None:
        self._ca_file, self._cert_file, self._key_file = ca_file, cert_file, key_file
        self._files = [Path(name) for name in (ca_file, cert_file, key_file) if name]
        self._seen: list[tuple[int, int, int]] | None = None
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()

    def context(self) -> ssl.SSLContext:
        """Return the context for new connections.

        Raises `OSError` (`ssl.SSLError` is one) when a file cannot be used.
        """
        with self._lock:
            state = [_state(path) for path in self._files]
            if self._context is None or state != self._seen:
                context = ssl.create_default_context(cafile=self._ca_file)
                context.sslsocket_class = TimedTlsSocket
                if self._cert_file:
                    context.load_cert_chain(self._cert_file, self._key_file)
                self._context, self._seen = context, state
            return self._context


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address of the service: `path` of a Unix socket, or `host` and `port`, with TLS settings or not."""

    host: str = "localhost"
    port: int | None = None
    path: str | None = None
    tls: Tls | None = None

    @classmethod
    def parse(
        cls, url: str, *, ca_file: str | None, cert_file: str | None, key_file: str | None
    ) -> "Endpoint":
        """Read `http://host:port`, `https://host:port` or `unix:///path`.

        Raises `ConfigurationError` for anything else, and for TLS files that do not fit or cannot be used.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ConfigurationError(f"`{url}` is not a URL: {error}") from None
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ConfigurationError("the URL of the service has no user, query or fragment")
        if parts.scheme == "unix":
            if host or not parts.path.startswith("/"):
                raise ConfigurationError(f"`{url}` is not `unix:///path/of/socket`")
            return cls(path=parts.path)
        if parts.scheme not in {"http", "https"} or not host or parts.path not in {"", "/"}:
            raise ConfigurationError(
                f"`{url}` is not `http://host:port`, `https://host:port` or `unix:///path`"
            )
        if parts.scheme == "http":
            if ca_file or cert_file or key_file:
                raise ConfigurationError("TLS files are set but the URL is not https")
            return cls(host=host, port=port or 80)
        if key_file and not cert_file:
            raise ConfigurationError("`key_file` is set without `cert_file`")
        tls = Tls(ca_file, cert_file, key_file)
        try:
            tls.context()
        except OSError as error:
            raise ConfigurationError(f"the TLS files cannot be used: {error}") from None
        return cls(host=host, port=port or 443, tls=tls)

    @property
    def is_private(self) -> bool:
        """True if nobody on a network can read what is sent there."""
        return self.path is not None or self.tls is not None or self._is_loopback

    @property
    def _is_loopback(self) -> bool:
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def authority(self) -> str:
        """The value of the header `Host`."""
        if self.path is not None:
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def open(self, deadline: Deadline) -> TimedSocket | TimedTlsSocket:
        """Connect, with the TLS handshake where there is one; raise `OSError` or `TimeoutError`."""
        longest = LOCAL_CONNECT_S if self.path is not None or self._is_loopback else math.inf
        if self.path is not None:
            limit = min(longest, deadline.left())
            return TimedSocket.over(connect(socket.AF_UNIX, self.path, limit), deadline)
        plain = self._connected(longest, deadline)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls is None:
            return TimedSocket.over(plain, deadline)
        try:
            plain.settimeout(deadline.left())
            secure = self.tls.context().wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise
        assert isinstance(secure, TimedTlsSocket)  # noqa: S101  # the class that the context was told to make
        secure.deadline = deadline
        return secure

    def _connected(self, longest: float, deadline: Deadline) -> socket.socket:
        """Connect to the first address of the host that takes it; each has what is left of the time."""
        refused: OSError = OSError("the name of the service has no address")
        for family, address in self._addresses(deadline):
            limit = min(longest, deadline.left())
            try:
                return connect(family, address, limit)
            except OSError as error:
                refused = error
        raise refused

    def _addresses(self, deadline: Deadline) -> list[tuple[socket.AddressFamily, Any]]:
        """Return the addresses of the host; a look-up has no time limit of its own, and is left behind."""
        found: list[Any] = []

        def look_up(flags: int = 0) -> None:
            try:
                found[:] = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM, flags=flags)
            except OSError as error:
                found[:] = [error]

        look_up(socket.AI_NUMERICHOST)
        if isinstance(found[0], OSError):  # a name
            thread = threading.Thread(target=look_up, daemon=True)
            found.clear()
            thread.start()
            thread.join(deadline.left())
        if not found:
            raise TimeoutError("the name of the service was not looked up in time")
        if isinstance(found[0], OSError):
            raise found[0]
        return [(family, address) for family, _, _, _, address in found]


def url_of(environ: Mapping[str, str]) -> str:
    """Return the URL of the service: `ACSCLIENT_URL`, else what the settings of the service say."""
    if environ.get("ACSCLIENT_URL"):
        return environ["ACSCLIENT_URL"]
    if environ.get("ACS_UDS"):
        return "unix://" + os.path.abspath(environ["ACS_UDS"])  # noqa: PTH100  # symbolic links stay
    host = environ.get("ACS_HOST") or "127.0.0.1"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # one that listens on all
    return f"http://{f'[{host}]' if ':' in host else host}:{environ.get('ACS_PORT') or 8383}"


def _state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino
