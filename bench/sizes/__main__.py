"""What a decision costs by the size of what it is given: `python -m bench.sizes`.

Of each kind, every size is measured beside the smallest in alternating rounds.
"""

import json
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench import servers, workload
from bench.processes import memory_mib, processor_seconds
from bench.rounds import alternate
from bench.servers import Target

CONNECTIONS = 16
KB = 1_000


@dataclass(frozen=True)
class Case:
    """A service with one manifest or several alike, and the snapshot that the last is asked about."""

    size: str
    manifest: dict[str, Any]
    snapshot: dict[str, Any] = field(default_factory=workload.snapshot)
    manifests: int = 1
    audit: bool = False

    @contextmanager
    def serving(self) -> Iterator[tuple[Target, float]]:
        """Run the service; gives it with the processor time in seconds that it took until it answered."""
        port = servers.free_port()
        request = {"snapshot": self.snapshot, "manifest_ref": f"m{self.manifests - 1}"}
        with tempfile.TemporaryDirectory() as folder:
            for number in range(self.manifests):
                Path(folder, f"m{number}.json").write_text(json.dumps(self.manifest))
            settings = {
                "ACS_PORT": str(port),
                "ACS_MANIFESTS": folder,
                "ACS_LOG_LEVEL": "warning",
                "ACS_AUDIT_DURABILITY": "write" if self.audit else "none",
                "ACS_AUDIT_DIR": f"{folder}/audit",
                "ACS_AUDIT_KEY_FILE": f"{folder}/audit-key.pem",
            }
            url = f"http://127.0.0.1:{port}/v1/evaluate/pre_tool_call"
            with servers.serving(settings, request, "pre_tool_call") as pid:
                target, start = Target(url, json.dumps(request).encode(), pid), processor_seconds(pid)
                _check_allowed(target)
                yield target, start


def _check_allowed(target: Target) -> None:
    """Raise `RuntimeError` if a limit denies the request: that would be cheap."""
    asked = urllib.request.Request(target.url, target.body, target.headers)  # noqa: S310  # loopback
    with urllib.request.urlopen(asked, timeout=30) as response:  # noqa: S310  # loopback
        answer = json.load(response)
    if answer["verdict"]["decision"] != "allow":
        raise RuntimeError(f"denied: {answer}")


def _catalogue(policy: dict[str, Any], tools: int) -> dict[str, Any]:
    manifest = workload.manifest(policy)
    others = {f"tool_{number}": {"clearance": number % 5} for number in range(tools - 1)}
    return manifest | {"tools": others | manifest["tools"]}


def _annotated(annotations: int) -> dict[str, Any]:
    manifest = workload.manifest(workload.REGO)
    names = [f"hosts_{number}" for number in range(annotations)]
    manifest["annotators"] = {name: {"type": "classifier", "provider": "egress"} for name in names}
    point = manifest["intervention_points"]["pre_tool_call"]
    point["annotations"] = {name: {"from": "$policy_target"} for name in names}
    return manifest


def _snapshot(length: int) -> dict[str, Any]:
    """Return the usual snapshot with as many turns as `length` bytes of JSON hold."""
    snapshot = workload.snapshot()
    turn = snapshot["messages"][0]
    missing = length - len(json.dumps(snapshot))
    snapshot["messages"] += [turn] * (missing // (len(json.dumps(turn)) + 2))
    return snapshot


def cases() -> dict[str, list[Case]]:
    """Return what is measured, the smallest of each kind first."""
    rego, cedar = workload.REGO, workload.CEDAR
    lengths = {"1 KB": KB, "10 KB": 10 * KB, "100 KB": 100 * KB, "1 MB": 1_000 * KB}
    sizes = (1, 100, 10_000)
    return {
        "tools, Rego": [Case(f"{size:,}", _catalogue(rego, size)) for size in sizes],
        "tools, Cedar": [Case(f"{size:,}", _catalogue(cedar, size)) for size in sizes],
        "annotations": [Case(str(size), _annotated(size)) for size in (0, 1, 4, 16)],
        "snapshot, Rego": [
            Case(size, workload.manifest(rego), _snapshot(length)) for size, length in lengths.items()
        ],
        "snapshot, Rego, signed audit": [
            Case(size, workload.manifest(rego), _snapshot(length), audit=True)
            for size, length in lengths.items()
        ],
        "snapshot, Cedar": [
            Case(size, workload.manifest(cedar), _snapshot(length)) for size, length in lengths.items()
        ],
        "manifests": [
            Case(f"{size:,}", workload.manifest(rego), manifests=size) for size in (1, 100, 1_000, 5_000)
        ],
    }


def main(
    rounds: Annotated[int, typer.Option(help="Pairs of measurements of each; the median counts.")] = 5,
    seconds: Annotated[int, typer.Option(help="Seconds of one measurement.")] = 1,
    only: Annotated[str, typer.Option(help="Measure only what has this in its name.")] = "",
) -> None:
    """Print the processor time of a decision for tools, annotations, snapshots and manifests of each size.

    16 connections, the service on one core and wrk on another. The annotator is the classifier `egress`.
    """
    table = Table("kind", "size", "CPU µs", "of the smallest", "start, s", "MiB")
    for column in table.columns[2:]:
        column.justify = "right"
    chosen = {kind: found for kind, found in cases().items() if only in kind}
    for kind in track(chosen, description="measuring", console=Console(stderr=True), transient=True):
        for row in _rows(chosen[kind], rounds, seconds):
            table.add_row(kind, *row)
    Console(width=110).print(table)


def _rows(found: list[Case], rounds: int, seconds: int) -> Iterator[tuple[str, ...]]:
    with found[0].serving() as (smallest, _):
        for case in found:
            with case.serving() as (target, start):
                pairs = alternate(smallest, target, CONNECTIONS, seconds, rounds)
                processor_us = median(figures.processor_us for figures in pairs.second)
                yield (
                    case.size,
                    f"{processor_us:,.0f}",
                    f"{1 / pairs.processor_ratio:.2f}",
                    f"{start:.1f}",
                    f"{memory_mib(target.pid):.0f}",
                )


if __name__ == "__main__":
    typer.run(main)
