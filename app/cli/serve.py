"""`acs-sidecar serve`: run the service."""

from pathlib import Path

import typer

from app.cli.output import fail, show_findings
from app.cli.settings import settings_from
from app.core.diagnostics import ManifestError
from app.evaluators.custom import AdapterError
from app.server.sockets import BindError, bind
from app.server.supervisor import supervise
from app.stores.keys import KeyFileError
from app.telemetry.log import configure_logging
from app.telemetry.shared import SharedNumbers
from app.wiring import audit_key, check_operator_manifests

__all__ = ["serve"]


def serve(
    host: str | None = typer.Option(None, help="Address to listen on (ACS_HOST)."),
    port: int | None = typer.Option(None, help="Port to listen on; 0 takes a free one (ACS_PORT)."),
    uds: Path | None = typer.Option(None, help="Unix socket to listen on instead (ACS_UDS)."),
    workers: int | None = typer.Option(None, help="Processes that answer requests (ACS_WORKERS)."),
    manifests: Path | None = typer.Option(None, help="Directory of manifests, or one file (ACS_MANIFESTS)."),
    config: Path | None = typer.Option(None, help="YAML file of settings; the environment wins over it."),
) -> None:
    """Run the service until SIGTERM; a second SIGTERM ends it at once.

    Every setting is an `ACS_` variable: `acs-sidecar config` lists them with their values.
    """
    from app.server.worker import run_worker  # noqa: PLC0415  # loads for longer than most commands run

    loaded = settings_from(config, host=host, port=port, uds=uds, workers=workers, manifests=manifests)
    settings = loaded.settings
    configure_logging(settings.log_format, settings.log_level)
    try:
        key = audit_key(settings)
        listener = bind(settings.host, settings.port, settings.uds, int(settings.uds_mode, 8))
        shared = SharedNumbers(settings.workers)
        if settings.workers == 1:
            run_worker(settings, key, 0, listener, shared)
            return
        # Engines belong to the thread that made them, so each worker compiles its own.
        check_operator_manifests(settings)
    except ManifestError as error:
        show_findings(error.diagnostics)
        fail("the manifests cannot be served; correct them, or set ACS_MANIFESTS_STRICT=false")
    except (AdapterError, BindError, KeyFileError) as error:
        fail(str(error))

    def work(number: int) -> None:
        run_worker(settings, key, number, listener, shared)

    raise typer.Exit(supervise(settings.workers, work))
