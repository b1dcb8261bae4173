"""A process that appends to an audit log as fast as it can, and says what was acknowledged.

Each line of `acknowledged` is `+ log index record_id`, or `- reason` for a refusal. It is written with
`writev`, so that whoever counts or breaks `write` meets the log's own writes alone.
"""

import argparse
import asyncio
import os
import signal
from pathlib import Path

from acs_sidecar.audit.format.ports import AuditUnavailableError
from acs_sidecar.audit.log.keys import load_key
from acs_sidecar.audit.log.open_log import Durability, LogLimits
from acs_sidecar.audit.log.writer import FileAuditLog
from tests.audit.log.logs import entry, settings


async def drive(arguments: argparse.Namespace) -> None:
    """Append from several tasks at once until a signal or the count ends it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    acknowledged = os.open(arguments.acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    limits = LogLimits(segment_bytes=60_000, records=arguments.records)
    config = settings(
        arguments.directory,
        worker=arguments.worker,
        durability=Durability(arguments.durability),
        limits=limits,
    )
    log = FileAuditLog(config, load_key(arguments.key))
    await log.start()
    os.writev(acknowledged, [b"ready\n"])

    async def task(first: int) -> None:
        number = first
        while not stop.is_set() and number < arguments.count:
            try:
                position = await log.append(entry(number))
                line = f"+ {position.log} {position.index} {position.record_id}\n"
            except AuditUnavailableError as error:
                line = f"- {error}\n"
                await asyncio.sleep(0.01)
            os.writev(acknowledged, [line.encode()])
            if arguments.pause:
                await asyncio.sleep(arguments.pause)
            number += arguments.tasks

    await asyncio.gather(*(task(first) for first in range(arguments.tasks)))
    await log.close()


def main() -> None:
    """Read the arguments and drive."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("key", type=Path)
    parser.add_argument("acknowledged", type=Path)
    parser.add_argument("--durability", default="write")
    parser.add_argument("--worker", default="0")
    parser.add_argument("--tasks", type=int, default=8)
    parser.add_argument("--count", type=int, default=10**9)
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--pause", type=float, default=0)
    parser.add_argument("--user", type=int)
    arguments = parser.parse_args()
    if arguments.user is not None:
        os.setresgid(arguments.user, arguments.user, arguments.user)
        os.setresuid(arguments.user, arguments.user, arguments.user)
    asyncio.run(drive(arguments))


if __name__ == "__main__":
    main()
