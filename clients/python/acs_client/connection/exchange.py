"""One request and its response within a deadline, over connections that are kept (section 12.2).

What is sent again, at most twice and with the same request id: what found no listener, what met a kept
connection that had been closed before any byte of an answer, and 429 and 503 whose `Retry-After` fits into
the time.
"""

import http.client
import os
import random
import select
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from acs_client.connection.endpoint import Endpoint
from acs_client.connection.sockets import Deadline, TimedSocket, TimedTlsSocket

__all__ = ["Exchange", "ExchangeError", "Response"]

MAX_RESPONSE_BYTES = 16 * 1024 * 1024
MAX_IDLE_S = 30.0
RETRIES = 2
BUSY = frozenset({http.HTTPStatus.TOO_MANY_REQUESTS, http.HTTPStatus.SERVICE_UNAVAILABLE})


Connection = TimedSocket | TimedTlsSocket


class ExchangeError(Exception):
    """No response was had; `cause` is `unreachable`, `deadline` or `protocol`."""

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause


class _ClosedWhileIdleError(Exception):
    """A kept connection was closed by the service before it saw the request."""


@dataclass(frozen=True, slots=True)
class Response:
    """Status and body of a response."""

    status: int
    body: bytes
    retry_after: str | None


class Exchange:
    """The connections of one client, at most `pool` at once; safe for threads, and fresh after a fork."""

    def __init__(self, endpoint: Endpoint, pool: int) -> None:
        self._endpoint = endpoint
        self._pool = pool
        self._closed = False
        self._reset()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._idle: deque[tuple[Connection, float]] = deque()
        self._free = threading.BoundedSemaphore(self._pool)

    def close(self) -> None:
        """Close the kept connections, and those in use when their calls end."""
        self._closed = True
        while self._idle:
            self._idle.pop()[0].close()

    def send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], deadline: Deadline
    ) -> Response:
        """Return the response to a request; raise `ExchangeError` when there is none."""
        if os.getpid() != self._process:
            self._reset()
        try:
            return self._with_retries(method, path, body, headers, deadline)
        except TimeoutError:
            raise ExchangeError("deadline", "the service did not answer in time") from None
        except http.client.RemoteDisconnected:
            raise ExchangeError(
                "unreachable", "the service closed the connection without an answer"
            ) from None
        except http.client.HTTPException as error:
            raise ExchangeError("protocol", f"the answer is not HTTP: {type(error).__name__}") from None
        except (OSError, _ClosedWhileIdleError) as error:
            raise ExchangeError(
                "unreachable", f"the service cannot be reached: {type(error).__name__}"
            ) from None

    def _with_retries(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], deadline: Deadline
    ) -> Response:
        retries = 0
        while True:
            pause = random.uniform(0.05, 0.2)  # noqa: S311  # spreads retries, guards nothing
            try:
                response = self._once(method, path, body, headers, deadline)
            except (ConnectionRefusedError, FileNotFoundError, _ClosedWhileIdleError):
                if retries == RETRIES or deadline.left() <= pause:
                    raise
            else:
                wait = _seconds(response.retry_after) if response.status in BUSY else None
                if wait is None or retries == RETRIES or deadline.left() <= max(wait, pause):
                    return response
                pause = max(wait, pause)
            retries += 1
            time.sleep(pause)

    def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], deadline: Deadline
    ) -> Response:
        free = self._free
        if not free.acquire(timeout=deadline.left()):
            raise TimeoutError("every connection is in use")
        try:
            connection, reused = self._connection(deadline)
            try:
                response, kept = _exchange(
                    connection, reused, self._request(method, path, body, headers), method
                )
            except BaseException:
                connection.close()
                raise
            if kept and not self._closed and os.getpid() == self._process:
                self._idle.append((connection, time.monotonic()))
            else:
                connection.close()
            return response
        finally:
            free.release()

    def _connection(self, deadline: Deadline) -> tuple[Connection, bool]:
        oldest = time.monotonic() - MAX_IDLE_S
        while True:
            try:
                connection, since = self._idle.pop()
            except IndexError:
                return self._endpoint.open(deadline), False
            if since > oldest and not _is_readable(connection):
                connection.deadline = deadline
                return connection, True
            connection.close()

    def _request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        """Return the request as one message, so that it leaves in one piece."""
        lines = [f"{method} {path} HTTP/1.1", f"host: {self._endpoint.authority}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None:
            lines.append(f"content-length: {len(body)}")
        return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + (body or b"")


def _is_readable(connection: Connection) -> bool:
    """True for a kept connection that has ended, or on which something came that nobody asked for."""
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    return bool(waiting.poll(0))


def _exchange(connection: Connection, reused: bool, request: bytes, method: str) -> tuple[Response, bool]:
    """Return the response, and whether the connection can be used again."""
    connection.received = False
    with http.client.HTTPResponse(connection, method=method) as response:
        try:
            connection.sendall(request)
            response.begin()
        except TimeoutError:
            raise
        except (OSError, http.client.RemoteDisconnected) as error:
            if reused and not connection.received:
                raise _ClosedWhileIdleError from error
            raise
        try:
            content = response.read(MAX_RESPONSE_BYTES + 1)
        except TimeoutError:
            raise
        except OSError as error:
            raise ExchangeError("protocol", f"the answer broke off: {type(error).__name__}") from None
        if len(content) > MAX_RESPONSE_BYTES:
            raise ExchangeError("protocol", "the answer is over 16 MiB")
        if response.length:
            raise http.client.IncompleteRead(content, response.length)
        is_last = response.status >= http.HTTPStatus.OK  # of an interim answer the rest is still to come
        kept = is_last and not response.will_close
        return Response(response.status, content, response.getheader("retry-after")), kept


def _seconds(retry_after: str | None) -> float | None:
    """Return the seconds of a header `Retry-After`; dates are not waited for."""
    if retry_after is None or not retry_after.isascii() or not retry_after.isdigit() or len(retry_after) > 6:
        return None
    return float(retry_after)
