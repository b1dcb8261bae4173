"""A body that is read line by line, within a bound on each (section 6.9)."""

from collections.abc import Mapping
from typing import Any

from acs_sidecar.transports.http.exchange import Receive

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

    def __init__(self, receive: Receive, most_bytes: int, state: Mapping[str, Any]) -> None:
        self.most_bytes = most_bytes
        self._receive = receive
        self._state = state
        self._rest = bytearray()
        self._more = True
        self._too_long = False

    async def lines(self) -> list[bytes]:
        """Return the next whole lines, at least one.

        Raises, behind the last whole line, `LongLineError`, `BodyEndedError` or `ClientGoneError`.
        """
        found: list[bytes] = []
        while not found:
            if self._too_long:
                raise LongLineError
            if not self._more:
                raise BodyEndedError
            found = self._split(await self._chunk())
        return found

    async def until_gone(self) -> None:
        """Drop whatever still arrives; return when the connection is closed."""
        self._rest.clear()
        try:
            while True:
                await self._chunk()
        except ClientGoneError:
            return

    async def _chunk(self) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            raise ClientGoneError
        self._more = message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk

    def _split(self, chunk: bytes) -> list[bytes]:
        found: list[bytes] = []
        if b"\n" in chunk:
            first, *others, rest = chunk.split(b"\n")
            found = [bytes(self._rest) + first, *others]
            self._rest = bytearray(rest)
        else:
            self._rest += chunk
        if not self._more and self._rest and "broken" not in self._state:
            found.append(bytes(self._rest))
            self._rest.clear()
        whole = next((at for at, line in enumerate(found) if len(line) > self.most_bytes), None)
        if whole is not None or len(self._rest) > self.most_bytes:
            self._too_long = True
        return found[:whole]
