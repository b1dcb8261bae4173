"""Asks a running service by its API: over HTTP, HTTPS or a Unix socket (section 15.1)."""

import http.client
import queue
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

import orjson

from acs_sidecar.audit.log.records import LogDamagedError
from acs_sidecar.audit.read.reader import NotInLogError
from acs_sidecar.bounded_files import read_at_most
from acs_sidecar.settings.tree import is_loopback
from acs_sidecar.spec.values import Json
from acs_sidecar.startup import StartError

__all__ = ["ServiceAddress", "ServiceAddressError", "ServiceClient", "ServiceError"]

MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024
_TIMEOUT_S = 10.0
_MOST_IDLE = 8
_MAX_TOKEN_BYTES = 8192
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}", re.ASCII)
_BROKEN = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
"""What an idle connection that the service has closed meanwhile fails with."""


class ServiceAddressError(StartError):
    """The address of the service cannot be used."""


class ServiceError(OSError):
    """The service gave no answer that can be used; `strerror` says why and what to do."""

    def __init__(self, problem: str) -> None:
        super().__init__(0, problem)


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """Where a service listens: `https`, or a path of a Unix socket, or host and port."""

    text: str
    host: str
    port: int | None
    tls: bool = False
    uds: str | None = None

    @classmethod
    def parse(cls, text: str) -> "ServiceAddress":
        """Read `http://…`, `https://…` or `unix:///PATH`. Raises `ServiceAddressError`."""
        forms = "use http://HOST:PORT, https://HOST:PORT or unix:///PATH"
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise ServiceAddressError(f"--service: not an address; {forms}") from None
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ServiceAddressError(f"--service: must have no user, query or fragment; {forms}")
        if parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/"):
            return cls(text, "localhost", None, uds=parts.path)
        if parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/"):
            return cls(text, parts.hostname, port, tls=parts.scheme == "https")
        raise ServiceAddressError(f"--service: not an address; {forms}")

    @property
    def private(self) -> bool:
        """True if nobody on a network can read what is sent there."""
        return self.tls or self.uds is not None or is_loopback(self.host)


class ServiceClient:
    """Sends `GET` requests, with the token of a file that is read at each; blocks, for any thread.

    Raises `ServiceAddressError` when a token would go over a network without TLS.
    """

    def __init__(self, address: ServiceAddress, token_file: Path | None) -> None:
        if token_file and not address.private:
            raise ServiceAddressError(
                "--service: a token is sent over https:// or to loopback only; ACS_CONSOLE_TOKEN_FILE is set"
            )
        self.address = address
        self._token_file = token_file
        self._idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue(_MOST_IDLE)

    def close(self) -> None:
        """Close the connections that are idle."""
        while not self._idle.empty():
            self._idle.get_nowait().close()

    def json(
        self, path: str, query: Mapping[str, str | int] = {}, accept: frozenset[int] = frozenset()
    ) -> dict[str, Json]:
        """Return the JSON object that a route answers with; see `get`."""
        content = self.get(path, query, accept)
        try:
            value = orjson.loads(content)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            raise ServiceError(f"what answers at {self.address.text} is not this service")
        return value

    def get(
        self, path: str, query: Mapping[str, str | int] = {}, accept: frozenset[int] = frozenset()
    ) -> bytes:
        """Return the body of an answer with 200, or with one of the statuses in `accept`.

        Raises `ServiceError`, `NotInLogError` for 404, `LogDamagedError` where the service says so.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        try:
            status, content = self._exchange(target, self._headers())
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, ServiceError):
                raise
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise ServiceError(f"no service answers at {self.address.text}: {why}") from None
        if len(content) > MAX_RESPONSE_BYTES:
            raise ServiceError(f"{path} of the service answers with more than {MAX_RESPONSE_BYTES >> 20} MiB")
        if status == HTTPStatus.OK or status in accept:
            return content
        raise self._refusal(path, status, _detail(content))

    def _refusal(self, path: str, status: int, detail: str) -> Exception:
        if status == HTTPStatus.NOT_FOUND:
            return NotInLogError(detail)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return ServiceError(
                f"the service refuses {path}: {detail}; set ACS_CONSOLE_TOKEN_FILE to the token of a "
                "caller with the scopes `audit:read`, `manifests:read` and `metrics`"
            )
        if status == HTTPStatus.INTERNAL_SERVER_ERROR and "damaged" in detail:
            return LogDamagedError(detail)
        return ServiceError(f"the service answers {path} with {status}: {detail}")

    def _headers(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        try:
            token = read_at_most(self._token_file, _MAX_TOKEN_BYTES).decode("ascii").strip()
        except OSError as error:
            raise ServiceError(f"ACS_CONSOLE_TOKEN_FILE cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            token = ""
        if not _TOKEN.fullmatch(token):
            raise ServiceError("ACS_CONSOLE_TOKEN_FILE must hold a token: one line of visible ASCII")
        return {"Authorization": f"Bearer {token}"}

    def _exchange(self, target: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send a request over an idle connection, or over a new one where there is none that lives."""
        while True:
            try:
                connection, new = self._idle.get_nowait(), False
            except queue.Empty:
                connection, new = self._connection(), True
            try:
                connection.request("GET", target, headers=dict(headers))
                response = connection.getresponse()
                status, content = response.status, response.read(MAX_RESPONSE_BYTES + 1)
            except BaseException as error:
                connection.close()
                if isinstance(error, _BROKEN) and not new:
                    continue
                raise
            self._keep(connection, len(content))
            return status, content

    def _keep(self, connection: http.client.HTTPConnection, length: int) -> None:
        if connection.sock is None or length > MAX_RESPONSE_BYTES:
            connection.close()
            return
        try:
            self._idle.put_nowait(connection)
        except queue.Full:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        address = self.address
        if address.uds is not None:
            return _UnixConnection(address.uds)
        if address.tls:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(
                address.host, address.port, timeout=_TIMEOUT_S, context=context
            )
        return http.client.HTTPConnection(address.host, address.port, timeout=_TIMEOUT_S)


class _UnixConnection(http.client.HTTPConnection):
    """A connection over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            opened.settimeout(self.timeout)
            opened.connect(self._path)
        except BaseException:
            opened.close()
            raise
        self.sock = opened


def _detail(content: bytes) -> str:
    """Return what a problem says of itself, or what stands there instead."""
    try:
        problem = orjson.loads(content)
    except orjson.JSONDecodeError:
        problem = None
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return detail[:500] if isinstance(detail, str) else "it gives no reason"
