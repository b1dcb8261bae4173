"""A body that is read line by line, within a bound on each (section 6.9)."""

from collections.abc import Iterator, Mapping
from typing import Any

from acs_sidecar.transports.http.exchange import Message, Receive

__all__ = ["BodyEndedError", "ClientGoneError", "LineReader", "LongLineError"]


class LongLineError(Exception):
    """A line is longer than lines may be."""


class BodyEndedError(Exception):
    """Nothing follows in the body."""


class ClientGoneError(Exception):
    """The connection is closed."""


class LineReader:
    """The lines of the body of one request. The last one may end without a newline.

    `state` is what the server tells of the request: of a body that is `broken`, only whole lines count.
    """

    __slots__ = ("_more", "_receive", "_rest", "_state", "_too_long", "most_bytes")

    def __init__(self, receive: Receive, most_bytes: int, state: Mapping[str, Any]) -> None:
        self.most_bytes = most_bytes
        self._receive = receive
        self._state = state
        self._rest = bytearray()
        self._more = True
        self._too_long = False

    async def lines(self) -> list[bytes]:
        """Return the next whole lines, at least one. Raises as `check` and `arrived`."""
        while not (found := self._take(await self._receive())):
            self.check()
        return found

    def arrived(self) -> Iterator[bytes]:
        """Return the whole lines that have arrived. Raises `ClientGoneError` behind the last one.

        Behind the end of the body nothing is asked for: what arrives there is another request's, and waits.
        """
        while self._more:
            receiving = self._receive().__await__()
            try:
                next(receiving)
            except StopIteration as done:
                yield from self._take(done.value)
            else:
                receiving.close()
                return

    def check(self) -> None:
        """Raise `LongLineError` or `BodyEndedError` if no line can follow."""
        if self._too_long:
            raise LongLineError
        if not self._more:
            raise BodyEndedError

    def _take(self, message: Message) -> list[bytes]:
        if message["type"] != "http.request":
            raise ClientGoneError
        self._more = message.get("more_body", False)
        if self._too_long:
            return []
        body: bytes = message.get("body", b"")
        *found, rest = body.split(b"\n")
        if found:
            found[0] = bytes(self._rest) + found[0]
            self._rest = bytearray(rest)
        else:
            self._rest += rest
        if not self._more and self._rest and "broken" not in self._state:
            found.append(bytes(self._rest))
            self._rest.clear()
        whole = next((at for at, line in enumerate(found) if len(line) > self.most_bytes), None)
        if whole is not None or len(self._rest) > self.most_bytes:
            self._too_long = True
            self._rest.clear()
        return found[:whole]
