"""A soak under attack: three callers send every hostile input that is known, a fourth sends plain requests.

`python -m tests.hostile.soak --seconds 600` runs the attack, then as many harmless requests of the same sizes, and compares what the
fourth caller sees. `--crowd` runs slow and thrashing connections of callers without names beside one with a manifest of its own instead.
"""

import asyncio
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer
from rich.console import Console

from tests.conftest import Service, start_service
from tests.hostile.inputs import PLAIN, hostile_bodies, inline, slow_body, thrashing_body

CALLERS = ("first", "second", "third")
SLOW, THRASHING = 16, 8
PLAIN_EVERY_S = 0.02
HOSTILE_EVERY_S = 0.5
VARIANTS = 40
WARM_UP_S = 60.0
CACHE_BYTES = 8 * 1024 * 1024
"""Small, so that the cache is full before the first half ends."""
SAMPLES = 20
GROWTH = 1.1
Bodies = Callable[[], Iterator[bytes]]


@dataclass
class Seen:
    """What one caller was answered: seconds, statuses, and the reasons of denials that are not 429."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    denials: Counter[str] = field(default_factory=Counter)
    broken: int = 0

    def take(self, status: int, answer: dict[str, Any], seconds: float) -> None:
        """Add one answer."""
        self.seconds.append(seconds)
        self.statuses[status] += 1
        verdict = answer["verdict"]
        if status != 429 and verdict["decision"] != "allow":
            self.denials[f"{status} {verdict.get('reason')}: {answer.get('detail')}"] += 1

    def percentile(self, percent: int) -> float:
        """Return that percentile of the times, in milliseconds."""
        ordered = sorted(self.seconds)
        return 1_000 * ordered[len(ordered) * percent // 100]


@dataclass
class Run:
    """One run: what the plain caller saw, what the others sent, and what became of the service."""

    plain: Seen
    others: Seen
    lost: int
    curve: list[dict[int, float]]

    def growth(self) -> tuple[float, float]:
        """Return the most memory of the workers in the first half, where they warm up, and in the second."""
        sums = [sum(sample.values()) for sample in self.curve]
        half = len(sums) // 2
        return max(sums[:half]), max(sums[half:])


def worker_mib(service: Service) -> dict[int, float]:
    """Return the resident memory of each worker, by process: what callers can make it keep."""
    sizes = {}
    for pid in service.workers():
        with suppress(OSError):
            if found := re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()):
                sizes[pid] = int(found[1]) / 1024
    return sizes


def hostile() -> Iterator[bytes]:
    """Every known input in turn; the manifests of a turn are not those of the turns before."""
    for turn in count():
        yield from hostile_bodies(turn % VARIANTS)


def harmless() -> Iterator[bytes]:
    """Plain requests of the sizes of the hostile ones."""
    sizes = [len(body) for body in hostile_bodies(0)]
    while True:
        for size in sizes:
            items = [{"name": "item", "value": n} for n in range(max(0, size - 150) // 30)]
            yield json.dumps({"manifest_ref": "plain", "snapshot": {"items": items}}).encode()


async def _send(
    url: str, headers: dict[str, str], bodies: Iterator[bytes], every_s: float, until: float, seen: Seen
) -> None:
    """Send a body every so many seconds over one connection, a late one at once."""
    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        due = time.monotonic()
        while (now := time.monotonic()) < until:
            await asyncio.sleep(due - now)
            body = next(bodies)
            begun = time.monotonic()
            try:
                async with session.post(url, data=body) as reply:
                    answer = await reply.json(content_type=None)
                    seen.take(reply.status, answer, time.monotonic() - begun)
            except aiohttp.ClientError:
                seen.broken += 1
            due = max(due + every_s, time.monotonic())


def _repeated(body: bytes) -> Iterator[bytes]:
    while True:
        yield body


async def _watch(service: Service, until: float, curve: list[dict[int, float]]) -> None:
    """Measure the workers at even distances, and at the end."""
    every_s = (until - time.monotonic()) / SAMPLES
    while time.monotonic() < until:
        await asyncio.sleep(every_s)
        curve.append(worker_mib(service))


async def _all(
    service: Service, clients: list[tuple[str, Iterator[bytes], float]], seconds: float
) -> tuple[Seen, Seen, list[dict[int, float]]]:
    """Run every client; the first one is the plain caller. A client is its token, its bodies and its interval."""
    plain, others = Seen(), Seen()
    curve: list[dict[int, float]] = []
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for number, (token, bodies, every_s) in enumerate(clients):
            headers = {"content-type": "application/json"} | (
                {"authorization": f"Bearer {token}"} if token else {}
            )
            url = f"{service.url}/v1/evaluate/input"
            group.create_task(_send(url, headers, bodies, every_s, until, others if number else plain))
        group.create_task(_watch(service, until, curve))
    return plain, others, curve


def measured(
    folder: Path, clients: list[tuple[str, Iterator[bytes], float]], seconds: float, workers: int
) -> Run:
    """Start a service, let all clients run, and return what was seen after a warm-up."""
    folder.mkdir()
    (folder / "plain.json").write_text(json.dumps(inline({"type": "test", "output": {"decision": "allow"}})))
    settings = {
        "ACS_MANIFESTS": "plain.json",
        "ACS_INLINE_MANIFESTS": "sandboxed",
        "ACS_INLINE_ADAPTERS": "agt_rules,combine,oags",
        "ACS_INLINE_CACHE_BYTES": str(CACHE_BYTES),
        "ACS_WORKERS": str(workers),
    }
    if clients[0][0]:
        entries = {
            name: {"token_sha256": sha256(name.encode()).hexdigest(), "scopes": ["evaluate"]}
            for name in ("plain", *CALLERS)
        }
        (folder / "callers.json").write_text(json.dumps({"callers": entries}))
        settings["ACS_AUTH_TOKENS_FILE"] = "callers.json"
    service = start_service(folder, **settings)
    try:
        asyncio.run(_all(service, clients, min(seconds / 2, WARM_UP_S)))
        plain, others, curve = asyncio.run(_all(service, clients, seconds))
        return Run(plain, others, service.log().count('"worker_died"'), curve)
    finally:
        service.stop()


def attack(bodies: Bodies) -> list[tuple[str, Iterator[bytes], float]]:
    """Return the plain caller and the three that send `bodies`, each over two connections."""
    shared = bodies()
    plain = json.dumps(PLAIN).encode()
    return [
        ("plain", _repeated(plain), PLAIN_EVERY_S),
        *((name, shared, HOSTILE_EVERY_S) for name in CALLERS for _ in range(2)),
    ]


def crowd() -> list[tuple[str, Iterator[bytes], float]]:
    """Return a bystander with a manifest of its own beside slow and thrashing connections, all without names."""
    own = inline(
        {"type": "rego", "modules": {"m": 'package p\nv := {"decision": "allow"}'}, "query": "data.p.v"}
    )
    numbers = count()
    return [
        ("", _repeated(json.dumps({"manifest": own, "snapshot": {}}).encode()), PLAIN_EVERY_S),
        *(("", _repeated(slow_body(number)), 0.0) for number in range(SLOW)),
        *(("", (thrashing_body(number) for number in numbers), 0.0) for _ in range(THRASHING)),
    ]


def _show(console: Console, name: str, run: Run) -> None:
    plain = run.plain
    console.print(
        f"{name}: plain caller {len(plain.seconds):,} answers, p50 {plain.percentile(50):.1f} ms, p99 {plain.percentile(99):.1f} ms, "
        f"statuses {dict(plain.statuses)}, broken {plain.broken}; others {dict(run.others.statuses)}, broken {run.others.broken}; "
        f"workers lost {run.lost}"
    )
    for pid in dict.fromkeys(pid for sample in run.curve for pid in sample):
        sizes = " ".join(f"{sample[pid]:.0f}" if pid in sample else "-" for sample in run.curve)
        console.print(f"  memory of worker {pid} over the run, in MiB: {sizes}")
    for denial, times in plain.denials.items():
        console.print(f"  denied {times} times: {denial}", markup=False)


def faults_of(run: Run) -> list[str]:
    """Return the promises that a run broke."""
    faults = []
    if run.plain.denials:
        faults.append(f"{sum(run.plain.denials.values())} plain requests were denied")
    if run.plain.broken > run.lost:
        faults.append(f"{run.plain.broken} plain requests were not answered")
    if run.lost > 1:
        faults.append(f"{run.lost} workers were lost")
    first, second = run.growth()
    if second > GROWTH * first:
        faults.append(f"memory grew from {first:.0f} MiB in the first half to {second:.0f} MiB in the second")
    return faults


def main(
    seconds: Annotated[float, typer.Option(help="How long each run takes.")] = 600.0,
    workers: Annotated[int, typer.Option(help="Processes that answer.")] = 1,
    *,
    crowded: Annotated[
        bool, typer.Option("--crowd", help="Slow and thrashing connections without names instead.")
    ] = False,
) -> None:
    """Send every known hostile input beside plain requests; exits 1 when a promise was broken."""
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        if crowded:
            run = measured(Path(folder) / "crowd", crowd(), seconds, workers)
            _show(console, "crowd", run)
            faults = faults_of(run)
        else:
            calm = measured(Path(folder) / "harmless", attack(harmless), seconds, workers)
            _show(console, "harmless", calm)
            run = measured(Path(folder) / "hostile", attack(hostile), seconds, workers)
            _show(console, "hostile", run)
            ratio = run.plain.percentile(99) / calm.plain.percentile(99)
            console.print(f"p99 ratio {ratio:.2f}")
            faults = faults_of(run)
            if ratio > 2:
                faults.append(f"p99 of the plain caller is {ratio:.2f} times that beside harmless requests")
    for fault in faults:
        console.print(f"broken: {fault}", style="bold red")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    typer.run(main)
