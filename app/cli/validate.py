"""`acs-sidecar validate`: check manifests before they are deployed."""

from dataclasses import asdict
from pathlib import Path

import typer

from app.annotators.http import HttpClient
from app.cli.manifest import manifest_files
from app.cli.output import OutputFormat, print_json, show_findings, wants_table
from app.cli.settings import settings_from
from app.core.compiled import InvalidManifest
from app.wiring import build_compiler, compile_manifest, read_manifests

__all__ = ["validate"]


def validate(
    paths: list[Path] = typer.Argument(help="Manifest files, or directories of manifests."),
    output: OutputFormat = typer.Option(OutputFormat.AUTO, "--format", help="How to print."),
) -> None:
    """Validate and lint manifests with their policies, as the service does when it starts.

    Exits 0 when all are valid, 1 when one is not, 2 when something could not be read.
    """
    compiler = build_compiler(settings_from(None).settings, HttpClient(), None)
    results = []
    valid = True
    for read in read_manifests(manifest_files(paths)):
        manifest = compile_manifest(read, compiler)
        invalid = isinstance(manifest, InvalidManifest)
        findings = manifest.error.diagnostics if isinstance(manifest, InvalidManifest) else manifest.warnings
        valid = valid and not invalid
        if wants_table(output):
            show_findings(findings)
            word, colour = ("invalid", typer.colors.RED) if invalid else ("valid", typer.colors.GREEN)
            typer.echo(f"{typer.style(word, fg=colour)}  {read.file.path}  {manifest.digest or ''}")
        results.append(
            {
                "path": str(read.file.path),
                "valid": not invalid,
                "digest": manifest.digest,
                "diagnostics": [asdict(finding) for finding in findings],
            }
        )
    if not wants_table(output):
        print_json(results)
    if not valid:
        raise typer.Exit(1)
