"""`acs-sidecar test`: run the cases beside manifests."""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import assert_never

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from acs_sidecar.cli.output import fail, print_json, show_findings
from acs_sidecar.cli.policies.case_report import ManifestReport, exit_code, report_json, show_reports
from acs_sidecar.cli.policies.case_suites import case_suites
from acs_sidecar.cli.policies.finding_files import in_files
from acs_sidecar.cli.policies.junit import junit_document
from acs_sidecar.cli.policies.manifest import manifest_files
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.engines.adapters.agt_rules.coverage import RuleCoverage
from acs_sidecar.engines.rego.coverage import RegoCoverage
from acs_sidecar.manifests.case_files import cases_beside
from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.manifests.composition import ReadManifest
from acs_sidecar.manifests.discovery import read_manifests
from acs_sidecar.manifests.files import ManifestFile
from acs_sidecar.manifests.loading import build_compiler, compile_manifest
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.spec.manifest.cases import Case
from acs_sidecar.spec.manifest.compiled import InvalidManifest
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.telemetry.log import configure_logging
from acs_sidecar.telemetry.options import LogFormat
from acs_sidecar.trials.case_coverage import coverage_of, with_coverage
from acs_sidecar.trials.case_run import run_cases
from acs_sidecar.trials.injection import EveryVariable

__all__ = ["test"]


class ReportFormat(StrEnum):
    """How a run of test cases is printed."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


def test(
    paths: list[Path] = typer.Argument(help="manifest files, their directories, or directories of manifests"),
    output: ReportFormat = typer.Option(ReportFormat.TEXT, "--format", help="output format"),
    junit: Path | None = typer.Option(None, help="also write a JUnit report to this file"),
    name: str = typer.Option("", "--filter", help="run only the cases whose name contains this text"),
    coverage: bool = typer.Option(
        False, help="print which points, decisions, lines of Rego and rules are covered"
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="print failing cases only"),
) -> None:
    """Run the test cases beside manifests through the code that the service runs.

    Cases are in `tests/*.yaml` beside a manifest. No annotator is called: a case states what
    each returns. Exits 0 when all cases pass, 1 when one fails, 2 when something could not be run.

    Example: `acs-sidecar test manifests --coverage --junit report.xml`
    """
    started = time.perf_counter()
    configure_logging(LogFormat.CONSOLE, "error")
    settings = settings_from(None).settings
    compiler = build_compiler(settings, HttpClient(), None)
    compiler = replace(compiler, environment=EveryVariable())
    manifests = read_manifests(settings, manifest_files(paths), paths)
    prepared = [(read, *_cases(read.file, name)) for read in manifests]
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("running", total=sum(len(cases) for _, cases, _ in prepared))
        reports = [
            report or _report(read, cases, compiler, coverage, lambda: progress.advance(task))
            for read, cases, report in prepared
        ]
    seconds = time.perf_counter() - started
    for report in reports:
        show_findings(tuple(report.findings))
    if junit:
        _write(junit, _junit(reports, seconds))
    match output:
        case ReportFormat.TEXT:
            show_reports(reports, seconds, quiet=quiet)
        case ReportFormat.JSON:
            print_json(report_json(reports, seconds))
        case ReportFormat.JUNIT:
            sys.stdout.write(_junit(reports, seconds))
        case _:
            assert_never(output)
    if not any(report.results or report.findings for report in reports):
        fail(f"no case has `{name}` in its name" if name else "no cases: add some to `tests/*.yaml`")
    if code := exit_code(reports):
        raise typer.Exit(code)


def _cases(file: ManifestFile, name: str) -> tuple[tuple[Case, ...], ManifestReport | None]:
    """Read the cases that are wanted, or return the report that says why they cannot be read."""
    try:
        cases = cases_beside(file)
    except ManifestError as error:
        return (), ManifestReport(file.name, file.path, None, (), error.diagnostics)
    return tuple(case for case in cases if name.casefold() in case.name.casefold()), None


def _report(
    read: ReadManifest,
    cases: tuple[Case, ...],
    compiler: ManifestCompiler,
    wanted: bool,
    done: Callable[[], None],
) -> ManifestReport:
    lines, rules = RegoCoverage(), RuleCoverage()
    file = read.file
    manifest = compile_manifest(read, with_coverage(compiler, lines, rules) if wanted else compiler)
    if isinstance(manifest, InvalidManifest):
        findings = in_files(read, manifest.error.diagnostics)
        return ManifestReport(file.name, file.path, manifest.digest, (), findings)
    results = asyncio.run(run_cases(manifest, cases, done))
    limits = next(iter(manifest.points.values())).limits
    return ManifestReport(
        file.name,
        file.path,
        manifest.digest,
        results,
        types={policy: str(definition["type"]) for policy, definition in manifest.manifest.policies.items()},
        policy_timeout_ms=limits.policy_timeout_ms,
        coverage=coverage_of(manifest, results, lines.modules, rules.documents) if wanted else None,
    )


def _junit(reports: list[ManifestReport], seconds: float) -> str:
    return junit_document("acs-sidecar test", case_suites(reports), seconds)


def _write(path: Path, content: str) -> None:
    try:
        path.write_bytes(content.encode())
    except OSError as error:
        fail(f"--junit {path}: {error.strerror}")
