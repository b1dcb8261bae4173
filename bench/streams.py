"""Streams: `python -m bench.streams` (section 6.9).

All streams are open at once; each sends a span a while after the watermark of the last. Time is from the
write of a text to its watermark, seen by the client; one stream alone first, then all of them. Memory is that
of the worker: with all streams open and nothing sent, at most, and once their connections are gone.
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path
from random import random
from statistics import median, quantiles
from typing import Annotated, Any

import typer

from bench import servers
from bench.processes import memory_mib, processor_seconds

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
    "intervention_points": {"post_model_call": {"policy_target": "$.response.text", "policy": {"id": "p"}}},
}
SETTLED_S = 3
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
) -> None:
    """Measure one stream alone, then all of them, on one core."""
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
        with servers.serving(settings, request, "post_model_call") as pid:
            for together in [1, *[streams] * rounds]:
                found = asyncio.run(_together(port, together, spans, pause if together > 1 else 0.02, pid))
                print(json.dumps(found))  # noqa: T201  # its output


if __name__ == "__main__":
    typer.run(main)
