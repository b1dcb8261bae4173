"""`acs-sidecar validate`: check manifests before they are deployed."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import assert_never

import typer

from acs_sidecar.cli.output import fail, print_json, show_findings
from acs_sidecar.cli.policies.finding_files import in_files
from acs_sidecar.cli.policies.findings_format import FindingsFormat, prints_text
from acs_sidecar.cli.policies.manifest import holds_manifests, manifest_files
from acs_sidecar.cli.policies.refusals import explain_refusals
from acs_sidecar.cli.policies.sarif import sarif_log
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.manifests.composition import ReadManifest
from acs_sidecar.manifests.discovery import read_manifests
from acs_sidecar.manifests.loading import build_compiler, compile_manifest
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.spec.manifest.compiled import InvalidManifest
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.printable import printable

__all__ = ["validate"]


@dataclass(frozen=True, slots=True)
class _Checked:
    path: str
    valid: bool
    digest: str | None
    compile_ms: float
    diagnostics: tuple[Diagnostic, ...]


def validate(
    paths: list[Path] = typer.Argument(help="manifest files, their directories, or directories of manifests"),
    output: FindingsFormat = typer.Option(FindingsFormat.AUTO, "--format", help="output format"),
    strict: bool = typer.Option(False, "--strict", help="fail on warnings as well"),
    explain: bool = typer.Option(
        False, "--explain-refusals", help="say how many .rego files load, and how to write the others"
    ),
) -> None:
    """Validate and lint manifests with their policies, as the service does when it starts.

    Exits 0 when all are valid, 1 when one is not (or, with `--strict`, has a warning), 2 when
    something could not be read.
    """
    if explain and output in (FindingsFormat.JSON, FindingsFormat.SARIF):
        fail("--explain-refusals prints text: leave out --format")
    if explain and not explain_refusals(paths):
        raise typer.Exit(1)
    if explain and not (paths := [path for path in paths if holds_manifests(path)]):
        return
    settings = settings_from(None).settings
    compiler = build_compiler(settings, HttpClient(), None)
    checked = [_check(read, compiler) for read in read_manifests(settings, manifest_files(paths), paths)]
    match output:
        case FindingsFormat.SARIF:
            print_json(sarif_log(finding for one in checked for finding in one.diagnostics))
        case FindingsFormat.TEXT | FindingsFormat.AUTO | FindingsFormat.JSON:
            if prints_text(output):
                _show(checked)
            else:
                print_json([asdict(one) for one in checked])
        case _:
            assert_never(output)
    if not all(one.valid for one in checked):
        raise typer.Exit(1)
    if strict and (warnings := sum(len(one.diagnostics) for one in checked)):
        fail(f"{warnings} warnings, and --strict allows none", code=1)


def _check(read: ReadManifest, compiler: ManifestCompiler) -> _Checked:
    started = time.perf_counter()
    manifest = compile_manifest(read, compiler)
    took = round((time.perf_counter() - started) * 1000, 1)
    invalid = isinstance(manifest, InvalidManifest)
    findings = manifest.error.diagnostics if isinstance(manifest, InvalidManifest) else manifest.warnings
    shown = in_files(read, findings)
    return _Checked(str(read.file.path), not invalid, manifest.digest, took, shown)


def _show(checked: list[_Checked]) -> None:
    for one in checked:
        show_findings(one.diagnostics)
        word, colour = ("valid", typer.colors.GREEN) if one.valid else ("invalid", typer.colors.RED)
        path, digest = printable(one.path), one.digest or ""
        typer.echo(f"{typer.style(word, fg=colour)}  {path}  {digest}  compiled in {one.compile_ms} ms")
