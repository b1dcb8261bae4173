"""Processor time until the service listens, beside importing its dependencies alone: `python -m bench.start`.

The first round of each does not count: it leaves the compiled modules behind.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench.processes import memory_mib, processor_seconds

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "manifests"
MANIFESTS = {"one Rego manifest": EXAMPLES / "support-agent", "the examples": EXAMPLES}
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("ACS_", "PYTHON"))}
LISTENS = '"event":"listening"'


def dependencies() -> Iterator[str]:
    """Yield the modules of the distributions that the service always needs."""
    needed = {_normal(given) for given in requires("acs-sidecar") or () if "extra ==" not in given}
    for module, distributions in packages_distributions().items():
        if module.isidentifier() and module[0] != "_" and needed.intersection(map(_normal, distributions)):
            yield module


def _normal(given: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", given)[0]).lower()


def import_seconds() -> float:
    """Return the processor time of an interpreter that imports the dependencies."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", f"import {', '.join(sorted(dependencies()))}"], env=ENVIRONMENT, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def start_seconds(manifests: Path) -> tuple[float, float]:
    """Return the processor time of a service until it listens, and the memory of its worker in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "ACS_PORT": "0",
            "ACS_MANIFESTS": str(manifests),
            "ACS_AUDIT_DIR": f"{folder}/audit",
            "ACS_AUDIT_KEY_FILE": f"{folder}/audit.pem",
            "ACS_APPROVAL_KEY_FILE": f"{folder}/approval.pem",
        }
        command: list[str | Path] = [Path(sys.executable).with_name("acs-sidecar"), "serve"]
        with subprocess.Popen(
            command, env=ENVIRONMENT | settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as service:
            try:
                if not any(LISTENS in line for line in service.stdout or ()):
                    raise SystemExit(f"no start with {manifests}")
                return processor_seconds(service.pid), memory_mib(service.pid)
            finally:
                service.terminate()


def main(rounds: Annotated[int, typer.Option(help="alternating rounds")] = 10) -> None:
    """Print the medians of alternating rounds."""
    table = Table("start with", "processor time", "of importing the dependencies", "MiB of the worker")
    for name, manifests in MANIFESTS.items():
        pairs = [(*start_seconds(manifests), import_seconds()) for _ in range(rounds + 1)][1:]
        starts, memory, imports = zip(*pairs, strict=True)
        ratio = median(start / alone for start, alone in zip(starts, imports, strict=True))
        table.add_row(name, f"{median(starts):.2f} s", f"{ratio:.2f}", f"{median(memory):.0f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
