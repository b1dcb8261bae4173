"""The command `acs-sidecar`: one module a verb."""

import os

import typer

import app
from app.cli import (
    approve,
    audit,
    config,
    detect,
    digest,
    doctor,
    evaluate,
    openapi,
    schema,
    serve,
    sign,
    test,
    token,
    validate,
    verify,
)

__all__ = ["cli", "main"]

cli = typer.Typer(
    name="acs-sidecar",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="The policy decision sidecar for AI agents: a snapshot and a manifest in, a verdict out.",
    epilog=(
        "Start with `acs-sidecar serve --manifests manifests`, then  \n"
        "`curl -s localhost:8383/v1/evaluate/input -H 'content-type: application/json' "
        '-d \'{"manifest_ref": "test-double", "snapshot": {"input": {"text": "hello"}}}\'`'
    ),
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(app.__version__)
        raise typer.Exit


@cli.callback()
def _root(
    _version: bool = typer.Option(
        False, "--version", help="Show the version and exit.", callback=_version, is_eager=True
    ),
) -> None:
    pass


cli.command()(serve.serve)
cli.command()(evaluate.evaluate)
cli.command()(validate.validate)
cli.command()(test.test)
cli.command()(approve.approve)
cli.command()(detect.detect)
cli.command()(detect.detectors)
cli.command()(digest.digest)
cli.command()(doctor.doctor)
cli.command()(sign.sign)
cli.command()(verify.verify)
cli.command()(config.config)
cli.command()(token.token)
cli.command()(openapi.openapi)
cli.command()(schema.schema)
cli.add_typer(approve.approvals, name="approvals")
cli.add_typer(audit.audit, name="audit")


def main() -> None:
    """Run the command."""
    # The engines look at these: one time zone everywhere, and failures that cost no stack trace.
    os.environ |= {"TZ": "UTC", "RUST_BACKTRACE": "0"}
    cli()
