"""One measurement: wrk on its own core against one server, its figures read from its report."""

import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.processes import processor_seconds
from bench.servers import Target

__all__ = ["Figures", "measure"]

LOAD_CORE = "1"

_UNITS = {"us": 1.0, "ms": 1_000.0, "s": 1_000_000.0}


@dataclass(frozen=True)
class Figures:
    """Requests a second, latencies, and processor time per request of the server, in microseconds."""

    rate: float
    p50_us: float
    p99_us: float
    processor_us: float


def measure(target: Target, connections: int, seconds: int) -> Figures:
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
        load = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script)]
        before = processor_seconds(target.pid)
        done = subprocess.run(
            ["taskset", "-c", LOAD_CORE, *load, target.url], capture_output=True, text=True, check=False
        )
        spent = processor_seconds(target.pid) - before
    if done.returncode:
        raise RuntimeError(f"wrk failed: {done.stdout}{done.stderr}")
    return _parsed(done.stdout, spent)


def _lua(body: bytes) -> str:
    return "[==[" + body.decode() + "]==]"


def _parsed(report: str, spent: float) -> Figures:
    if "Non-2xx" in report or "Socket errors" in report:
        raise RuntimeError(f"some requests failed:\n{report}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", report)
    requests = re.search(r"(\d+) requests in", report)
    quantiles = dict(re.findall(r"^\s+(50|99)%\s+([\d.]+[a-z]+)", report, re.MULTILINE))
    if rate is None or requests is None or len(quantiles) != 2:
        raise RuntimeError(f"wrk's report cannot be read:\n{report}")
    return Figures(
        float(rate[1]),
        _microseconds(quantiles["50"]),
        _microseconds(quantiles["99"]),
        spent / int(requests[1]) * 1e6,
    )


def _microseconds(text: str) -> float:
    found = re.fullmatch(r"([\d.]+)([a-z]+)", text)
    if found is None:
        raise RuntimeError(f"`{text}` is not a time")
    return float(found[1]) * _UNITS[found[2]]
