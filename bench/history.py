"""A line for each run, with the machine it ran on: figures of two machines are not comparable."""

import json
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["HISTORY", "append"]

HISTORY = Path(__file__).with_name("history.jsonl")


def append(kind: str, rows: list[dict[str, Any]]) -> None:
    """Append a run to the history."""
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "kind": kind,
        "revision": _revision(),
        "machine": _machine(),
        "rows": rows,
    }
    with HISTORY.open("a") as history:
        history.write(json.dumps(line) + "\n")


def _revision() -> str:
    described = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    return subprocess.run(described, capture_output=True, text=True, check=True).stdout.strip()


def _machine() -> dict[str, Any]:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
