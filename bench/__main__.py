"""Measure the decision path and print a table: `python -m bench`."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench import servers, workload
from bench.load import Figures, measure, memory_mib

REGO = {"type": "rego", "modules": {"bench.rego": workload.REGO}, "query": "data.bench.verdict"}
CEDAR = {"type": "cedar", "policy_set": workload.CEDAR}
POLICIES = {"test": workload.TEST, "rego": REGO, "cedar": CEDAR}
MANY = 1_000


@dataclass
class Row:
    """One server under one load."""

    name: str
    connections: int
    figures: list[Figures]
    memory: float = 0.0

    @property
    def best(self) -> Figures:
        """The round with the highest rate: noise only ever takes away."""
        return max(self.figures, key=lambda figures: figures.rate)


Servers = dict[str, Callable[[], AbstractContextManager[servers.Target | None]]]


def _servers(only: str) -> Servers:
    """Everything that can be measured, by name; `only` keeps the names that contain it."""
    many = {f"m{number}": {**REGO} for number in range(MANY - 1)} | {"last": REGO}
    trusted = {"ACS_INLINE_MANIFESTS": "trusted"}
    sandboxed = {"ACS_INLINE_MANIFESTS": "sandboxed"}
    found: Servers = {
        "bare": servers.bare,
        "test": lambda: servers.sidecar(POLICIES, "test"),
        "rego": lambda: servers.sidecar(POLICIES, "rego"),
        "cedar": lambda: servers.sidecar(POLICIES, "cedar"),
        "rego, signed audit": lambda: servers.sidecar(POLICIES, "rego", audit=True),
        "cedar, signed audit": lambda: servers.sidecar(POLICIES, "cedar", audit=True),
        "bare, 10 times the snapshot": lambda: servers.bare(10),
        "rego, 10 times the snapshot": lambda: servers.sidecar(POLICIES, "rego", times=10),
        "cedar, 10 times the snapshot": lambda: servers.sidecar(POLICIES, "cedar", times=10),
        f"rego, the last of {MANY} manifests": lambda: servers.sidecar(many, "last"),
        "rego, inline and trusted": lambda: servers.sidecar(
            {}, "", inline=workload.manifest(REGO), environment=trusted
        ),
        "rego, inline and sandboxed": lambda: servers.sidecar(
            {}, "", inline=workload.manifest(REGO), environment=sandboxed
        ),
        "OPA": servers.opa,
        "OPA, decision log": lambda: servers.opa(decision_log=True),
        "Cerbos": servers.cerbos,
        "Cerbos, decision log": lambda: servers.cerbos(decision_log=True),
    }
    return {name: server for name, server in found.items() if only in name}


def main(
    seconds: Annotated[float, typer.Option(help="Seconds of one measurement.")] = 4.0,
    rounds: Annotated[int, typer.Option(help="Measurements of each; the best counts.")] = 2,
    connections: Annotated[str, typer.Option(help="Numbers of connections, by comma.")] = "1,16,64",
    only: Annotated[str, typer.Option(help="Measure only what has this in its name.")] = "",
) -> None:
    """Measure requests a second and latencies, the server on one core and wrk on another.

    `bare` is an application that parses and answers the same bytes under the same server: the share
    of it is what to compare between machines. Cerbos is measured when it is on the path or installed
    with `npm install @cerbos/cerbos-linux-x64`, OPA when it is on the path.
    """
    for tool in ("wrk", "taskset"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is not installed: `apt-get install wrk util-linux`")
    levels = [int(number) for number in connections.split(",")]
    rows = list(_measured(_servers(only), levels, seconds, rounds))
    _print(rows)


def _measured(found: Servers, levels: list[int], seconds: float, rounds: int) -> Iterator[Row]:
    for name in track(found, description="measuring", console=Console(stderr=True), transient=True):
        with found[name]() as target:
            if target is None:
                Console(stderr=True).print(f"{name}: not installed, left out")
                continue
            measure(target, 16, 1.0)  # warm up
            for level in levels:
                figures = [measure(target, level, seconds) for _ in range(rounds)]
                yield Row(name, level, figures, memory_mib(target.pid))


def _print(rows: list[Row]) -> None:
    fixed = {row.connections: row.best.rate for row in rows if row.name == "bare"}
    table = Table("server", "connections", "requests/s", "of bare", "p50 us", "p99 us", "p99/p50", "MiB")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        best = row.best
        share = f"{best.rate / fixed[row.connections]:.2f}" if row.connections in fixed else "-"
        table.add_row(
            row.name,
            str(row.connections),
            f"{best.rate:,.0f}",
            share,
            f"{best.p50_us:,.0f}",
            f"{best.p99_us:,.0f}",
            f"{best.p99_us / best.p50_us:.1f}",
            f"{row.memory:.0f}",
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    typer.run(main)
