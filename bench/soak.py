"""Load a service beyond its capacity for minutes and hold it to its promises: `python -m bench.soak`.

Mixed requests (Rego, Cedar, inline in the sandbox, batches, malformed ones) arrive at twice the rate that
the service can answer. Afterwards: memory has not grown, nothing but 429 and 503 was refused, latencies of
what was accepted stay near each other, every accepted decision is in the audit log under its request id,
the log is sound, and no canary of any snapshot is in records, events or metrics.
"""

import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from bench import workload
from bench.processes import memory_mib
from bench.servers import free_port
from bench.workload import CEDAR, REGO

__all__: list[str] = []

ACS = str(Path(sys.executable).with_name("acs-sidecar"))
CANARY = "canary-7f3a9c51"
CONNECTIONS = 96
IN_FLIGHT = 24
LATENCIES = 200_000


@dataclass
class Tally:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    accepted: dict[str, "array[int]"] = field(default_factory=dict)
    sent: int = 0
    broken: int = 0

    def accept(self, answer: dict[str, Any]) -> None:
        """Note where the record of an accepted decision must be."""
        place = answer["audit"]
        numbers = self.accepted.setdefault(place["log"], array("q"))
        numbers.extend([-1] * (place["index"] + 1 - len(numbers)))
        numbers[place["index"]] = int(answer["request_id"])


def _requests() -> list[tuple[str, dict[str, Any]]]:
    """The mix, each with a canary where only the policy may see it."""
    snapshot = {**workload.request(1, None)["snapshot"], "note": CANARY}
    sandboxed = workload.manifest({"type": "test", "output": {"decision": "deny", "reason": "no"}})
    rego, cedar = ({"manifest_ref": name, "snapshot": snapshot} for name in ("rego", "cedar"))
    point = "/v1/evaluate/pre_tool_call"
    return [
        (point, rego),
        (point, rego),
        (point, cedar),
        (point, {**rego, "mode": "evaluate_only"}),
        (point, {"manifest": sandboxed, "snapshot": snapshot}),
        (point, {"manifest_ref": "rego", "snapshot": {"tool_call": {"name": CANARY}}}),
    ]


def _bytes(path: str, body: dict[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(content)}\r\n\r\n".encode() + content


async def _connection(port: int, number: int, interval: float, until: float, tally: Tally) -> None:
    """Send a request every `interval` seconds, late ones at once, until the time is over."""
    mix = _requests()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    due = time.monotonic() + interval * number / CONNECTIONS
    while (now := time.monotonic()) < until:
        if due > now:
            await asyncio.sleep(due - now)
        due = max(due + interval, now - 1.0)
        tally.sent += 1
        path, body = mix[tally.sent % len(mix)]
        started = time.monotonic()
        writer.write(_bytes(path, {**body, "request_id": str(tally.sent)}))
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            content = await reader.readexactly(int(length[1]) if length else 0)
        except (asyncio.IncompleteReadError, ConnectionError):
            tally.broken += 1
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            continue
        status = int(head[9:12])
        tally.statuses[status] += 1
        if status == 200:
            if len(tally.latencies) < LATENCIES:
                tally.latencies.append(time.monotonic() - started)
            else:
                tally.latencies[tally.sent % LATENCIES] = time.monotonic() - started
            tally.accept(json.loads(content))
    writer.close()


async def _load(port: int, rate: float, seconds: float) -> Tally:
    tally = Tally()
    until = time.monotonic() + seconds
    interval = CONNECTIONS / rate
    await asyncio.gather(
        *(_connection(port, number, interval, until, tally) for number in range(CONNECTIONS))
    )
    return tally


def main(
    minutes: Annotated[float, typer.Option(help="How long.")] = 10.0,
    workers: Annotated[int, typer.Option(help="Processes that answer.")] = 1,
) -> None:
    """Load a service at twice its capacity and check what it promises. Exits 1 when a promise is broken."""
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        (folder / "manifests").mkdir()
        policies: dict[str, dict[str, Any]] = {"rego": REGO, "cedar": CEDAR}
        for name, policy in policies.items():
            manifest = json.dumps(workload.manifest(policy))
            (folder / "manifests" / f"{name}.json").write_text(manifest)
        port = free_port()
        settings = {
            "PATH": "/usr/bin:/bin",
            "ACS_PORT": str(port),
            "ACS_WORKERS": str(workers),
            "ACS_MANIFESTS": str(folder / "manifests"),
            "ACS_INLINE_MANIFESTS": "sandboxed",
            "ACS_MAX_IN_FLIGHT": str(IN_FLIGHT),
            "ACS_TELEMETRY_EVENTS": "all",
            "ACS_AUDIT_DIR": str(folder / "audit"),
            "ACS_AUDIT_KEY_FILE": str(folder / "key.pem"),
        }
        with (folder / "log").open("wb") as log:
            service = subprocess.Popen([ACS, "serve"], env=settings, stdout=log, stderr=log, cwd=folder)
        try:
            _wait(port, service)
            faults = list(_checked(console, service, port, minutes, folder))
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(timeout=60)
    for fault in faults:
        console.print(f"broken: {fault}", style="bold red")
    raise typer.Exit(1 if faults else 0)


def _checked(
    console: Console, service: subprocess.Popen[bytes], port: int, minutes: float, folder: Path
) -> list[str]:
    # Closed-loop first: as fast as the answers come is what the service can do with this client.
    capacity = sum(asyncio.run(_load(port, 1e6, 5.0)).statuses.values()) / 5.0
    console.print(f"capacity: {capacity:,.0f} requests/s; offered: {2 * capacity:,.0f}")
    asyncio.run(_load(port, 2 * capacity, min(60.0, minutes * 6)))
    before = memory_mib(service.pid)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        bar.add_task("loading", total=None)
        tally = asyncio.run(_load(port, 2 * capacity, minutes * 60))
    after = memory_mib(service.pid)
    metrics = _get(port, "/metrics")
    service.send_signal(signal.SIGTERM)
    service.wait(timeout=60)
    ordered = sorted(tally.latencies)
    p50, p99 = ordered[len(ordered) // 2] * 1e3, ordered[len(ordered) * 99 // 100] * 1e3
    answered = dict(sorted(tally.statuses.items()))
    console.print(f"answers by status: {answered}; connections broken: {tally.broken}")
    console.print(f"accepted: p50 {p50:.2f} ms, p99 {p99:.2f} ms; memory {before:.1f} -> {after:.1f} MiB")
    faults = []
    if after > before * 1.05:
        faults.append(f"the memory grew from {before:.1f} to {after:.1f} MiB")
    if unexpected := tally.statuses.keys() - {200, 429, 503}:
        faults.append(f"statuses {sorted(unexpected)}")
    if tally.broken:
        faults.append(f"{tally.broken} connections were broken")
    if p99 > 10 * p50:
        faults.append(f"p99 is {p99 / p50:.1f} times p50")
    missing = _missing(tally, folder / "audit")
    console.print(f"accepted decisions: {tally.statuses[200]:,}, without their record: {missing}")
    if missing:
        faults.append(f"{missing} accepted decisions are not in the audit log")
    verify = [ACS, "audit", "verify", str(folder / "audit"), "--key", str(folder / "key.pem")]
    if subprocess.run(verify, stdout=subprocess.DEVNULL, check=False).returncode:
        faults.append("the audit log is not sound")
    for name, found in {"events": (folder / "log").read_bytes(), "metrics": metrics}.items():
        if CANARY.encode() in found:
            faults.append(f"a canary is in the {name}")
    return faults


def _missing(tally: Tally, audit: Path) -> int:
    """Count accepted decisions whose record is not at their index with their request id."""
    missing = 0
    for log, numbers in tally.accepted.items():
        found = array("q", [-1]) * len(numbers)
        for path in (audit / log).glob("records-*.jsonl"):
            with path.open("rb") as lines:
                for line in lines:
                    if CANARY.encode() in line:
                        return -1
                    record = json.loads(line)
                    if record["index"] < len(found) and record.get("request_id"):
                        found[record["index"]] = int(record["request_id"])
        missing += sum(number >= 0 and number != found[index] for index, number in enumerate(numbers))
    return missing


def _get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply:
        content: bytes = reply.read()
        return content


def _wait(port: int, service: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and service.poll() is None:
        try:
            _get(port, "/readyz")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the service did not start")


if __name__ == "__main__":
    typer.run(main)
