"""The processor time of calls through the Python client: `python -m bench.client URL MANIFEST`.

`URL` is `unix:///path` or `http://host:port` of a running service. All three send the same snapshot and read
the verdict as JSON; rounds alternate in one run.
"""

import http.client
import json
import socket
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients" / "python"))

from acs_client import Client, Session

TOOL, ARGS = "search_help", {"query": "Where is my parcel?"}


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def main(
    url: str,
    manifest: str,
    rounds: Annotated[int, typer.Option(help="Rounds of each.")] = 30,
    calls: Annotated[int, typer.Option(help="Calls of one round.")] = 200,
) -> None:
    """Print the medians of the rounds, and of their ratios."""
    with Client(url, manifest=manifest) as client, client.session("support-1") as session:
        snapshot = _snapshot(session)
        bare = _bare(url, {"manifest_ref": manifest, "snapshot": snapshot})
        ways: dict[str, Callable[[], Any]] = {
            "http.client": bare,
            "Client": lambda: client.evaluate("pre_tool_call", snapshot),
            "Session": lambda: session.pre_tool_call(TOOL, ARGS),
        }
        measured: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, call in ways.items():
                measured[name].append(_round(call, calls))
    for name, found in measured.items():
        ratio = statistics.median(
            own / other for (own, _), (other, _) in zip(found, measured["http.client"], strict=True)
        )
        processor, middle = (statistics.median(column) * 1e6 for column in zip(*found, strict=True))
        print(f"{name:12} {processor:6.0f} us of processor time, {ratio:4.2f} times; p50 {middle:6.0f} us")  # noqa: T201


def _snapshot(session: Session) -> dict[str, Any]:
    """Return a snapshot of the size that a session sends."""
    envelope = {
        "agent": {"id": session.agent},
        "budgets": {"cost_usd": 0.0, "elapsed_seconds": 0.0, "token_count": 0, "tool_call_count": 1},
        "intervention_point": "pre_tool_call",
        "session": {"id": session.id, "started_at": "2025-01-15T10:00:00.000Z"},
        "timestamp": "2025-01-15T10:00:00.000Z",
    }
    return {"envelope": envelope, "tool_call": {"name": TOOL, "args": ARGS}}


def _bare(url: str, body: dict[str, Any]) -> Callable[[], Any]:
    parts = urlsplit(url)
    connection = (
        _UnixConnection(parts.path)
        if parts.scheme == "unix"
        else http.client.HTTPConnection(parts.hostname or "localhost", parts.port)
    )
    headers = {"content-type": "application/json", "accept": "application/json"}

    def call() -> Any:
        connection.request("POST", "/v1/evaluate/pre_tool_call", json.dumps(body), headers)
        return json.loads(connection.getresponse().read())

    return call


def _round(call: Callable[[], Any], calls: int) -> tuple[float, float]:
    """Return the processor time of one call, and the median of the times that the calls took."""
    taken = []
    begun = time.process_time()
    for _ in range(calls):
        before = time.perf_counter()
        call()
        taken.append(time.perf_counter() - before)
    return (time.process_time() - begun) / calls, statistics.median(taken)


if __name__ == "__main__":
    typer.run(main)
