"""A console that runs, with hostile text in all that it shows, and a person who was let in."""

import http.client
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.audit.log.writer import FileAuditLog
from tests.audit.log.logs import settings, with_log
from tests.conftest import COMMAND, environment
from tests.waiting import wait_for

__all__ = ["HOSTILE", "MANIFEST", "Console", "running", "write_log"]

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>\u202e\x1b[31m{{7*7}}'
MANIFEST = """agent_control_specification_version: 0.3.1-beta
metadata: {name: "<b>bold</b>"}
policies:
  main:
    type: rego
    modules:
      main.rego: |
        package main
        import rego.v1
        default verdict := {"decision": "allow"}
        verdict := {"decision": "deny", "reason": "secret_word", "message": "<i>no</i>"} if {
          contains(input.policy_target.value, "secret")
        }
    query: data.main.verdict
intervention_points:
  input: {policy: {id: main}, policy_target: $snap.input.text, policy_target_kind: text}
tools: {"<u>tool</u>": {description: "</pre><script>alert(2)</script>"}}
"""
CASES = """cases:
  - {name: "<s>passes</s>", intervention_point: input, snapshot: {input: {text: hello}}, expect: {decision: allow}}
  - {name: fails, intervention_point: input, snapshot: {input: {text: a secret}}, expect: {decision: allow}}
"""


@dataclass
class Console:
    """A running console. `ask` sends what a browser would that was let in."""

    address: str
    process: "subprocess.Popen[bytes]"
    audit: Path
    manifests: Path
    cookie: str = ""
    sent: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        """The path of this run."""
        return urlsplit(self.address).path.removesuffix("/enter")

    def ask(self, path: str, method: str = "GET", body: Any = None) -> tuple[int, str]:
        """Return status and text of an answer."""
        parts = urlsplit(self.address)
        assert parts.hostname
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        headers = {"cookie": self.cookie, "origin": f"http://{parts.netloc}"}
        try:
            content = None if body is None else json.dumps(body).encode()
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            if found := re.match("acs_console=[^;]+", answer.getheader("set-cookie") or ""):
                self.cookie = found[0]
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def page(self, path: str) -> str:
        """Return a page that is there."""
        status, text = self.ask(self.base + path)
        assert status == 200, text
        return text

    def enter(self) -> None:
        """Exchange the token for the cookie."""
        parts = urlsplit(self.address)
        status, _ = self.ask(f"{parts.path}?{parts.query}")
        assert status == 200

    def try_out(self, **members: str) -> tuple[int, dict[str, Any]]:
        """Send a trial to the playground."""
        trial = {"name": "", "text": MANIFEST, "point": "input", "mode": "enforce", "annotations": "{}"}
        trial |= {"snapshot": '{"input": {"text": "hello"}}', **members}
        status, text = self.ask(f"{self.base}/playground/evaluate", "POST", trial)
        return status, json.loads(text)


def write_log(root: Path, count: int = 60) -> None:
    """Write a log whose records carry markup in every text."""

    async def work(log: FileAuditLog) -> None:
        for number in range(count):
            await log.append(
                AuditEntry(
                    "deny" if number % 3 == 0 else "allow",
                    "input",
                    mode="enforce",
                    reason="secret_word" if number % 3 == 0 else None,
                    agent_id=HOSTILE,
                    session_id=HOSTILE,
                    tenant_id=HOSTILE,
                    tool=HOSTILE,
                    policy_id=HOSTILE,
                    caller=HOSTILE,
                    request_id=HOSTILE,
                    duration_us=number,
                )
            )

    with_log(work, settings(root))


@contextmanager
def running(folder: Path, **variables: str) -> Iterator[Console]:
    """Start a console on a log and a manifest below a folder."""
    audit, manifests = folder / "audit", folder / "manifests"
    (manifests / "agent" / "tests").mkdir(parents=True)
    (manifests / "agent" / "manifest.yaml").write_text(MANIFEST)
    (manifests / "agent" / "tests" / "cases.yaml").write_text(CASES)
    write_log(audit)
    arguments = ["--audit", audit.name, "--manifests", manifests.name, "--port", "0", "--no-open"]
    output = folder / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [COMMAND, "console", *arguments],
            cwd=folder,
            env=environment(**variables),
            stdout=file,
            stderr=file,
        )
    try:
        found = wait_for(
            lambda: re.search(r"The console is at (http://\S+)", output.read_text()) or process.poll(), 90
        )
        assert isinstance(found, re.Match), output.read_text()
        yield Console(found[1], process, audit, manifests)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
