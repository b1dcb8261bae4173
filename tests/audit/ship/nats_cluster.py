"""Three real NATS servers on loopback that keep one stream between them."""

import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["Cluster", "cluster", "installed"]

NODES = 3
SECONDS = 60


def installed() -> bool:
    """Tell whether `nats-server` is on the path."""
    return shutil.which("nats-server") is not None


class Cluster:
    """The servers; one can be killed and come back with what it had stored."""

    def __init__(self, folder: Path) -> None:
        ports = _free_ports(2 * NODES)
        self._clients, self._routes = ports[:NODES], ports[NODES:]
        self._folder = folder
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        """All servers, as a setting."""
        return ",".join(f"nats://127.0.0.1:{port}" for port in self._clients)

    def start(self, node: int) -> None:
        """Start a node on its own storage."""
        routes = ",".join(f"nats://127.0.0.1:{port}" for port in self._routes)
        command = [
            "nats-server", "--addr", "127.0.0.1", "--port", str(self._clients[node]), "--name", f"n{node}",
            "--jetstream", "--store_dir", str(self._folder / f"n{node}"), "--cluster_name", "fleet",
            "--cluster", f"nats://127.0.0.1:{self._routes[node]}", "--routes", routes,
            "--log", str(self._folder / f"n{node}.log"),
        ]  # fmt: skip
        self._processes[node] = subprocess.Popen(command)  # a server is started by its name

    def kill(self, node: int) -> None:
        """End a node as a power cut would."""
        process = self._processes.pop(node)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End all nodes."""
        for node in list(self._processes):
            self.kill(node)

    def wait_for_leader(self) -> None:
        """Wait until every node that runs knows who leads the group of JetStream."""
        deadline = time.monotonic() + SECONDS
        while not all(self._knows_leader(node) for node in self._processes):
            assert time.monotonic() < deadline, "the servers elected no leader"
            time.sleep(0.05)

    def _knows_leader(self, node: int) -> bool:
        log = self._folder / f"n{node}.log"
        return log.exists() and "JetStream cluster metadata leader" in log.read_text().replace(" new ", " ")


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Run the servers, with a leader, until the block ends."""
    servers = _begun(folder / "first") or _begun(folder / "second")
    assert servers, "the servers elected no leader"
    try:
        yield servers
    finally:
        servers.stop()


def _begun(folder: Path) -> Cluster | None:
    """Start the servers; nothing if they elect no leader, as where something else took a port meanwhile."""
    folder.mkdir()
    servers = Cluster(folder)
    try:
        for node in range(NODES):
            servers.start(node)
        servers.wait_for_leader()
    except AssertionError:
        servers.stop()
        return None
    return servers


def _free_ports(number: int) -> list[int]:
    """Find ports that nothing else takes, also while a node is down: below those that a system gives out."""
    free: list[int] = []
    for port in random.sample(range(20_000, 32_000), 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            free.append(port)
    return free[:number]
