"""`python -m tests.console.million`: times the console on a log of 1,000,000 records (section 15.2)."""

import asyncio
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console as Terminal

from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.audit.log.open_log import Durability
from acs_sidecar.audit.log.writer import FileAuditLog
from tests.audit.log.logs import settings, with_log
from tests.conftest import COMMAND, ROOT, environment
from tests.console.browser import browser
from tests.console.examples import decided, let_in
from tests.console.logs import VKEY
from tests.console.running import Console
from tests.waiting import wait_for

PRINTED = Terminal(highlight=False, soft_wrap=True)
COUNT = 1_000_000
GROUP = 16
DIGEST = "sha256:" + "1" * 64
FILTERS = (
    "decision=deny&tool=search_help",
    "point=agent_shutdown",
    "tool=nothing",
    "agent=nobody",
    "reason=nowhere",
    "took=1000",
    "manifest=none",
    "policy=none",
    "session=session-0",
    "trace=none",
    "event=log_opened",
    "since=2026-01-01&reason=nowhere",
)
"""What no record, or the oldest alone, fits: the whole log is looked at."""
SEARCHED = "#status:not(:has-text('Looked at'))"


def main() -> None:
    """Print wall-clock and processor time of pages, filters and the verification of the whole log."""
    with tempfile.TemporaryDirectory() as folder:
        audit = Path(folder) / "audit"
        count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
        with_log(partial(_write, count), settings(audit, durability=Durability.WRITE, publish_seconds=1))
        console = _started(audit, Path(folder) / "output.txt")
        try:
            console.enter()
            with browser() as chromium, let_in(chromium, console, 1280, 900) as page:
                _measure(console, page)
        finally:
            console.process.send_signal(signal.SIGTERM)
            console.process.wait(timeout=30)


async def _write(count: int, log: FileAuditLog) -> None:
    for start in range(0, count, GROUP):
        await asyncio.gather(*(log.append(_entry(start + number)) for number in range(GROUP)))


def _entry(number: int) -> AuditEntry:
    return replace(
        decided(number, DIGEST),
        trace_id=f"{number // 7:032x}",
        policy_digest=DIGEST,
        input_identity=DIGEST,
        enforced_identity=DIGEST,
    )


def _started(audit: Path, output: Path) -> Console:
    folders = ["--audit", str(audit), "--manifests", str(ROOT / "manifests")]
    command = [str(COMMAND), "console", *folders, "--port", "0", "--no-open"]
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment())
    found = wait_for(lambda: re.search(r"The console is at (http://\S+)", output.read_text()), 120)
    assert found
    return Console(found[1], process, audit, ROOT / "manifests")


def _measure(console: Console, page: Any) -> None:
    root = console.address.partition("/enter")[0]
    page.set_default_timeout(300_000)
    for path in ("/decisions", "/"):
        for _ in range(3):
            with _Timed(console, f"page {path}"):
                page.goto(root + path)
            page.goto(f"{root}/verify")
    for query in FILTERS:
        with _Timed(console, f"filter {query}"):
            page.goto(f"{root}/decisions?{query}")
            page.wait_for_selector(SEARCHED)
    page.goto(f"{root}/verify")
    page.fill("#key", VKEY)
    with _Timed(console, "the whole log in the browser"):
        page.click("#walk")
        page.wait_for_selector("#outcome:has-text('erified: all')")
    peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{console.process.pid}/status").read_text())
    PRINTED.print(f"memory of the console at most: {int(peak[1]) // 1024 if peak else 0} MiB")


class _Timed:
    """Prints how long something took, and the processor time that the console's process spent on it."""

    def __init__(self, console: Console, name: str) -> None:
        self._stat = Path(f"/proc/{console.process.pid}/stat")
        self._name = name

    def __enter__(self) -> None:
        self._started, self._used = time.perf_counter(), self._ticks()

    def __exit__(self, *_: object) -> None:
        taken, used = time.perf_counter() - self._started, self._ticks() - self._used
        PRINTED.print(f"{self._name}: {taken:.2f} s, {used / 100:.2f} s of the console's processor time")

    def _ticks(self) -> int:
        fields = self._stat.read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])


if __name__ == "__main__":
    main()
