"""The command `acs-sidecar`: one module per subcommand."""

import os
import signal
import sys
import traceback
from types import TracebackType

import typer

import acs_sidecar
from acs_sidecar.cli.standard_streams import StandardStreamError, flush_output, name_standard_streams
from acs_sidecar.cli.verbs import Verbs
from acs_sidecar.spec.printable import printable

__all__ = ["cli", "main"]

cli = typer.Typer(
    name="acs-sidecar",
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Policy decision sidecar for AI agents: evaluates snapshots against manifests and returns verdicts.",
    epilog=(
        "Start with `acs-sidecar serve --manifests manifests`, then  \n"
        "`curl -s localhost:8383/v1/evaluate/input -H 'content-type: application/json' "
        '-d \'{"manifest_ref": "test-double", "snapshot": {"input": {"text": "hello"}}}\'`'
    ),
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(acs_sidecar.__version__)
        raise typer.Exit


@cli.callback()
def _root(
    _version: bool = typer.Option(
        False, "--version", help="show the version and exit", callback=_version, is_eager=True
    ),
) -> None:
    pass


def main() -> None:
    """Run the command."""
    if os.getpid() == 1:
        # The first process of a container gets no signal that it does not handle.
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    # The engines look at these: one time zone everywhere, failures that cost no stack trace, and freed memory
    # returned after a millisecond: after the ten of the default a start is over, and nothing returns it.
    os.environ |= {"TZ": "UTC", "RUST_BACKTRACE": "0", "MIMALLOC_PURGE_DELAY": "1"}
    sys.excepthook = _show_fault
    name_standard_streams()
    try:
        try:
            cli()
        finally:
            flush_output()
    except StandardStreamError as error:
        typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
        sys.exit(2)


def _show_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the traceback of an error that nobody foresaw; its text may quote a file."""
    for line in "".join(traceback.format_exception(kind, error, trace)).splitlines():
        typer.echo(printable(line), err=True)
