"""`acs-sidecar soul scan`: what a governance file declares (section 11.6)."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import assert_never

import typer
from rich.console import Console

from acs_sidecar.cli.output import cell, print_json, stdout_is_terminal
from acs_sidecar.cli.policies.finding_files import display_path
from acs_sidecar.cli.policies.sarif import sarif_log
from acs_sidecar.cli.policies.soul.governance_files import GovernanceFile, find_governance_file
from acs_sidecar.engines.adapters.soul.controls import DOMAINS, Severity, Tier, domain_of
from acs_sidecar.engines.adapters.soul.detection.rules import rule_book
from acs_sidecar.engines.adapters.soul.report import NOTE, report
from acs_sidecar.engines.adapters.soul.scan import Scan, scan_bytes
from acs_sidecar.engines.adapters.soul.score import GovernanceLevel
from acs_sidecar.engines.adapters.soul.texts import control_text, insufficiency_text
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, FindingSeverity

__all__ = ["scan"]


class ScanFormat(StrEnum):
    """How a scan is printed: `auto` is a table on a terminal and JSON in a pipe."""

    AUTO = "auto"
    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    BADGE = "badge"


_BADGE_COLOURS = {
    GovernanceLevel.NONE: "red",
    GovernanceLevel.ESSENTIAL: "blue",
    GovernanceLevel.STANDARD: "green",
    GovernanceLevel.HARDENED: "purple",
}
_SEVERITIES: dict[Severity, FindingSeverity] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
_MESSAGES = {
    "stuffed-statement": "satisfies more than four controls, and counts for none: write a sentence for each",
    "marker-without-statement": "the marker stands where no statement counts: write one in front of it",
    "marker-unsupported": "the statement does not say what its marker claims",
    "scope-in-file": "the comment changes nothing: the tier is `--tier`, or the policy's `tier`",
}


def scan(
    place: Path = typer.Argument(Path(), metavar="[PATH]", help="governance file, or folder that has one"),
    tier: Tier = typer.Option(Tier.TOOL_USING, help="what the agent can do"),
    min_level: GovernanceLevel = typer.Option(GovernanceLevel.ESSENTIAL, help="exit 1 below this level"),
    output: ScanFormat = typer.Option(ScanFormat.AUTO, "--format", help="output format"),
) -> None:
    """Print which controls a governance file declares, its score, grade and level.

    Exits 0 at `--min-level` or above, 1 below, 2 when there is nothing to scan.
    """
    file = find_governance_file(place)
    scanned = scan_bytes(file.content, tier)
    _print(scanned, file, output)
    if not (scanned.measured and scanned.level.reaches(min_level)):
        raise typer.Exit(1)


def _print(scanned: Scan, file: GovernanceFile, output: ScanFormat) -> None:
    name = display_path(file.path)
    match output:
        case ScanFormat.SARIF:
            names = {rule.control: rule.name for rule in rule_book().rules}
            print_json(sarif_log(_findings(scanned, name), names))
        case ScanFormat.BADGE:
            print_json(_badge(scanned))
        case ScanFormat.TABLE | ScanFormat.AUTO | ScanFormat.JSON:
            if output is ScanFormat.TABLE or (output is ScanFormat.AUTO and stdout_is_terminal()):
                _show(scanned, name, file.others)
            else:
                print_json(report(scanned, name, file.others))
        case _:
            assert_never(output)


def _badge(scanned: Scan) -> dict[str, object]:
    level = scanned.level
    return {"schemaVersion": 1, "label": "OASB-2", "message": level.value, "color": _BADGE_COLOURS[level]}


def _findings(scanned: Scan, name: str) -> Iterator[Diagnostic]:
    """Yield a finding for each missing control, each remark, and each reason why nothing was measured."""
    rules = {rule.control: rule for rule in rule_book().rules}
    for control in scanned.missing:
        message = f"{NOTE} Missing: {rules[control].name}. {control_text(control).question}"
        yield Diagnostic(control, message, None, _SEVERITIES[rules[control].severity], name)
    for reason in scanned.insufficient:
        message = f"{NOTE} The file is not measured: {insufficiency_text(reason)}."
        yield Diagnostic(reason, message, None, "error", name)
    for found in scanned.findings:
        control_path = found.control
        yield Diagnostic(found.code, _MESSAGES[found.code], control_path, "warning", name, found.line)


def _show(scanned: Scan, name: str, others: tuple[str, ...]) -> None:
    console = Console(soft_wrap=True, highlight=False)

    def line(text: str, style: str = "") -> None:
        console.print(cell(text, style))

    line(NOTE)
    if not scanned.measured:
        line(f"{name}: not measured: {', '.join(scanned.insufficient)}", "bold red")
        for reason in scanned.insufficient:
            line(f"  {reason}: {insufficiency_text(reason)}")
        return
    score = scanned.score
    for domain in DOMAINS.values():
        if (of_domain := score.domains.get(str(domain.number))) is None:
            continue
        line(f"{of_domain:>4}%  {domain.name}")
        for control, found in scanned.detected.items():
            if domain_of(control) is domain:
                how = "" if found.how == "rule" else f" ({found.how})"
                line(f"         {control}  line {found.line}{how}")
    capped = ", capped because a critical control is missing" if score.grade_capped else ""
    line(f"{name}: {len(scanned.detected)} of {score.applicable} controls of tier {scanned.tier.value}")
    line(f"score {score.score}, grade {score.grade}{capped}, level {score.level.value}", "bold")
    if score.next_level is not None:
        missing = ", ".join(score.next_missing) or "a higher score"
        line(f"for {score.next_level.value}: {missing}")
    for remark in scanned.findings:
        line(
            f"{name}:{remark.line}: {remark.control or ''} {_MESSAGES[remark.code]} [{remark.code}]".replace(
                "  ", " "
            ),
            "yellow",
        )
    for other in others:
        line(f"not read: {other}", "yellow")
