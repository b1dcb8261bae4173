"""A running service whose files somebody replaces while agents ask it, for tests."""

import http.client
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.conftest import Service
from tests.described import checked_reply
from tests.waiting import wait_for

__all__ = ["Agent", "Operator", "Question"]


@dataclass(frozen=True)
class Question:
    """What is asked of the manifest `agent`, and how its answer is shown."""

    point: str
    snapshot: Mapping[str, Any]
    shown: Callable[[Any], str]

    @property
    def path(self) -> str:
        """Where it is sent."""
        return f"/v1/evaluate/{self.point}"

    @property
    def body(self) -> dict[str, Any]:
        """What is sent."""
        return {"snapshot": self.snapshot, "manifest_ref": "agent"}


class Agent(threading.Thread):
    """Asks over one connection until it is stopped; keeps each answer that differs from the last."""

    def __init__(self, service: Service, question: Question, stop: threading.Event) -> None:
        super().__init__()
        parts = urlsplit(service.url)
        assert parts.hostname
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        self._question = question
        self._stopped = stop
        self.answers: list[str] = []
        self.count = 0
        self.faults: list[str] = []

    def run(self) -> None:
        """Ask until stopped; an error of any kind is a fault."""
        path, body = self._question.path, json.dumps(self._question.body)
        with closing(self._connection):
            while not self._stopped.is_set():
                try:
                    self._connection.request("POST", path, body, {"content-type": "application/json"})
                    _, _, reply = checked_reply("POST", path, self._connection)
                    answer = self._question.shown(json.loads(reply))
                except Exception as error:  # noqa: BLE001  # whatever it was, a request was lost
                    self.faults.append(repr(error))
                    return
                self.count += 1
                if not self.answers or self.answers[-1] != answer:
                    self.answers.append(answer)
                time.sleep(0.002)


@dataclass(frozen=True)
class Operator:
    """Whoever changes the files of the manifest `agent`, and reloads it; `names` are those of the files."""

    service: Service
    folder: Path
    names: Mapping[str, str]
    question: Question

    def put(self, name: str, text: bytes) -> None:
        """Replace a file by rename."""
        new = self.folder / "agent" / f"{name}.new"
        new.write_bytes(text)
        new.rename(new.with_name(name))

    def reload(self, **files: bytes) -> str:
        """Replace files, reload, and return what became of it as readiness shows it."""
        for name, text in files.items():
            self.put(self.names[name], text)
        before = self._ended()
        self.service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self._ended() > before)
        status, ready = self.service.get("/readyz")
        check = next(check for check in ready["checks"] if check["name"] == "manifests")
        assert status == 200
        return f"{check['state']}: {check['detail']}"

    def answers(self) -> set[str]:
        """What new connections are answered with; each worker is met, almost surely."""
        asked = self.question
        return {asked.shown(self.service.post(asked.path, asked.body)[1]) for _ in range(12)}

    @contextmanager
    def load(self, last: str, agents: int = 3) -> Iterator[list[Agent]]:
        """Have agents ask all the time, until each has met the answer `last`."""
        stop = threading.Event()
        asking = [Agent(self.service, self.question, stop) for _ in range(agents)]
        for agent in asking:
            agent.start()
        try:
            yield asking
            wait_for(lambda: all(agent.faults or agent.answers[-1:] == [last] for agent in asking))
        finally:
            stop.set()
            for agent in asking:
                agent.join()

    def refusals(self) -> set[str]:
        """The reasons of the reloads that failed, as the signed records tell them."""
        audit = self.folder.parent / "var" / "audit"
        lines = [line for path in audit.rglob("records-*.jsonl") for line in path.read_text().splitlines()]
        reloads = [record for record in map(json.loads, lines) if record["event"] == "manifests_reloaded"]
        return {
            record["details"]["detail"].partition(" in ")[0]
            for record in reloads
            if record["details"]["outcome"] == "failed"
        }

    def _ended(self) -> int:
        log = self.service.log()
        return log.count('"event":"manifests_reloaded"') + log.count('"event":"manifests_kept"')
