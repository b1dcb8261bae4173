"""Decisions that are answered without ASGI, and without a task where they wait for nobody.

The coroutine of a decision runs in a callback of the event loop until it first waits. Most end before; one
that waits for its record alone goes on in another callback, any other as a task from where it is. Until then
it has no task of its own, so it may not use what needs one, such as `asyncio.timeout`.
"""

from collections.abc import Callable, Coroutine, Generator, Iterable
from functools import lru_cache
from typing import Any, TypeAlias

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from acs_sidecar.transports.http.exchange import Headers, Reply

__all__ = ["Decide", "DirectCycle", "Resumed", "response"]

Decide: TypeAlias = Callable[[str, str, Headers, bytes], Coroutine[Any, Any, Reply | None]]
"""Answers a request by its method, path, headers and body; `None` when nobody reads the answer."""

_CLOSE = (b"connection", b"close")
_CLOSING = b"connection: close\r\n"


class _Unheard:
    """Where nobody waits for an event, as nothing of the request is to come."""

    def set(self) -> None: ...


class DirectCycle:
    """What uvicorn asks of the cycle of a request, for one that has arrived whole."""

    __slots__ = ("disconnected", "keep_alive", "response_complete")
    message_event = _Unheard()

    def __init__(self, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False


class Resumed(Generator[Any, None, Reply | None]):
    """Awaits a coroutine that was begun outside of a task and now waits for `waited`."""

    def __init__(self, coroutine: Coroutine[Any, Any, Reply | None], waited: object) -> None:
        self._coroutine = coroutine
        self._waited = waited
        self._begun = False

    def __await__(self) -> Generator[Any, None, Reply | None]:
        """Go on where the coroutine is."""
        return self

    def send(self, value: None) -> Any:  # noqa: ANN401  # whatever a task waits for
        """Return what is waited for already, then go on."""
        if self._begun:
            return self._coroutine.send(value)
        self._begun = True
        return self._waited

    def throw(self, *error: Any) -> Any:  # noqa: ANN401  # the three forms of the protocol
        """Raise an error where the coroutine waits, such as its cancellation."""
        self._begun = True
        return self._coroutine.throw(*error)


def response(reply: Reply, default_headers: Iterable[tuple[bytes, bytes]], *, keep_alive: bool) -> bytes:
    """Return a response as uvicorn would write it."""
    closing = b"" if keep_alive or _CLOSE in reply.headers else _CLOSING
    head = _head(reply.status, (*default_headers, *reply.headers))
    return b"%b%d\r\n%b\r\n%b" % (head, len(reply.body), closing, reply.body)


@lru_cache(maxsize=8)  # there is a date in each: those of another second serve no more
def _head(status: int, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """Return the head of a response as far as the value of its `content-length`."""
    return STATUS_LINE[status] + _lines(headers) + b"content-length: "


def _lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in headers)
