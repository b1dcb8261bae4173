"""Servers on loopback that speak the bytes they are given, and keep what they were asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

Speak = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class ReceivedRequest:
    """One request as it arrived."""

    target: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body."""
        return orjson.loads(self.body)


@dataclass
class WireServer:
    """Answers every request with `speak`, on one connection after another."""

    speak: Speak
    received: list[ReceivedRequest] = field(default_factory=list)
    serving: set[asyncio.Task[Any]] = field(default_factory=set)
    connections: int = 0
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until either side ends it."""
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)
        try:
            while request := await _request(reader):
                self.received.append(request)
                await self.speak(writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


async def _request(reader: asyncio.StreamReader) -> ReceivedRequest | None:
    first = await reader.readline()
    if not first:
        return None
    headers = {}
    while (line := (await reader.readline()).decode().rstrip("\r\n")) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return ReceivedRequest(first.decode().split(" ")[1], headers, body)


def reply(
    body: Any, status: int = 200, *, kind: str = "application/json", headers: dict[str, str] | None = None
) -> Speak:
    """Speak one whole HTTP/1.1 reply; a body that is not bytes goes as JSON."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return say("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def say(content: bytes) -> Speak:
    """Speak these bytes."""

    async def speak(writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()

    return speak


@asynccontextmanager
async def wire_server(speak: Speak) -> AsyncIterator[WireServer]:
    """A server on a free port, ended with all its connections."""
    wire = WireServer(speak)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
        for task in wire.serving:
            task.cancel()
        await asyncio.gather(*wire.serving, return_exceptions=True)
