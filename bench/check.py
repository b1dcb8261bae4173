"""Compare the working tree with a revision by paired runs: `python -m bench.check REVISION`."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench import history, servers
from bench.load import measure
from bench.revision import prepare
from bench.rounds import Pairs, alternate
from bench.workload import POLICIES

WHAT = {
    "rego": ("rego", False),
    "rego, signed audit": ("rego", True),
    "cedar": ("cedar", False),
    "cedar, signed audit": ("cedar", True),
}


def main(
    revision: Annotated[str, typer.Argument(help="The revision to compare with.")],
    margin: Annotated[float, typer.Option(help="How much more processor time is accepted.")] = 0.03,
    starts: Annotated[int, typer.Option(help="How often both start: no two processes cost the same.")] = 4,
    rounds: Annotated[int, typer.Option(help="Pairs of measurements of each start.")] = 3,
    seconds: Annotated[int, typer.Option(help="Seconds of one measurement.")] = 2,
    connections: Annotated[str, typer.Option(help="Numbers of connections, by comma.")] = "16",
    only: Annotated[str, typer.Option(help="Compare only this, such as `rego, signed audit`.")] = "",
) -> None:
    """Fail if the working tree needs more processor time per request than the revision, past the margin."""
    before = prepare(revision)
    compared: dict[tuple[str, int], Pairs] = {}
    for name, (policy, audit) in WHAT.items():
        if only and only != name:
            continue
        for _ in range(starts):
            with (
                servers.sidecar(POLICIES, policy, audit=audit) as tree,
                servers.sidecar(POLICIES, policy, audit=audit, command=before) as other,
            ):
                for level in map(int, connections.split(",")):
                    for target in (tree, other):
                        measure(target, level, 1)  # warm up
                    pairs = alternate(tree, other, level, seconds, rounds)
                    compared[name, level] = compared.get((name, level), Pairs((), ())) + pairs
    _print(compared, revision)
    rows = [
        {"server": name, "connections": level, "of_revision": round(pairs.processor_ratio, 4)}
        for (name, level), pairs in compared.items()
    ]
    history.append(f"check {revision}", rows)
    slower = [name for (name, _), pairs in compared.items() if pairs.processor_ratio > 1 + margin]
    if slower:
        sys.exit(f"slower than {revision} by more than {margin:.0%}: {', '.join(slower)}")


def _print(compared: dict[tuple[str, int], Pairs], revision: str) -> None:
    table = Table("server", "connections", f"time of {revision}'s", "quartiles", "requests")
    for (name, level), pairs in compared.items():
        low, high = pairs.spread
        table.add_row(
            name,
            str(level),
            f"{pairs.processor_ratio:.3f}",
            f"{low:.3f} to {high:.3f}",
            f"{1 / pairs.rate_ratio:.3f}",
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    typer.run(main)
