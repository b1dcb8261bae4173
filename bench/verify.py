"""Measure the auditor: `python -m bench.verify` writes a log as the service does, then verifies it."""

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.audit.log.keys import ensure_key
from acs_sidecar.audit.log.open_log import Durability
from acs_sidecar.audit.log.opening import AuditLogSettings
from acs_sidecar.audit.log.writer import FileAuditLog

__all__: list[str] = []

GROUP = 16
ENTRY = AuditEntry(
    decision="allow",
    intervention_point="pre_tool_call",
    mode="enforce",
    manifest_source="operator",
    manifest_digest="sha256:" + "1" * 64,
    policy_id="refunds",
    policy_type="rego",
    policy_digest="sha256:" + "2" * 64,
    input_identity="sha256:" + "3" * 64,
    enforced_identity="sha256:" + "3" * 64,
    agent_id="support-agent-7",
    session_id="session-42",
    tool="issue_refund",
    duration_us=31,
)


def main(
    records: Annotated[int, typer.Option(help="Length of the log.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(help="Verifications; the fastest counts.")] = 3,
) -> None:
    """Print records a second of one core, and the memory, of `acs-sidecar audit verify`."""
    with tempfile.TemporaryDirectory() as folder:
        key_file, audit = Path(folder) / "audit-key.pem", Path(folder) / "audit"
        key, _ = ensure_key(key_file, audit)
        settings = AuditLogSettings(
            directory=audit, name="bench", instance="i", worker="0", durability=Durability.WRITE
        )
        asyncio.run(_write(FileAuditLog(settings, key), records))
        command = [str(Path(sys.executable).with_name("acs-sidecar")), "audit", "verify", str(audit)]
        runs = [_verified([*command, "--key", str(key_file), "--format", "json"]) for _ in range(rounds)]
    elapsed, used = min(runs)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    Console().print(
        f"{records:,} records: {elapsed:.1f} s, {records / elapsed:,.0f} records/s "
        f"({records / used:,.0f} by processor time), {memory:.0f} MiB at most"
    )


async def _write(log: FileAuditLog, records: int) -> None:
    await log.start()
    groups = range(0, records, GROUP)
    for _ in track(groups, description="writing", console=Console(stderr=True), transient=True):
        await asyncio.gather(*(log.append(ENTRY) for _ in range(GROUP)))
    await log.close()


def _verified(command: list[str]) -> tuple[float, float]:
    """Give the seconds that passed and those of the processor; the log must be sound."""
    started, used = time.perf_counter(), _processor_seconds()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started, _processor_seconds() - used


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    typer.run(main)
