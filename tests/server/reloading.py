"""Clients that ask while manifests are loaded anew, and the memory of a worker."""

import contextlib
import http.client
import itertools
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.conftest import Service
from tests.described import checked_reply

__all__ = ["Client", "resident_kib"]


def resident_kib(pid: int) -> int:
    """What a process holds for itself alone."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty", "Private_Clean")))


class Client(threading.Thread):
    """Asks over one connection until it is told to stop, and keeps what came back and how late."""

    def __init__(self, service: Service, stop: threading.Event) -> None:
        super().__init__()
        parts = urlsplit(service.url)
        assert parts.hostname
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        self._stopped = stop
        self.answers: dict[tuple[int, str, str], int] = {}
        self.faults: list[str] = []
        self.slowest = 0.0

    def run(self) -> None:
        """Ask for one manifest and the other in turn; an error of any kind is a fault."""
        names = itertools.cycle(("one", "two"))
        with contextlib.closing(self._connection):
            self._ask(names)

    def _ask(self, names: Iterator[str]) -> None:
        while not self._stopped.is_set():
            body = json.dumps({"snapshot": {}, "manifest_ref": next(names)})
            begun = time.monotonic()
            try:
                self._connection.request(
                    "POST", "/v1/evaluate/input", body, {"content-type": "application/json"}
                )
                status, _, reply = checked_reply("POST", "/v1/evaluate/input", self._connection)
                answer = json.loads(reply)
                key = status, answer["manifest_digest"], answer["verdict"]["reason"]
                self.answers[key] = self.answers.get(key, 0) + 1
            except Exception as error:  # noqa: BLE001  # whatever it was, a request was lost
                self.faults.append(repr(error))
                return
            self.slowest = max(self.slowest, time.monotonic() - begun)
            time.sleep(0.001)
