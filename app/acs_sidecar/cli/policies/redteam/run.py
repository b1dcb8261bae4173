"""`acs-sidecar redteam run`: attacks on a manifest, and how many of them it stops (section 8.4)."""

import asyncio
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from acs_sidecar.assurance.redteam.attempts import count_attempts, planned, run_attempts
from acs_sidecar.assurance.redteam.baseline import Baseline, BaselineError
from acs_sidecar.assurance.redteam.corpus import Corpus
from acs_sidecar.assurance.redteam.mutations import ALL_MUTATIONS
from acs_sidecar.assurance.redteam.points import PointUnderTest, points_under_test
from acs_sidecar.assurance.redteam.report import SCHEMA, RedTeamReport, RunThresholds
from acs_sidecar.assurance.redteam.tally import Result
from acs_sidecar.cli.manifests import one_manifest
from acs_sidecar.cli.numbers import number
from acs_sidecar.cli.output import fail, print_json, show_findings
from acs_sidecar.cli.policies.junit import junit_document
from acs_sidecar.cli.policies.redteam.corpus_files import read_corpora
from acs_sidecar.cli.policies.redteam.formats import RedTeamFormat
from acs_sidecar.cli.policies.redteam.run_report import findings_of, show_report, suites_of
from acs_sidecar.cli.policies.sarif import sarif_log
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.cli.user_files import read_user_file
from acs_sidecar.manifests.case_files import cases_beside
from acs_sidecar.manifests.discovery import read_manifests
from acs_sidecar.manifests.loading import build_compiler, compile_manifest
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.spec.manifest.cases import Case
from acs_sidecar.spec.manifest.compiled import CompiledManifest, InvalidManifest
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.trials.injection import EveryVariable

__all__ = ["run"]

_MAX_BASELINE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Target:
    """The manifest under attack and its cases, with the client of its annotators."""

    manifest: CompiledManifest
    cases: tuple[Case, ...]
    client: HttpClient
    source: Path


def run(
    manifest: Path = typer.Argument(help="manifest file, or its directory"),
    corpus: list[Path] = typer.Option(
        [], help="directory with another corpus, in files `*.jsonl`; repeatable"
    ),
    built_in: bool = typer.Option(True, "--built-in/--no-built-in", help="run the built-in corpus"),
    point: list[InterventionPoint] = typer.Option([], help="attack this intervention point only; repeatable"),
    mutations: str = typer.Option(
        "3", help=f"in how many encodings each attack is tried, too: 1 to {ALL_MUTATIONS}, `all` or `none`"
    ),
    live: bool = typer.Option(False, "--live", help="call annotators that ask other servers"),
    max_asr: float = typer.Option(
        0.1, min=0, max=1, callback=number, help="exit 1 if a larger share of the attacks passes"
    ),
    min_utility: float = typer.Option(
        0.95, min=0, max=1, callback=number, help="exit 1 if a smaller share of the harmless texts is allowed"
    ),
    baseline: Path | None = typer.Option(
        None, help="earlier JSON report: exit 1 if a technique succeeds clearly more often"
    ),
    output: RedTeamFormat = typer.Option(RedTeamFormat.TEXT, "--format", help="output format"),
) -> None:
    """Put attacks and harmless texts into the allowed test cases of a manifest, and count what passes.

    Exits 0 within the thresholds, 1 beyond them, 2 when nothing could be tested. The same inputs give
    the same report.

    Example: `acs-sidecar redteam run manifests/screened-agent --max-asr 0.3`
    """
    count = _mutations(mutations)
    corpora = read_corpora(corpus, built_in)
    earlier = _baseline(baseline, corpora, count, live) if baseline else None
    target = _target(manifest, live)
    wanted = frozenset(point)
    for each in sorted(wanted):
        if each.value not in target.manifest.points:
            fail(f"--point: `{each.value}` is not bound by {manifest}")
    points, results = asyncio.run(_attacked(target, corpora, wanted, count, live))
    report = RedTeamReport.of(
        results,
        manifest=target.manifest.name,
        digest=target.manifest.digest,
        policies=target.manifest.policy_digests,
        corpora=corpora,
        mutations=count,
        live=live,
        thresholds=RunThresholds(max_asr, min_utility),
        points=points,
        baseline=earlier,
    )
    _print(report, output, target.source)
    _exit(report)


async def _attacked(
    target: _Target, corpora: list[Corpus], wanted: frozenset[InterventionPoint], mutations: int, live: bool
) -> tuple[list[PointUnderTest], list[Result]]:
    entries = [entry for corpus in corpora for entry in corpus.entries]
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    try:
        points = await points_under_test(target.manifest, target.cases, wanted, live=live)
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("attacking", total=count_attempts(points, entries, mutations))
            attempts = planned(points, entries, mutations)
            results = await run_attempts(target.manifest, attempts, lambda: progress.advance(task), live=live)
    finally:
        await target.client.close()
    return points, results


def _mutations(text: str) -> int:
    counts = {"none": 0, "all": ALL_MUTATIONS} | {str(count): count for count in range(1, ALL_MUTATIONS + 1)}
    if text not in counts:
        fail(f"--mutations: `{text}` must be 1 to {ALL_MUTATIONS}, `all` or `none`")
    return counts[text]


def _baseline(path: Path, corpora: list[Corpus], mutations: int, live: bool) -> Baseline:
    content = read_user_file(path, _MAX_BASELINE_BYTES, f"--baseline {path}")
    try:
        return Baseline.read(content, SCHEMA, [corpus.digest for corpus in corpora], mutations, live)
    except BaselineError as error:
        fail(f"--baseline {path}: {error}")


def _target(place: Path, live: bool) -> _Target:
    """Compile the one manifest at `place` and read its cases, or end the command with the findings."""
    settings = settings_from(None).settings
    client = HttpClient()
    compiler = build_compiler(settings, client, None)
    (read,) = read_manifests(settings, (one_manifest(place),), [place])
    compiled = compile_manifest(read, compiler if live else replace(compiler, environment=EveryVariable()))
    if isinstance(compiled, InvalidManifest):
        show_findings(compiled.error.diagnostics)
        fail(f"{place} is not a valid manifest")
    try:
        cases = cases_beside(read.file)
    except ManifestError as error:
        show_findings(error.diagnostics)
        fail(f"the test cases of {place} cannot be read")
    return _Target(compiled, cases, client, read.file.path)


def _print(report: RedTeamReport, output: RedTeamFormat, source: Path) -> None:
    match output:
        case RedTeamFormat.TEXT:
            show_report(report)
        case RedTeamFormat.JSON:
            print_json(report.as_json())
        case RedTeamFormat.JUNIT:
            sys.stdout.write(junit_document("acs-sidecar redteam run", suites_of(report)))
        case RedTeamFormat.SARIF:
            print_json(sarif_log(findings_of(report, str(source))))
        case _:
            assert_never(output)


def _exit(report: RedTeamReport) -> None:
    if not report.tested:
        why = [f"{point.value}: {reason}" for point, reason in report.not_tested]
        fail("nothing was tested: add test cases that are allowed", *why)
    if report.utility.value is None and report.thresholds.min_utility > 0:
        fail("no harmless text was tested: add some to the corpus, or set --min-utility 0")
    if report.failures:
        raise typer.Exit(1)
