"""`acs-sidecar serve`: run the service."""

import time
from functools import partial
from pathlib import Path

import typer

from acs_sidecar.startup import (
    StartError,
    lasting_imports,
    settle_memory,
    without_collection,
    without_modules,
)

with without_modules("rich"):  # it shows tracebacks, which no line of the log has
    import structlog

from acs_sidecar.cli.output import fail_start
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.engines.fatal_inputs import FatalInputs
from acs_sidecar.manifests.discovery import manifest_places
from acs_sidecar.manifests.loading import load_operator_manifests
from acs_sidecar.manifests.watch import tree_state
from acs_sidecar.server.descriptors import connections_within, raise_open_files_limit
from acs_sidecar.server.handed_file import hand
from acs_sidecar.server.reload_rounds import Served
from acs_sidecar.server.sockets import bind
from acs_sidecar.server.supervisor import supervise
from acs_sidecar.telemetry.log import configure_logging
from acs_sidecar.telemetry.shared import SharedNumbers
from acs_sidecar.wiring import audit_key, build_access

__all__ = ["serve"]


def serve(
    host: str | None = typer.Option(None, help="listen address (ACS_HOST)"),
    port: int | None = typer.Option(None, help="listen port; 0 selects a free one (ACS_PORT)"),
    uds: Path | None = typer.Option(None, help="Unix socket to listen on instead (ACS_UDS)"),
    workers: int | None = typer.Option(None, help="worker processes (ACS_WORKERS)"),
    manifests: Path | None = typer.Option(None, help="directory of manifests, or one file (ACS_MANIFESTS)"),
    config: Path | None = typer.Option(None, help="YAML file of settings; environment variables override it"),
) -> None:
    """Run the service until SIGTERM; a second SIGTERM ends it at once.

    Every setting is an `ACS_` variable: `acs-sidecar config` lists them with their values.
    """
    # FastAPI loads the older pydantic to find that nothing is of it.
    with lasting_imports(), without_modules("pydantic.v1"):
        from acs_sidecar.server.worker import Inherited, run_worker  # noqa: PLC0415  # loads for longer than most commands run

    loaded = settings_from(config, host=host, port=port, uds=uds, workers=workers, manifests=manifests)
    settings = loaded.settings
    configure_logging(settings.log_format, settings.log_level)
    _warn_of_few_files(settings.max_in_flight)
    if not settings.local and settings.auth_tokens_file and not settings.tls_cert_file:
        structlog.stdlib.get_logger("acs").warning(
            "tokens_in_clear",
            detail="tokens are sent in clear text: set ACS_TLS_CERT_FILE, or terminate TLS in front",
        )
    try:
        with bind(settings.host, settings.port, settings.uds, int(settings.uds_mode, 8)) as listener:
            build_access(settings)
            seen = tree_state(manifest_places(settings))
            with without_collection():
                loaded_set = load_operator_manifests(settings)
                settle_memory()
            key = audit_key(settings)  # last: a start that fails must not leave a key behind
            served = Served(hand(loaded_set.packed), time.time(), seen, loaded_set.fault, loaded_set.policies)
            fatal_inputs = FatalInputs(settings.workers)
            inherited = Inherited(settings, key, listener, SharedNumbers(settings.workers), fatal_inputs)
            code = supervise(
                settings.workers,
                partial(run_worker, inherited),
                served,
                fatal_inputs,
                hang_timeout_s=settings.worker_hang_timeout_s,
                drain_s=settings.shutdown_timeout_s,
                stop_listening=listener.close,
            )
    except StartError as error:
        fail_start(error)
    raise typer.Exit(code)


def _warn_of_few_files(max_in_flight: int) -> None:
    limit = raise_open_files_limit()
    if (room := connections_within(limit)) < max_in_flight:
        structlog.stdlib.get_logger("acs").warning(
            "open_files_limit_low",
            limit=limit,
            connections=room,
            detail=f"further connections are closed at once: raise the limit (ulimit -n), "
            f"or set ACS_MAX_IN_FLIGHT={room}",
        )
