"""`acs-sidecar soul lint`: what a file declares against what a manifest enforces (section 11.8)."""

from dataclasses import asdict
from pathlib import Path
from typing import assert_never

import typer

from acs_sidecar.cli.output import fail, print_json, show_findings
from acs_sidecar.cli.policies.finding_files import display_path
from acs_sidecar.cli.policies.findings_format import FindingsFormat, prints_text
from acs_sidecar.cli.policies.manifest import one_manifest
from acs_sidecar.cli.policies.sarif import sarif_log
from acs_sidecar.cli.policies.soul.enforcement import Enforcement, enforcement_findings
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.cli.user_files import read_user_file
from acs_sidecar.engines.adapters.soul.controls import Tier
from acs_sidecar.engines.adapters.soul.scan import scan_bytes
from acs_sidecar.engines.adapters.soul.texts import insufficiency_text
from acs_sidecar.manifests.discovery import read_manifests
from acs_sidecar.manifests.loading import build_compiler, compile_manifest
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.spec.manifest.compiled import InvalidManifest

__all__ = ["lint"]


def lint(
    file: Path = typer.Argument(help="governance file"),
    manifest: Path = typer.Option(help="manifest of the agent"),
    tier: Tier = typer.Option(Tier.TOOL_USING, help="what the agent can do"),
    config: Path | None = typer.Option(None, help="settings file of the service"),
    output: FindingsFormat = typer.Option(FindingsFormat.AUTO, "--format", help="output format"),
) -> None:
    """Compare what a governance file declares with what a manifest enforces.

    Findings are advice, never an error: exits 0, and 2 when something could not be read.
    """
    content = read_user_file(file)
    scanned = scan_bytes(content, tier)
    if not scanned.measured:
        fail(f"{file} cannot be measured: {'; '.join(map(insufficiency_text, scanned.insufficient))}")
    findings = tuple(
        enforcement_findings(content.decode(), scanned, _enforcement(manifest, config), display_path(file))
    )
    match output:
        case FindingsFormat.SARIF:
            print_json(sarif_log(findings))
        case FindingsFormat.TEXT | FindingsFormat.AUTO | FindingsFormat.JSON:
            if prints_text(output):
                show_findings(findings)
            else:
                print_json([asdict(finding) for finding in findings])
        case _:
            assert_never(output)


def _enforcement(place: Path, config: Path | None) -> Enforcement:
    """Read what a manifest and the settings enforce; an invalid manifest ends the command."""
    file = one_manifest(place)
    settings = settings_from(config).settings
    (read,) = read_manifests(settings, (file,))
    compiled = compile_manifest(read, build_compiler(settings, HttpClient(), None))
    if isinstance(compiled, InvalidManifest):
        show_findings(compiled.error.diagnostics)
        fail(f"{place} is invalid")
    return Enforcement.of(compiled.manifest, read.sources, settings)
