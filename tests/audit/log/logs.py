"""Real audit logs on disk for the tests of the stores."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.audit.format.chain import Anchor, audit_logs
from acs_sidecar.audit.format.findings import Report
from acs_sidecar.audit.format.ports import AuditUnavailableError
from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.audit.log.directory import LogDirectory, find_logs
from acs_sidecar.audit.log.keys import AuditKey
from acs_sidecar.audit.log.opening import AuditLogSettings
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.audit.read.reader import AuditReader
from acs_sidecar.audit.read.source import FileLogSource

KEY = AuditKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER_KEY = AuditKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))

Work = Callable[[FileAuditLog], Awaitable[object]]


def settings(root: Path, **members: Any) -> AuditLogSettings:
    """Give settings for a log of `acs/host/0` that retry and publish quickly."""
    return replace(
        AuditLogSettings(root, "acs", "host", "0", publish_seconds=0.01, retry_seconds=0.05), **members
    )


def entry(number: int = 0) -> AuditEntry:
    """Give a decision that its number tells from others."""
    return AuditEntry("allow", "input", mode="enforce", agent_id=f"agent-{number}")


def with_log(
    work: Work, config: AuditLogSettings, key: AuditKey = KEY, announced: list[bytes] | None = None
) -> None:
    """Open a log, work with it, and close it."""

    async def run() -> None:
        log = FileAuditLog(
            config, key, lambda _, note: announced.append(note) if announced is not None else None
        )
        await log.start()
        try:
            await work(log)
        finally:
            await log.close()

    asyncio.run(run())


def decisions(count: int, at_once: int = 1) -> Work:
    """Append decisions, `at_once` by as many tasks."""

    async def work(log: FileAuditLog) -> None:
        async def task(first: int) -> None:
            for number in range(first, count, at_once):
                await log.append(entry(number))

        await asyncio.gather(*(task(first) for first in range(at_once)))

    return work


def audited(root: Path, key: AuditKey = KEY, anchors: list[Anchor] | None = None) -> Report:
    """Audit everything below an audit directory."""
    return audit_logs([FileLogSource(log) for log in find_logs(root)], key.trust, anchors or [])


def sound(root: Path, key: AuditKey = KEY) -> list[str]:
    """Give what is wrong below an audit directory: nothing, one hopes."""
    return [str(finding) for finding in audited(root, key).all_findings]


def records(log: LogDirectory) -> list[dict[str, Any]]:
    """Read the records of a log."""
    lines = b"".join(path.read_bytes() for _, path in log.segments()).split(b"\n")[:-1]
    return [orjson.loads(line) for line in lines]


def all_records(root: Path) -> list[dict[str, Any]]:
    """Read the records of all logs as the interface shows them."""
    reader = AuditReader(root)
    found: list[dict[str, Any]] = []
    for directory in find_logs(root):
        start = 0
        while lines := reader.records(directory.origin, start, 1_000):
            found += [orjson.loads(line) for line in lines]
            start += len(lines)
    return found


def newest(root: Path) -> LogDirectory:
    """Give the log that was opened last."""
    begun = [log for log in find_logs(root) if records(log)]
    return max(begun, key=lambda log: records(log)[0]["record_id"])


async def refused(log: FileAuditLog, number: int) -> str | None:
    """Append a decision; give why it was refused."""
    try:
        await log.append(entry(number))
    except AuditUnavailableError as error:
        return str(error)
    return None


async def until(reached: Callable[[], bool]) -> None:
    """Wait until something that happens beside is reached."""
    for _ in range(1000):
        if reached():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


async def until_available(log: FileAuditLog, available: bool = True) -> None:
    """Wait until the log takes records again, or does not any more."""
    await until(lambda: (log.failure is None) is available)
