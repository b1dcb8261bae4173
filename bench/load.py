"""One measurement: wrk on its own core against one server, its figures read from its report."""

import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.servers import Target

__all__ = ["Figures", "measure", "memory_mib"]

LOAD_CORE = "1"

_UNITS = {"us": 1.0, "ms": 1_000.0, "s": 1_000_000.0}


@dataclass(frozen=True)
class Figures:
    """Requests a second, and latencies in microseconds."""

    rate: float
    p50_us: float
    p99_us: float


def measure(target: Target, connections: int, seconds: float) -> Figures:
    """Load a target for some seconds; every answer must be a 200.

    Raises `RuntimeError` when an answer was anything else.
    """
    lines = ['wrk.method = "POST"', f"wrk.body = {_lua(target.body)}"]
    lines += [
        f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in target.headers.items()
    ]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_bytes("\n".join(lines).encode())
        command = [
            "taskset",
            "-c",
            LOAD_CORE,
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds:g}s",
            "--latency",
        ]
        done = subprocess.run(
            [*command, "-s", str(script), target.url], capture_output=True, text=True, check=True
        )
    return _parsed(done.stdout)


def memory_mib(pid: int) -> float:
    """Give the resident memory of a server in MiB: of its workers together, where it has any.

    Not their private memory: that grows while nothing is kept, as pages shared since the fork are written.
    """
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(_resident_mib(serving) for serving in children or [str(pid)])


def _resident_mib(pid: str) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _lua(body: bytes) -> str:
    return "[==[" + body.decode() + "]==]"


def _parsed(report: str) -> Figures:
    if "Non-2xx" in report or "Socket errors" in report:
        raise RuntimeError(f"some requests failed:\n{report}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", report)
    quantiles = dict(re.findall(r"^\s+(50|99)%\s+([\d.]+[a-z]+)", report, re.MULTILINE))
    if rate is None or len(quantiles) != 2:
        raise RuntimeError(f"wrk's report cannot be read:\n{report}")
    return Figures(float(rate[1]), _microseconds(quantiles["50"]), _microseconds(quantiles["99"]))


def _microseconds(text: str) -> float:
    found = re.fullmatch(r"([\d.]+)([a-z]+)", text)
    if found is None:
        raise RuntimeError(f"`{text}` is not a time")
    return float(found[1]) * _UNITS[found[2]]
