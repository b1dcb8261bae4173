"""Streams: `python -m bench.streams` (section 6.9).

All streams are open at once; each sends a span a while after the watermark of the last. Time is from the
write of a text to its watermark, seen by the client; one stream alone first, then all of them. Memory is that
of the worker: with all streams open and nothing sent, at most, and once their connections are gone.

It is compared with that after as many plain connections, which were open at once too and are gone. A bare
application under the same server shows what those alone leave behind.
"""

import asyncio
import json
import re
import tempfile
import time
from math import inf
from pathlib import Path
from random import random
from statistics import median, quantiles
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from bench import servers
from bench.processes import memory_mib, processor_seconds
from bench.servers import Target

POINT = "post_model_call"
MANIFEST: dict[str, Any] = {
    "agent_control_specification_version": "0.3.1-beta",
    "policies": {
        "p": {
            "type": "rego",
            "query": "data.p.verdict",
            "modules": {
                "p.rego": "package p\n\n"
                'verdict := {"decision": "deny"} if contains(input.policy_target.value, "bomb")\n'
                'else := {"decision": "allow"}\n'
            },
        }
    },
    "intervention_points": {POINT: {"policy_target": "$.response.text", "policy": {"id": "p"}}},
}
SETTLED_S = 3
ALONE_PAUSE_S = 0.02
PLAIN_REQUESTS = 20
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
HEAD = (
    b"POST /v1/evaluate:stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
OPEN: dict[str, Any] = {
    "open": {
        "safety_level": "blocking",
        "response": {"snapshot": {"response": {"text": ""}}, "text": "$.response.text"},
    }
}


def _chunk(line: dict[str, Any]) -> bytes:
    content = json.dumps(line).encode() + b"\n"
    return b"%x\r\n%b\r\n" % (len(content), content)


async def _stream(
    port: int,
    spans: int,
    opened: asyncio.Semaphore,
    all_open: asyncio.Event,
    pause: float,
    seconds: list[float],
) -> str:
    """Answer with how one stream was settled."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD + _chunk(OPEN))
    await reader.readuntil(b'{"opened"')
    opened.release()
    await all_open.wait()
    text = _chunk({"text": "some words of it. ", "source": "model_generated"})
    for _ in range(spans):
        started = time.perf_counter()
        writer.write(text)
        await reader.readuntil(b'{"watermark"')
        seconds.append(time.perf_counter() - started)
        await asyncio.sleep(pause * random())  # noqa: S311  # streams that do not keep step
    writer.write(_chunk({"end": True}) + b"0\r\n\r\n")
    await reader.readuntil(b'{"settled":{"kind":"')
    kind = await reader.readuntil(b'"')
    writer.close()
    return kind[:-1].decode()


async def _plain(port: int, path: str, body: bytes, connections: int) -> None:
    """Open connections that are all open at once, send some requests over each, and close them."""
    all_open = asyncio.Barrier(connections)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(PLAIN_REQUESTS):
            writer.write(request)
            (length,) = _LENGTH.findall(await reader.readuntil(b"\r\n\r\n"))
            await reader.readexactly(int(length))
            if not number:
                await all_open.wait()
        writer.close()

    await asyncio.gather(*(ask() for _ in range(connections)))
    await asyncio.sleep(SETTLED_S)


def _after_plain(target: Target, connections: int) -> dict[str, Any]:
    """Return the memory of a server before and after plain connections."""
    parts = urlsplit(target.url)
    before = memory_mib(target.pid)
    asyncio.run(_plain(parts.port or 0, parts.path, target.body, connections))
    after = memory_mib(target.pid)
    return {"connections": connections, "memory_mib_start": round(before, 1), "memory_mib": round(after, 1)}


async def _together(port: int, streams: int, spans: int, pause: float, pid: int) -> dict[str, Any]:
    opened, all_open = asyncio.Semaphore(0), asyncio.Event()
    seconds: list[float] = []
    tasks = [
        asyncio.create_task(_stream(port, spans, opened, all_open, pause, seconds)) for _ in range(streams)
    ]
    for _ in range(streams):
        await opened.acquire()
    idle = memory_mib(pid)
    highest = asyncio.create_task(_highest_memory(pid, tasks))
    begun, spent = time.perf_counter(), processor_seconds(pid)
    all_open.set()
    kinds = await asyncio.gather(*tasks)
    spent = processor_seconds(pid) - spent
    seconds_taken = time.perf_counter() - begun
    await asyncio.sleep(SETTLED_S)
    return {
        "streams": streams,
        "settled": {kind: kinds.count(kind) for kind in set(kinds)},
        "watermark_ms": {
            "p50": round(median(seconds) * 1e3, 2),
            "p99": round(quantiles(seconds, n=100)[98] * 1e3, 2),
        },
        "spans_per_second": round(len(seconds) / seconds_taken),
        "processor_us_per_span": round(spent / len(seconds) * 1e6),
        "memory_mib_open": round(idle, 1),
        "memory_mib_highest": round(await highest, 1),
        "memory_mib_after": round(memory_mib(pid), 1),
    }


async def _highest_memory(pid: int, streams: list[asyncio.Task[str]]) -> float:
    """Return the most that was resident while these streams ran, looked at ten times a second."""
    highest = memory_mib(pid)
    while not all(stream.done() for stream in streams):
        highest = max(highest, memory_mib(pid))
        await asyncio.sleep(0.1)
    return highest


def main(
    streams: Annotated[int, typer.Option(help="Streams at once.")] = 1_000,
    spans: Annotated[int, typer.Option(help="Spans of each.")] = 200,
    pause: Annotated[float, typer.Option(help="Seconds between spans at most, as a model has them.")] = 1.0,
    rounds: Annotated[int, typer.Option(help="Times that all streams are opened.")] = 3,
    bound: Annotated[float, typer.Option(help="MiB that a round may leave beyond plain connections.")] = inf,
) -> None:
    """Measure one stream alone, then all of them, on one core; exit with 1 beyond `bound`."""
    with servers.bare() as bare:
        print(json.dumps({"bare": _after_plain(bare, streams)}))  # noqa: T201  # its output
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "m.json").write_text(json.dumps(MANIFEST))
        port = servers.free_port()
        settings = {
            "ACS_PORT": str(port),
            "ACS_MANIFESTS": f"{folder}/m.json",
            "ACS_LOG_LEVEL": "warning",
            "ACS_STREAM_MAX": str(streams),
            "ACS_AUDIT_DIR": f"{folder}/audit",
            "ACS_AUDIT_KEY_FILE": f"{folder}/audit-key.pem",
        }
        request = {"snapshot": {"response": {"text": ""}}}
        with servers.serving(settings, request, POINT) as pid:
            target = Target(f"http://127.0.0.1:{port}/v1/evaluate/{POINT}", json.dumps(request).encode(), pid)
            alone = asyncio.run(_together(port, 1, spans, ALONE_PAUSE_S, pid))
            plain = _after_plain(target, streams)
            print(json.dumps(alone), json.dumps({"plain": plain}), sep="\n")  # noqa: T201  # its output
            most = 0.0
            for _ in range(rounds):
                found = asyncio.run(_together(port, streams, spans, pause, pid))
                print(json.dumps(found), flush=True)  # noqa: T201  # its output
                most = max(most, found["memory_mib_after"] - plain["memory_mib"])
    print(f"{most:.1f} MiB more than plain connections leave")  # noqa: T201  # its output
    raise typer.Exit(most > bound)


if __name__ == "__main__":
    typer.run(main)
