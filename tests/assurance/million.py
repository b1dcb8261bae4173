"""`python -m tests.assurance.million`: evidence from a log of 1,000,000 records, timed (sections 8.2 and 8.3).

A Decision BOM of one record, the compliance report of all frameworks, and the refusal of the report after one record
was changed, and after one was removed. Time is that of the processor as well, memory that of the process.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from acs_sidecar.audit.log.keys import ensure_key
from acs_sidecar.audit.log.open_log import Durability
from acs_sidecar.audit.log.opening import AuditLogSettings
from acs_sidecar.audit.log.writer import FileAuditLog
from bench.verify import ENTRY, GROUP
from tests.conftest import COMMAND, environment

__all__: list[str] = []

COUNT = 1_000_000
FRAMEWORKS = ("owasp-asi", "soc2", "nist-ai-rmf", "eu-ai-act")


def main() -> int:
    """Print seconds, those of the processor, MiB and exit code of each command; 1 where a code is not the expected."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with tempfile.TemporaryDirectory() as folder:
        audit, key_file = Path(folder) / "audit", Path(folder) / "key.pem"
        key, _ = ensure_key(key_file, audit)
        settings = AuditLogSettings(
            directory=audit, name="log", instance="i", worker="0", durability=Durability.WRITE
        )
        asyncio.run(_write(FileAuditLog(settings, key), count))
        at = ["--audit", str(audit), "--key", str(key_file)]
        frameworks = [word for framework in FRAMEWORKS for word in ("--framework", framework)]
        report = ["compliance", "report", *frameworks, *at, "--from", "2020-01-01", "--to", "2100-01-01"]
        segments = sorted(audit.rglob("*.jsonl"))
        middle = segments[len(segments) // 2]
        record = middle.read_bytes().split(b"\n")[1]
        bom = ["audit", "bom", record.partition(b'"record_id":"')[2].partition(b'"')[0].decode(), *at]
        right = [_run("audit bom", bom, 0), _run("compliance report", report, 0)]
        whole = middle.read_bytes()
        middle.write_bytes(whole.replace(record, record.replace(b'"allow"', b'"deny"'), 1))
        right.append(_run("compliance report, a record changed", report, 1))
        middle.write_bytes(whole.replace(record + b"\n", b"", 1))
        right.append(_run("compliance report, a record removed", report, 1))
    return 0 if all(right) else 1


async def _write(log: FileAuditLog, count: int) -> None:
    await log.start()
    for first in range(0, count, GROUP):
        entries = (
            replace(ENTRY, agent_id=f"agent-{at % 50}", session_id=f"session-{at // 100}")
            for at in range(first, first + GROUP)
        )
        await asyncio.gather(*map(log.append, entries))
    await log.close()


def _run(name: str, command: list[str], expected: int) -> bool:
    started = time.perf_counter()
    with subprocess.Popen([COMMAND, *command], env=environment(), stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    print(
        f"{name}: {time.perf_counter() - started:.1f} s, {usage.ru_utime + usage.ru_stime:.1f} s of the processor, "
        f"{usage.ru_maxrss / 1024:.0f} MiB, exit {process.returncode}"
    )
    return process.returncode == expected


if __name__ == "__main__":
    sys.exit(main())
