"""`acs-sidecar evaluate`: one decision, without a server."""

import asyncio
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from acs_sidecar.cli.output import OutputFormat, cell, fail, json_cell, print_json, show_findings, wants_table
from acs_sidecar.cli.policies.explanation import show_explanation
from acs_sidecar.cli.policies.manifest import one_manifest
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.cli.user_files import read_input
from acs_sidecar.decision.answer import decision_json
from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.decision.request import EvaluateRequest, parse_object
from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.manifests.discovery import read_manifests
from acs_sidecar.manifests.loading import build_compiler, compile_manifest
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.manifest.compiled import CompiledManifest, InvalidManifest
from acs_sidecar.spec.points import InterventionPoint, Mode
from acs_sidecar.spec.values import nesting_bound
from acs_sidecar.spec.verdict import Decision
from acs_sidecar.telemetry.log import configure_logging
from acs_sidecar.telemetry.options import LogFormat
from acs_sidecar.trials.decide import decide

__all__ = ["evaluate"]

_STYLES = {"allow": "green", "deny": "red", "warn": "yellow", "escalate": "magenta", "transform": "cyan"}


def evaluate(
    manifest: Path = typer.Option(help="manifest file, or its directory"),
    point: InterventionPoint = typer.Option(help="intervention point"),
    snapshot: str = typer.Option(help="JSON file with the snapshot, or `-` for standard input"),
    mode: Mode = typer.Option(Mode.ENFORCE, help="`enforce` applies a transform; `evaluate_only` does not"),
    include: list[str] = typer.Option([], help="include `policy_input` or `trace` in the output; repeatable"),
    explain: bool = typer.Option(
        False, "--explain", help="say why: which rules decided, and which nearly did"
    ),
    fail_on: list[Decision] = typer.Option(
        [], "--fail-on", help="exit 1 if the verdict is this one; repeatable"
    ),
    output: OutputFormat = typer.Option(OutputFormat.AUTO, "--format", help="output format"),
) -> None:
    """Evaluate one snapshot against one manifest and print what the service would answer.

    Exits 0 whatever the verdict is, 1 when it is one of --fail-on, and 2 when there could be none.

    Example: `acs-sidecar evaluate --manifest manifests/support-agent --point input --snapshot snapshot.json`
    """
    if not set(include) <= {"policy_input", "trace"}:
        fail("--include must be `policy_input` or `trace`")
    included = frozenset([*include, *(["explain"] if explain else [])])
    settings = settings_from(None).settings
    configure_logging(LogFormat.CONSOLE, "error")
    text = read_input(snapshot, name=f"--snapshot {snapshot}")
    try:
        value = parse_object(
            text, settings.duplicate_members, "standard input" if snapshot == "-" else "the file"
        )
    except RefusalError as error:
        fail(f"--snapshot {snapshot}: {error.detail}")
    request = EvaluateRequest(
        point=point.value, snapshot=value, nesting=nesting_bound(text), mode=mode, include=included
    )
    client = HttpClient()
    compiled = _compiled(manifest, settings, build_compiler(settings, client, None))

    async def run() -> PolicyDecision:
        try:
            return await decide(compiled, request)
        except RefusalError as error:
            fail(f"--snapshot {snapshot}: {error.detail}")
        finally:
            await client.close()

    decision = asyncio.run(run())
    if wants_table(output):
        _show(decision, request.include)
    else:
        print_json(decision_json(decision, None, request.include))
    if decision.verdict.decision in fail_on:
        raise typer.Exit(1)


def _compiled(place: Path, settings: Settings, compiler: ManifestCompiler) -> CompiledManifest:
    """Compile the one manifest at `place`, or end the command with its findings."""
    (read,) = read_manifests(settings, (one_manifest(place),), [place])
    manifest = compile_manifest(read, compiler)
    if isinstance(manifest, InvalidManifest):
        show_findings(manifest.error.diagnostics)
        fail(f"{place} is not a valid manifest")
    return manifest


def _show(decision: PolicyDecision, include: frozenset[str]) -> None:
    body = decision_json(decision, None, include)
    explained = body.pop("explain", None)
    for name in {"policy_input", "trace"} - include if explained else ():
        body.pop(name, None)
    verdict = decision.verdict.as_json()
    console = Console()
    table = Table("member", "value", show_header=False, box=None)
    style = _STYLES[decision.verdict.decision.value]
    table.add_row("decision", f"[bold {style}]{decision.verdict.decision.value}[/]")
    for name, value in {**verdict, **body}.items():
        if name not in ("decision", "verdict") and value not in (None, []):
            table.add_row(name, cell(value) if isinstance(value, str) else json_cell(value))
    console.print(table)
    if isinstance(explained, dict):
        show_explanation(console, explained, decision.trace)
