"""`acs-sidecar audit ship`: bring the logs of this machine to the stream of the fleet."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

import structlog
import typer

from acs_sidecar.audit.ship.nats import NatsError, NatsSettings, jetstream
from acs_sidecar.audit.ship.shipper import Shipper, alone, make_stream
from acs_sidecar.cli.audit.fleet import nats_settings
from acs_sidecar.cli.audit.location import reading
from acs_sidecar.cli.output import fail
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.telemetry.log import configure_logging

__all__ = ["ship"]

PAUSE_SECONDS = 1.0


def ship(
    path: Path | None = typer.Argument(None, help="audit directory; default: the configured one"),
    once: bool = typer.Option(False, "--once", help="exit once everything present is shipped"),
    create: bool = typer.Option(False, "--create", help="create the stream if it does not exist"),
    replicas: int = typer.Option(3, min=1, max=5, help="replicas of a created stream"),
) -> None:
    """Ship the audit logs to NATS JetStream, and go on as they grow, until SIGTERM.

    Runs beside the service, on its audit directory; the service does not know of it and never waits
    for it. Where it stopped is read from the stream. One shipper a directory.
    """
    settings = settings_from(None).settings
    configure_logging(settings.log_format, settings.log_level)
    root = path or settings.audit_dir
    servers, name = nats_settings(settings), settings.audit_nats_stream
    try:
        with alone(root), reading():
            asyncio.run(_ship(servers, name, root, once, replicas if create else None))
    except BlockingIOError:
        fail(f"another process ships {root}")
    except NatsError as error:
        fail(str(error))


async def _ship(servers: NatsSettings, name: str, root: Path, once: bool, replicas: int | None) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    log = structlog.stdlib.get_logger("acs.ship")
    async with jetstream(servers) as stream:
        if replicas:
            await make_stream(stream, name, replicas)
        shipper = Shipper(
            stream, name, root, lambda origin, size: log.info("audit_shipped", log=origin, records=size)
        )
        shipping = asyncio.ensure_future(_rounds(shipper, once))
        waiting = asyncio.ensure_future(stopped.wait())
        await asyncio.wait({shipping, waiting}, return_when=asyncio.FIRST_COMPLETED)
        for task in (shipping, waiting):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await shipping


async def _rounds(shipper: Shipper, once: bool) -> None:
    await shipper.ship()
    while not once:
        await asyncio.sleep(PAUSE_SECONDS)
        await shipper.ship()
