"""The processor time of a hook call, beside a bare interpreter: `python -m bench.hook URL MANIFEST`."""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

HOOK = Path(__file__).resolve().parents[1] / "clients" / "python" / "acs_client" / "hook.py"
CALL = {
    "session_id": "bench",
    "hook_event_name": "PreToolUse",
    "tool_name": "run_shell",
    "tool_input": {"command": "ls"},
}


def main(url: str, manifest: str, rounds: Annotated[int, typer.Option(help="Pairs of runs.")] = 40) -> None:
    """Print the median of the ratios of alternating runs."""
    bare = [sys.executable, "-ISE", "-c", "pass"]
    ratios, times = [], []
    with tempfile.TemporaryDirectory() as state:
        hook = [sys.executable, "-ISE", str(HOOK), "claude-code", "--url", url, "--manifest", manifest]
        hook += ["--state", state]
        for _ in range(rounds):
            alone, called = _seconds(bare, ""), _seconds(hook, json.dumps(CALL))
            ratios.append(called / alone)
            times.append(called)
    print(f"{statistics.median(ratios):.2f} times an interpreter, {statistics.median(times) * 1000:.1f} ms")  # noqa: T201


def _seconds(command: list[str], text: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, input=text, text=True, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    typer.run(main)
