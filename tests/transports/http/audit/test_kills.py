"""Services that are killed under load lose no acknowledged decision (section 4.3)."""

import contextlib
import http.client
import logging
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.audit.log.directory import find_logs
from tests.audit.log.logs import all_records
from tests.conftest import Service, Start
from tests.transports.http.audit.audited import assert_sound, trust_of
from tests.transports.http.echo import manifest
from tests.waiting import wait_for

__all__ = ["manifest"]

_LOG = logging.getLogger(__name__)
KILLS = int(os.environ.get("ACS_TEST_KILLS", "2"))


class Client(threading.Thread):
    """Sends requests until told to stop, and keeps the position of every verdict that it received."""

    def __init__(self, service: Service, stop: threading.Event) -> None:
        super().__init__()
        self._service = service
        self._stopped = stop
        self.acknowledged: list[dict[str, Any]] = []

    def run(self) -> None:
        """Send; a connection that breaks is what a kill looks like from here."""
        while not self._stopped.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                status, body = self._service.post(
                    "/v1/evaluate/input", {"snapshot": {"v": {"decision": "allow"}}}
                )
                if status == 200:
                    self.acknowledged.append(body["audit"])


FORGED = b'{"forged":"by whoever can write the files and has no key"}\n'


@pytest.mark.parametrize("durability", ["write", "fsync"])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("victims", ["all", "worker", "parent"])
def test_a_kill_loses_no_acknowledged_decision(
    start: Start,
    tmp_path: Path,
    manifest: str,
    durability: str,
    workers: int,
    victims: str,
) -> None:
    """Killed at a random moment under load: every verdict received is in its log at its index (4.3).

    After every restart each log verifies, and what follows its end, forged or torn, was moved aside.
    """
    root = tmp_path / "var" / "audit"
    chosen = random.Random()  # noqa: S311  # any moments and workers will do
    acknowledged: list[dict[str, Any]] = []
    forged: set[str] = set()
    settled: set[str] = set()
    trust: Trust | None = None
    for _ in range(KILLS):
        service = start("--manifests", manifest, "--workers", str(workers), ACS_AUDIT_DURABILITY=durability)
        trust = trust or trust_of(service)
        assert_sound(root, trust, without=settled)
        settled = set(forged)
        acknowledged += _killed_under_load(service, victims, chosen)
        for log in find_logs(root):
            if log.origin not in forged:
                forged.add(log.origin)
                with log.segments()[-1][1].open("ab") as records:
                    records.write(FORGED)
    final = start("--manifests", manifest, ACS_AUDIT_DURABILITY=durability)
    assert final.stop() == 0
    assert trust
    assert_sound(root, trust)
    signed = {(record["log"], record["index"]): record["record_id"] for record in all_records(root)}
    lost = [one for one in acknowledged if signed.get((one["log"], one["index"])) != one["record_id"]]
    assert lost == []
    assert len(acknowledged) > KILLS
    torn = {log.origin: b"".join(path.read_bytes() for path in log.torn()) for log in find_logs(root)}
    assert {origin for origin, content in torn.items() if content.endswith(FORGED)} == forged
    _LOG.info(
        "%s kills: %s acknowledged, %s records in %s logs, %s with something moved aside by a crash",
        *(KILLS, len(acknowledged), len(signed), len(torn)),
        sum(content not in {b"", FORGED} for content in torn.values()),
    )


def _killed_under_load(service: Service, victims: str, chosen: random.Random) -> list[dict[str, Any]]:
    """Kill all of a service, a worker or its parent while clients ask; give the places that they were told."""
    stop = threading.Event()
    clients = [Client(service, stop) for _ in range(4)]
    for client in clients:
        client.start()
    time.sleep(chosen.uniform(0.05, 0.8))
    parent, workers = service.process.pid, service.workers()
    for pid in {"all": [parent, *workers], "worker": [chosen.choice(workers)], "parent": [parent]}[victims]:
        os.kill(pid, signal.SIGKILL)
    if victims != "all":
        time.sleep(0.3)
    stop.set()
    for client in clients:
        client.join(40)
    service.stop()
    wait_for(lambda: not any(_lives(pid) for pid in workers))
    return [position for client in clients for position in client.acknowledged]


def _lives(pid: int) -> bool:
    """True if a process is there and not only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
