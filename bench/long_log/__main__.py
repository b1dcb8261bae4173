"""What an audit log costs by its length: `python -m bench.long_log`.

Each log is written in a process that ends without closing it, as in a crash, and is then opened again.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from acs_sidecar.audit.log.keys import ensure_key
from acs_sidecar.audit.log.open_log import Durability
from acs_sidecar.audit.log.opening import AuditLogSettings
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.audit.read.reader import AuditReader
from bench.verify import ENTRY, GROUP

LENGTHS = "1000,100000,9990000"
MEASURED = 16_000
PAGE = 100
READS = 50


class BenchLog:
    """The audit log of one worker below a folder."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "audit"
        self._key, _ = ensure_key(folder / "audit-key.pem", self.root)
        self._settings = AuditLogSettings(
            directory=self.root, name="bench", instance="i", worker="0", durability=Durability.WRITE
        )

    def crash_after(self, records: int) -> float:
        """Write a log and leave it open; return the processor time of one of its last records in µs."""
        receives, sends = os.pipe()
        if not os.fork():
            os.write(sends, str(asyncio.run(self._write(records))).encode())
            os._exit(0)
        os.close(sends)
        spent = os.read(receives, 64)
        os.wait()
        return float(spent)

    async def _write(self, records: int) -> float:
        log = FileAuditLog(self._settings, self._key)
        await log.start()
        groups = range(0, records, GROUP)
        begins = groups[-min(len(groups), MEASURED // GROUP)]
        for first in track(groups, description=f"{records:,}", console=Console(stderr=True), transient=True):
            if first == begins:
                started = time.process_time()
            await asyncio.gather(*(log.append(ENTRY) for _ in range(GROUP)))
        return (time.process_time() - started) / (records - begins) * 1e6

    def start(self) -> float:
        """Open the folder and close it again; return the processor time of opening in ms."""

        async def opened() -> float:
            log = FileAuditLog(self._settings, self._key)
            started = time.process_time()
            await log.start()
            spent = time.process_time() - started
            await log.close()
            return spent

        return asyncio.run(opened()) * 1e3


def _reads(name: str, size: int) -> dict[str, Callable[[AuditReader], object]]:
    random = Random(1)  # noqa: S311  # places in a log
    return {
        "first page": lambda reader: reader.records(name, 0, PAGE),
        "a page": lambda reader: reader.records(name, random.randrange(size - PAGE), PAGE),
        "last page": lambda reader: reader.records(name, size - PAGE, PAGE),
        "inclusion": lambda reader: reader.inclusion(name, random.randrange(size), size),
        "consistency": lambda reader: reader.consistency(name, random.randrange(1, size), size),
    }


def _microseconds(root: Path, read: Callable[[AuditReader], object]) -> float:
    """Return the median processor time of a reader that begins with nothing."""
    spent = []
    for _ in range(READS):
        started = time.process_time()
        read(AuditReader(root))
        spent.append(time.process_time() - started)
    return median(spent) * 1e6


def _row(records: int) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        log = BenchLog(Path(folder))
        record = log.crash_after(records)
        starts = log.start(), log.start()
        longest = max(AuditReader(log.root).logs(), key=lambda summary: summary.size)
        reads = _reads(longest.log, longest.size).values()
        found = [_microseconds(log.root, read) for read in reads]
    return [
        f"{records:,}",
        f"{record:.1f}",
        *(f"{each:,.0f}" for each in found),
        *(f"{each:.1f}" for each in starts),
    ]


def main(
    lengths: Annotated[
        str, typer.Option(help="Records of the logs, by comma; a log has 10 million at most.")
    ] = LENGTHS,
) -> None:
    """Print what appending, pages of 100 records, proofs and starts cost in logs of these lengths.

    Processor time in one process; 10 million records take 10 GB in the folder for temporary files.
    """
    reads = [f"{name}, µs" for name in _reads("", PAGE + 1)]
    table = Table("records", "append, µs", *reads, "start after a crash, ms", "after a stop, ms")
    for column in table.columns:
        column.justify = "right"
    for length in lengths.split(","):
        table.add_row(*_row(int(length)))
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
