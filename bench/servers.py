"""Starting and stopping what is measured: our service, the fixed point, and the competitors."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import workload

__all__ = ["Target", "bare", "cerbos", "free_port", "opa", "sidecar"]

SERVER_CORE = "0"
START_SECONDS = 120
CERBOS = Path("node_modules/@cerbos/cerbos-linux-x64/cerbos-linux-x64")


@dataclass(frozen=True)
class Target:
    """A server that runs: where to post what, and the process whose memory counts."""

    url: str
    body: bytes
    pid: int
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


@contextmanager
def bare(times: int = 1) -> Iterator[Target]:
    """The bare application under the same server."""
    port = free_port()
    options = ["--http", "httptools", "--loop", "uvloop", "--no-access-log", "--log-level", "warning"]
    command = [sys.executable, "-m", "uvicorn", "bench.bare:app", "--port", str(port), *options]
    body = json.dumps(workload.request(times)).encode()
    with _running(command, f"http://127.0.0.1:{port}/", body) as pid:
        yield Target(f"http://127.0.0.1:{port}/", body, pid)


@contextmanager
def sidecar(
    policies: dict[str, dict[str, Any]],
    reference: str,
    *,
    times: int = 1,
    audit: bool = False,
    inline: dict[str, Any] | None = None,
    environment: dict[str, str] | None = None,
    command: list[str] | None = None,
    files: dict[str, str] | None = None,
) -> Iterator[Target]:
    """The service with one manifest a policy, by name; `inline` is sent along instead of a name.

    `command` is that of another installation than this one; `files` are texts that policies name.
    """
    with tempfile.TemporaryDirectory() as folder:
        manifests = Path(folder) / "manifests"
        manifests.mkdir()
        for name, policy in policies.items():
            (manifests / f"{name}.json").write_text(json.dumps(workload.manifest(policy)))
        for name, text in (files or {}).items():
            (manifests / name).parent.mkdir(exist_ok=True)
            (manifests / name).write_text(text)
        port = free_port()
        settings = {
            "ACS_PORT": str(port),
            "ACS_MANIFESTS": str(manifests),
            "ACS_LOG_LEVEL": "warning",
            "ACS_AUDIT_DURABILITY": "write" if audit else "none",
            "ACS_AUDIT_DIR": f"{folder}/audit",
            "ACS_AUDIT_KEY_FILE": f"{folder}/audit-key.pem",
        }
        serve = [*(command or [str(Path(sys.executable).with_name("acs-sidecar"))]), "serve"]
        url = f"http://127.0.0.1:{port}/v1/evaluate/pre_tool_call"
        request = workload.request(times, None if inline else reference)
        body = json.dumps(request | ({"manifest": inline} if inline else {})).encode()
        with _running(serve, url, body, settings | (environment or {})) as pid:
            yield Target(url, body, pid)


@contextmanager
def serving(environment: dict[str, str], request: dict[str, Any], point: str) -> Iterator[int]:
    """Run the service with these settings, once it answers a request at a point; gives its process."""
    command = [str(Path(sys.executable).with_name("acs-sidecar")), "serve"]
    url = f"http://127.0.0.1:{environment['ACS_PORT']}/v1/evaluate/{point}"
    with _running(command, url, json.dumps(request).encode(), environment) as pid:
        yield pid


@contextmanager
def cerbos(*, decision_log: bool = False) -> Iterator[Target | None]:
    """Cerbos with an equivalent rule; `None` where it is not installed."""
    binary = shutil.which("cerbos") or (str(CERBOS.resolve()) if CERBOS.exists() else None)
    if binary is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        policies = Path(folder) / "policies"
        policies.mkdir()
        (policies / "tool.yaml").write_text(workload.CERBOS_POLICY)
        port, grpc = free_port(), free_port()
        config: dict[str, Any] = {
            "server": {"httpListenAddr": f"127.0.0.1:{port}", "grpcListenAddr": f"127.0.0.1:{grpc}"},
            "storage": {"driver": "disk", "disk": {"directory": str(policies)}},
            "telemetry": {"disabled": True},
        }
        if decision_log:
            config["audit"] = {
                "enabled": True,
                "decisionLogsEnabled": True,
                "accessLogsEnabled": False,
                "backend": "file",
                "file": {"path": f"{folder}/decisions.log"},
            }
        (Path(folder) / "config.json").write_text(json.dumps(config))
        command = [binary, "server", f"--config={folder}/config.json", "--log-level=error"]
        url = f"http://127.0.0.1:{port}/api/check/resources"
        body = json.dumps(workload.cerbos_request()).encode()
        with _running(command, url, body, {"GOMAXPROCS": "1"}) as pid:
            yield Target(url, body, pid)


@contextmanager
def opa(*, decision_log: bool = False) -> Iterator[Target | None]:
    """OPA with the same Rego; `None` where it is not on the path."""
    binary = shutil.which("opa")
    if binary is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "policy.rego").write_text(workload.REGO_MODULE)
        port = free_port()
        log = ["--set=decision_logs.console=true"] if decision_log else []
        command = [binary, "run", "--server", f"--addr=127.0.0.1:{port}", "--log-level=error", *log, folder]
        url = f"http://127.0.0.1:{port}/v1/data/bench/verdict"
        body = json.dumps(workload.opa_request()).encode()
        with _running(command, url, body, {"GOMAXPROCS": "1"}) as pid:
            yield Target(url, body, pid)


@contextmanager
def _running(
    command: list[str], url: str, body: bytes, environment: dict[str, str] | None = None
) -> Iterator[int]:
    """Run a server on its core until the block ends; it is ready when it answers the request with 200."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ACS_")}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            ["taskset", "-c", SERVER_CORE, *command],
            env=inherited | (environment or {}),
            stdout=log,
            stderr=log,
        )
        try:
            _wait(process, url, body)
            yield process.pid
        except TimeoutError:
            log.seek(0)
            raise TimeoutError(f"{command[0]} did not start: {log.read().decode()[-2000:]}") from None
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def _wait(process: "subprocess.Popen[bytes]", url: str, body: bytes) -> None:
    deadline = time.monotonic() + START_SECONDS
    request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310  # loopback
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=5):  # noqa: S310  # loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise TimeoutError


def free_port() -> int:
    """Give a port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
