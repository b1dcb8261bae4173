"""`acs-sidecar redteam prompt`: the defences that system prompts ask for (section 8.4)."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

import typer
from rich.table import Table

from acs_sidecar.assurance.redteam.prompt.defences import DEFENCES, FULL_SCORE
from acs_sidecar.assurance.redteam.prompt.scan import NOTE, Grade, PromptScan, scan_prompt
from acs_sidecar.cli.output import COULD_NOT_RUN, cell, fail, print_json, say, show_table
from acs_sidecar.cli.policies.junit import JUnitCase, JUnitProblem, JUnitSuite, junit_document
from acs_sidecar.cli.policies.redteam.formats import RedTeamFormat
from acs_sidecar.cli.policies.sarif import sarif_log
from acs_sidecar.cli.user_files import read_user_file
from acs_sidecar.spec.canonical import digest_bytes
from acs_sidecar.spec.manifest.diagnostics import Diagnostic

__all__ = ["prompt"]

_MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Scanned:
    """A file and what was found in it."""

    path: Path
    digest: str
    scan: PromptScan

    @property
    def title(self) -> str:
        """The grade and the score, or that there is none."""
        if self.scan.grade is None:
            return "not assessed: not in English"
        return f"{self.scan.grade} ({self.scan.score}/{FULL_SCORE})"


def prompt(
    files: list[Path] = typer.Argument(metavar="FILE…", help="files with a system prompt each"),
    min_grade: Grade = typer.Option(Grade.B, help="exit 1 if a prompt has a worse grade"),
    output: RedTeamFormat = typer.Option(RedTeamFormat.TEXT, "--format", help="output format"),
) -> None:
    """Look for seventeen defences in system prompts, and print the sentence that asks for each.

    A sentence counts when it directs the model and names the subject, and for two defences at most.
    A prompt is a request to a model, never a control: policies decide. Exits 0 when every prompt has
    the grade, 1 when one has a worse one, 2 when one could not be read or is not in English.

    Example: `acs-sidecar redteam prompt prompts/system.md --min-grade B`
    """
    scanned = [_scanned(path) for path in files]
    match output:
        case RedTeamFormat.TEXT:
            for each in scanned:
                _show(each)
            say(f"note: {NOTE}")
        case RedTeamFormat.JSON:
            print_json(_report(scanned, min_grade))
        case RedTeamFormat.JUNIT:
            sys.stdout.write(junit_document("acs-sidecar redteam prompt", _suites(scanned, min_grade)))
        case RedTeamFormat.SARIF:
            print_json(sarif_log(_findings(scanned)))
        case _:
            assert_never(output)
    grades = [each.scan.grade for each in scanned]
    if None in grades:
        raise typer.Exit(COULD_NOT_RUN)
    if any(grade.is_below(min_grade) for grade in grades if grade):
        raise typer.Exit(1)


def _scanned(path: Path) -> _Scanned:
    content = read_user_file(path, _MOST_BYTES)
    try:
        text = content.decode("utf_8_sig")
    except UnicodeDecodeError:
        fail(f"{path}: not UTF-8")
    return _Scanned(path, digest_bytes(content), scan_prompt(text))


def _report(scanned: list[_Scanned], min_grade: Grade) -> dict[str, Any]:
    return {
        "schema": "acs-sidecar/redteam-prompt/v1",
        "note": NOTE,
        "min_grade": min_grade.value,
        "prompts": [
            {
                "path": str(each.path),
                "digest": each.digest,
                "grade": each.scan.grade,
                "score": each.scan.score if each.scan.english else None,
                "full_score": FULL_SCORE,
                "defences": list(_defences_json(each.scan)),
            }
            for each in scanned
        ],
    }


def _defences_json(scan: PromptScan) -> Iterator[dict[str, Any]]:
    for defence in DEFENCES:
        proof = scan.proofs.get(defence.name)
        yield {
            "defence": defence.name,
            "severity": defence.severity.name.lower(),
            "weight": defence.severity.value,
            "status": ("found" if proof else "not_found") if scan.english else "not_assessed",
        } | ({"line": proof.line, "sentence": proof.text} if proof else {})


def _suites(scanned: list[_Scanned], min_grade: Grade) -> Iterator[JUnitSuite]:
    for each in scanned:
        path, grade = str(each.path), each.scan.grade
        problem = None
        if grade is None:
            problem = JUnitProblem("skipped", each.title)
        elif grade.is_below(min_grade):
            problem = JUnitProblem("failure", f"below {min_grade}: {each.title}", "redteam")
        not_found = JUnitProblem("skipped", "not found")
        found = [
            JUnitCase(defence.name, path, None if defence.name in each.scan.proofs else not_found)
            for defence in DEFENCES
        ]
        yield JUnitSuite(path, [JUnitCase("grade", path, problem), *found])


def _findings(scanned: list[_Scanned]) -> Iterator[Diagnostic]:
    for each in scanned:
        source = str(each.path)
        if each.scan.grade is None:
            message = "the prompt is not in English: nothing is assessed"
            yield Diagnostic("prompt-not-assessed", message, source=source, severity="warning")
            continue
        for defence in DEFENCES:
            if defence.name not in each.scan.proofs:
                severity = defence.severity.name.lower()
                message = f"no sentence asks for `{defence.name}` ({severity}): {defence.subject}"
                yield Diagnostic("prompt-defence-not-found", message, source=source, severity="warning")


def _show(scanned: _Scanned) -> None:
    say(f"{scanned.path}: {scanned.title}")
    if not scanned.scan.english:
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("defence", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("sentence")
    for defence in DEFENCES:
        proof = scanned.scan.proofs.get(defence.name)
        table.add_row(
            cell(defence.name),
            cell(defence.severity.name.lower()),
            str(proof.line) if proof else "",
            cell(proof.text) if proof else cell(f"not found: {defence.subject}", "dim"),
        )
    show_table(table)
