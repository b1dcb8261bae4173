"""Measure the decision path and print a table: `python -m bench`."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench import history, rule_sets, servers, workload
from bench.load import measure
from bench.processes import memory_mib
from bench.rounds import alternate
from bench.workload import POLICIES, REGO

MANY = 1_000
RULES = (1, 1_000, 10_000)


@dataclass(frozen=True)
class Row:
    """One server under one load, medians of its rounds; shares are of the bare application."""

    server: str
    connections: int
    processor_us: float
    processor_share: float
    rate: float
    rate_share: float
    p50_us: float
    p99_us: float
    memory_mib: float


@dataclass(frozen=True)
class Candidate:
    """Something to measure; `times` is how many times the usual snapshot it is asked about."""

    start: Callable[[], AbstractContextManager[servers.Target | None]]
    times: int = 1


def _candidates(only: str) -> dict[str, Candidate]:
    """Return everything that can be measured, by name; `only` keeps the names that contain it."""
    many = {f"m{number}": {**REGO} for number in range(MANY - 1)} | {"last": REGO}
    trusted = {"ACS_INLINE_MANIFESTS": "trusted"}
    sandboxed = {"ACS_INLINE_MANIFESTS": "sandboxed"}
    inline = workload.manifest(REGO)
    found = {
        "test": Candidate(lambda: servers.sidecar(POLICIES, "test")),
        "rego": Candidate(lambda: servers.sidecar(POLICIES, "rego")),
        "cedar": Candidate(lambda: servers.sidecar(POLICIES, "cedar")),
        "rego, signed audit": Candidate(lambda: servers.sidecar(POLICIES, "rego", audit=True)),
        "cedar, signed audit": Candidate(lambda: servers.sidecar(POLICIES, "cedar", audit=True)),
        "rego, 10 times the snapshot": Candidate(lambda: servers.sidecar(POLICIES, "rego", times=10), 10),
        "cedar, 10 times the snapshot": Candidate(lambda: servers.sidecar(POLICIES, "cedar", times=10), 10),
        f"rego, the last of {MANY} manifests": Candidate(lambda: servers.sidecar(many, "last")),
        "rego, inline and trusted": Candidate(
            lambda: servers.sidecar({}, "", inline=inline, environment=trusted)
        ),
        "rego, inline and sandboxed": Candidate(
            lambda: servers.sidecar({}, "", inline=inline, environment=sandboxed)
        ),
        "OPA": Candidate(servers.opa),
        "OPA, decision log": Candidate(lambda: servers.opa(decision_log=True)),
        "Cerbos": Candidate(servers.cerbos),
        "Cerbos, decision log": Candidate(lambda: servers.cerbos(decision_log=True)),
    }
    for rules in RULES:
        found |= {
            f"rego, {rules} rules": _many_rules(rule_sets.rego_rules(rules)),
            f"rego, table of {rules}": _many_rules(rule_sets.rego_table(rules)),
            f"cedar, {rules} policies": _many_rules(rule_sets.cedar_policies(rules)),
        }
    return {name: candidate for name, candidate in found.items() if only in name}


def _many_rules(rule_set: rule_sets.RuleSet) -> Candidate:
    return Candidate(lambda: servers.sidecar({"main": rule_set.policy}, "main", files=rule_set.files))


def main(
    seconds: Annotated[int, typer.Option(help="Seconds of one measurement.")] = 2,
    rounds: Annotated[int, typer.Option(help="Pairs of measurements of each; the median counts.")] = 10,
    connections: Annotated[str, typer.Option(help="Numbers of connections, by comma.")] = "1,16,64",
    only: Annotated[str, typer.Option(help="Measure only what has this in its name.")] = "",
) -> None:
    """Measure processor time per request and throughput, the server on one core and wrk on another.

    Every figure is paired with `bare`, an application that parses a request and answers the same bytes under
    the same server, in alternating rounds. Cerbos is measured when it is on the path or installed with
    `npm install @cerbos/cerbos-linux-x64`, OPA when it is on the path.
    """
    for tool in ("wrk", "taskset"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is not installed: `apt-get install wrk util-linux`")
    levels = [int(number) for number in connections.split(",")]
    rows = list(_measured(_candidates(only), levels, seconds, rounds))
    _print(rows)
    history.append("bench", [{**asdict(row)} for row in rows])


def _measured(found: dict[str, Candidate], levels: list[int], seconds: int, rounds: int) -> Iterator[Row]:
    for name in track(found, description="measuring", console=Console(stderr=True), transient=True):
        candidate = found[name]
        with servers.bare(candidate.times) as bare, candidate.start() as target:
            if target is None:
                Console(stderr=True).print(f"{name}: not installed, left out")
                continue
            for level in levels:
                for server in (bare, target):
                    measure(server, level, 1)  # warm up
                pairs = alternate(bare, target, level, seconds, rounds)
                yield Row(
                    name,
                    level,
                    median(figures.processor_us for figures in pairs.second),
                    pairs.processor_ratio,
                    median(figures.rate for figures in pairs.second),
                    pairs.rate_ratio,
                    median(figures.p50_us for figures in pairs.second),
                    median(figures.p99_us for figures in pairs.second),
                    memory_mib(target.pid),
                )


def _print(rows: list[Row]) -> None:
    table = Table(
        "server", "connections", "CPU µs", "of bare", "requests/s", "of bare", "p50 µs", "p99 µs", "MiB"
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        table.add_row(
            row.server,
            str(row.connections),
            f"{row.processor_us:.1f}",
            f"{row.processor_share:.2f}",
            f"{row.rate:,.0f}",
            f"{row.rate_share:.2f}",
            f"{row.p50_us:,.0f}",
            f"{row.p99_us:,.0f}",
            f"{row.memory_mib:.0f}",
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    typer.run(main)
