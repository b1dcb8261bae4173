"""The verifying module of the console, run by Node."""

import base64
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import acs_sidecar.console
from tests.clients.typescript.node import NODE

__all__ = ["MODULE", "encoded", "run_jobs"]

_STATIC = Path(acs_sidecar.console.__file__).parent / "static"
MODULE = _STATIC / "verify.mjs"


def run_jobs(jobs: Iterable[dict[str, Any]], module: str = "verify") -> list[dict[str, Any]]:
    """Run jobs by the driver of a module, one after the other; each gives `value` or `error`."""
    lines = "".join(f"{json.dumps(job)}\n" for job in jobs)
    done = subprocess.run(
        [
            NODE,
            str(Path(__file__).parent / f"{module}_driver.mjs"),
            str(_STATIC / f"{module}.mjs"),
        ],
        input=lines.encode(),
        capture_output=True,
        check=True,
        timeout=120,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def encoded(data: bytes) -> str:
    """Return bytes as base64."""
    return base64.b64encode(data).decode()
