"""The fuzz target: hostile requests against a real service, by command and in short in the tests.

`python -m tests.hostile.fuzz --requests 100000`
"""

import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from yarl import URL

from tests.conftest import Service, start_service
from tests.described import check_response
from tests.hostile.generator import CEDAR, REGO, Generator

CONNECTIONS = 8
STATUSES = frozenset({200, 400, 403, 404, 413})
SLOWEST_SECONDS = 8.0
GROWTH_MIB = 150

MANIFEST: dict[str, Any] = {
    "agent_control_specification_version": "0.3.1-beta",
    "tools": {"t": {}},
    "intervention_points": {
        "input": {"policy_target": "$.input", "policy": {"id": "p"}},
        "output": {"policy_target": "$", "policy": {"id": "p"}},
        "pre_tool_call": {
            "policy_target": "$.tool_call.args",
            "tool_name_from": "$.tool_call.name",
            "policy": {"id": "p"},
        },
    },
}
OPERATOR = {
    "denies": {"type": "test", "output": {"decision": "deny"}},
    "rego": {"type": "rego", "modules": {"p": REGO}, "query": "data.p.v"},
    "cedar": {"type": "cedar", "policy_set": CEDAR},
}


@dataclass
class Outcome:
    """What came back: how often which answer, what should never happen, and the slowest answer."""

    answers: Counter[tuple[int, str]] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def take(self, status: int, reply: bytes, request: bytes, seconds: float) -> None:
        """Hold one answer to the rules: a known status, a verdict, and never an allow."""
        self.slowest = max(self.slowest, seconds)
        try:
            answer = json.loads(reply)
            verdicts = [item["verdict"] for item in answer.get("results", [answer])]
        except (ValueError, KeyError, TypeError, AttributeError):
            self.violations.append(f"no verdict in {reply[:200]!r} to {request[:300]!r}")
            return
        for verdict in verdicts:
            self.answers[status, verdict.get("reason", verdict["decision"])] += 1
            allowed = ("deny",) if status != 200 else ("deny", "warn")
            if verdict["decision"] not in allowed:
                self.violations.append(f"{verdict} to {request[:2_000]!r}")
        if status not in STATUSES:
            self.violations.append(f"status {status} to {request[:2_000]!r}")
        if seconds > SLOWEST_SECONDS:
            self.violations.append(f"{seconds:.1f} s for {request[:500]!r}")


def memory_mib(pid: int) -> float:
    """Give the resident memory of a process."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in line)
    return int(line.split()[1]) / 1024


def fuzz(requests: int, seed: int, folder: Path, progress: Progress | None = None) -> Outcome:
    """Send `requests` hostile requests to a service of its own, and hold it to the rules."""
    manifests = folder / "manifests"
    manifests.mkdir()
    for name, policy in OPERATOR.items():
        (manifests / f"{name}.json").write_text(json.dumps(MANIFEST | {"policies": {"p": policy}}))
    service = start_service(folder, ACS_INLINE_MANIFESTS="sandboxed", ACS_TELEMETRY_EVENTS="off")
    try:
        outcome = Outcome()
        asyncio.run(_send(service, Generator(seed), min(requests, 500), outcome, None))
        (worker,) = service.workers()
        before = memory_mib(worker)
        asyncio.run(_send(service, Generator(seed + 1), requests - 500, outcome, progress))
        grown = memory_mib(worker) - before
        if grown > GROWTH_MIB:
            outcome.violations.append(f"memory grew by {grown:.0f} MiB")
        if service.process.poll() is not None:
            outcome.violations.append("the service ended")
        elif service.stop() != 0:
            outcome.violations.append("the service did not stop cleanly")
        if "fault" in service.log() or "Traceback" in service.log():
            outcome.violations.append(f"a fault was logged: {service.log()[-1_500:]}")
        return outcome
    finally:
        service.process.kill()


async def _send(
    service: Service, generator: Generator, requests: int, outcome: Outcome, progress: Progress | None
) -> None:
    task = progress.add_task("hostile requests", total=requests) if progress else None
    left = iter(range(requests))

    async def client(session: aiohttp.ClientSession) -> None:
        for _ in left:
            path, body = generator.request()
            begun = time.monotonic()
            url = URL(service.url + path, encoded=True)
            async with session.post(url, data=body, headers={"content-type": "application/json"}) as reply:
                content = await reply.read()
                outcome.take(reply.status, content, body, time.monotonic() - begun)
                headers = {name.lower(): value for name, value in reply.headers.items()}
                try:
                    check_response("POST", path, reply.status, headers, content)
                except AssertionError as fault:
                    outcome.violations.append(f"{fault} to {body[:500]!r}")
            if progress and task is not None:
                progress.advance(task)

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(client(session))


def main(
    requests: Annotated[int, typer.Option(help="How many requests to send.")] = 100_000,
    seed: Annotated[int, typer.Option(help="The same seed sends the same requests.")] = 1,
) -> None:
    """Send hostile requests to a service started for it; exits 1 when a rule was broken."""
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder, Progress(console=console, transient=True) as progress:
        outcome = fuzz(requests, seed, Path(folder), progress)
    table = Table("status", "verdict", "answers")
    for (status, verdict), count in sorted(outcome.answers.items()):
        table.add_row(str(status), verdict, f"{count:,}")
    Console().print(table)
    Console().print(f"slowest answer {outcome.slowest:.2f} s; {len(outcome.violations)} rules broken")
    for violation in outcome.violations[:20]:
        console.print(violation, markup=False)
    sys.exit(1 if outcome.violations else 0)


if __name__ == "__main__":
    typer.run(main)
