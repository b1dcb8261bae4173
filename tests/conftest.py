"""A real service in a process of its own, for tests that speak HTTP."""

import gc
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest

from tests.described import checked_reply
from tests.waiting import wait_for

# A busy machine is slow at everything: how long an example takes says nothing about what it shows.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("quick", hypothesis.settings.get_profile("patient"), max_examples=25)
hypothesis.settings.load_profile("patient")

# A Rego engine may only be let go by its own thread. Tests keep some in cycles, through the failures that
# they catch, and a collection runs in whichever thread allocates: here, between tests alone. That the
# service itself makes no such cycle is a test of its own.
gc.disable()

pytest_plugins = ["tests.isolation"]

ROOT = Path(__file__).parent.parent
COMMAND = Path(sys.executable).with_name("acs-sidecar")
START_SECONDS = 90  # a busy machine; one that cannot start ends by itself


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Exempt what all tests share from collections: modules, parameters, items."""
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Collect what a test has left behind, and after its module what the module has."""
    if nextitem and nextitem.path == item.path:
        gc.collect(1)
    else:
        gc.collect()
        gc.freeze()


@dataclass
class Service:
    """A running service: its address, its process, and what it has logged so far."""

    url: str
    process: subprocess.Popen[bytes]
    log_path: Path

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request and hold the response against the OpenAPI document; return status, headers and body.

        A body that is not bytes goes as JSON.
        """
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        parts = urlsplit(self.url)
        assert parts.hostname
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        try:
            sent = {"content-type": "application/json"} if content is not None else {}
            connection.request(method, path, content, sent | (headers or {}))
            return checked_reply(method, path, connection)
        finally:
            connection.close()

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """POST and give status and the parsed body."""
        status, _, reply = self.request("POST", path, body)
        return status, json.loads(reply)

    def get(self, path: str) -> tuple[int, Any]:
        """GET and give status and the parsed body."""
        status, _, reply = self.request("GET", path)
        return status, json.loads(reply)

    @contextmanager
    def unfinished(self) -> Iterator[None]:
        """Have a request in flight whose body does not end."""
        parts = urlsplit(self.url)
        with socket.create_connection((parts.hostname, parts.port or 0)) as stuck:
            stuck.sendall(
                b"POST /v1/evaluate/input HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: 10\r\n\r\n{"
            )
            wait_for(lambda: has_read(stuck))
            yield

    @contextmanager
    def begun(self, path: str, body: Any) -> Iterator[http.client.HTTPConnection]:
        """Have a POST in flight of which a worker has read everything; its answer is yet to be read."""
        parts = urlsplit(self.url)
        assert parts.hostname
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        with closing(connection):
            connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
            wait_for(lambda: has_read(connection.sock))
            yield connection

    def log(self) -> str:
        """Everything written to the log so far."""
        return self.log_path.read_text()

    def workers(self) -> list[int]:
        """The worker processes at the moment."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def stop(self) -> int:
        """End the service gracefully and give its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


Start = Callable[..., Service]


def has_read(client: socket.socket) -> bool:
    """True if a process has accepted this connection over IPv4 and read all that was sent over it."""
    ports = (client.getpeername()[1], client.getsockname()[1])
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, queues, _, _, _, _, inode, *_ = line.split()
        if state == "01" and tuple(int(end.partition(":")[2], 16) for end in (local, remote)) == ports:
            return queues.endswith(":00000000") and inode != "0"
    return False


def environment(**settings: str) -> dict[str, str]:
    """The environment of a service: this one's without settings, with the given ones."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ACS_")}
    return inherited | settings


def start_service(folder: Path, *arguments: str, **settings: str) -> Service:
    """Start `acs-sidecar serve` on a free port and wait until it is ready."""
    log_path = folder / f"service-{time.monotonic_ns()}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", "0", *arguments],
            cwd=folder,
            env=environment(**settings),
            stdout=log,
            stderr=log,
        )
    deadline = time.monotonic() + START_SECONDS
    workers = _workers(arguments, settings)
    while time.monotonic() < deadline:
        found = re.findall(r'"address":"(http://[^"]+)"', log_path.read_text())
        if len(found) >= workers:
            service = Service(found[0], process, log_path)
            if _answers(service):
                if workers > 1:
                    time.sleep(
                        0.5
                    )  # a worker that dies before the supervisor heard that all serve ends the start
                return service
        if process.poll() is not None:
            break
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise AssertionError(f"the service did not start:\n{log_path.read_text()}")


def _workers(arguments: tuple[str, ...], settings: dict[str, str]) -> int:
    if "--workers" in arguments:
        return int(arguments[arguments.index("--workers") + 1])
    return int(settings.get("ACS_WORKERS", "1"))


def _answers(service: Service) -> bool:
    try:
        return service.request("GET", "/healthz")[0] == 200
    except OSError:
        return False


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A factory for services of one test, ended with it."""
    services: list[Service] = []

    def starting(*arguments: str, **settings: str) -> Service:
        services.append(start_service(tmp_path, *arguments, **settings))
        return services[-1]

    yield starting
    for service in services:
        if service.process.poll() is None:
            service.process.kill()
            service.process.wait()


@pytest.fixture(scope="session", params=["trusted", "sandboxed"])
def inline_service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service that takes inline manifests, in this process and in the sandbox."""
    folder = tmp_path_factory.mktemp("inline")
    service = start_service(
        folder,
        ACS_INLINE_MANIFESTS=request.param,
        ACS_TELEMETRY_EVENTS="all",
        ACS_OUTBOUND_ALLOW="http://127.0.0.1:1",
        ACS_INLINE_CACHE="1000",
    )
    yield service
    service.stop()
