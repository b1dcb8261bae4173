"""`acs-sidecar console`: a web page on loopback, for people."""

import importlib.util
from pathlib import Path

import typer

from acs_sidecar.cli.output import fail, fail_start
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.startup import StartError
from acs_sidecar.telemetry.log import configure_logging
from acs_sidecar.telemetry.options import LogFormat

__all__ = ["console"]

DEFAULT_PORT = 8384


def console(
    service: str | None = typer.Option(
        None, help="running service to show instead of the disk: http://HOST:PORT, https://… or unix:///PATH"
    ),
    audit: Path | None = typer.Option(None, help="audit directory to show (ACS_AUDIT_DIR)"),
    manifests: Path | None = typer.Option(None, help="directory of manifests, or one file (ACS_MANIFESTS)"),
    port: int = typer.Option(DEFAULT_PORT, min=0, max=65535, help="port on loopback; 0 selects a free one"),
    no_open: bool = typer.Option(False, "--no-open", help="print the address without opening a browser"),
    config: Path | None = typer.Option(None, help="YAML file of settings, as for `serve`"),
) -> None:
    """Show decisions, verify the audit log in your browser, and try policies: a page on loopback.

    Reads the disk, and the service need not run; or shows a running service by its API, with the token in
    ACS_CONSOLE_TOKEN_FILE. The printed address works once, in one browser.

    Example: `acs-sidecar console --audit var/audit --manifests manifests`
    """
    if importlib.util.find_spec("jinja2") is None:
        fail("the console needs the extra `console`: pip install 'acs-sidecar[console]'")
    from acs_sidecar.console.service_client import ServiceAddress, ServiceClient  # noqa: PLC0415  # same
    from acs_sidecar.console.serving import ShownService, run_console  # noqa: PLC0415  # needs the extra

    if service is not None and audit is not None:
        fail("--service and --audit: must not be set together")
    loaded = settings_from(config, manifests=manifests, audit_dir=audit)
    configure_logging(LogFormat.CONSOLE, "warning")
    try:
        shown = None
        if service is not None:
            client = ServiceClient(ServiceAddress.parse(service), loaded.settings.console_token_file)
            shown = ShownService(client, manifests=manifests is None)
        run_console(loaded.settings, port, _tell, service=shown, opens_browser=not no_open)
    except StartError as error:
        fail_start(error)


def _tell(address: str) -> None:
    typer.echo(f"The console is at {address}")
    typer.echo("The address works once, in one browser. Ctrl-C ends the console.")
