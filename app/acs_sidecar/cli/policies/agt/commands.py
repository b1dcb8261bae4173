"""`acs-sidecar agt`: check rule documents of the Agent Governance Toolkit, and bind them by a manifest."""

from dataclasses import asdict
from pathlib import Path
from typing import assert_never

import typer

from acs_sidecar.cli.output import (
    OutputFormat,
    fail,
    print_json,
    say,
    show_findings,
    wants_table,
)
from acs_sidecar.cli.policies.agt.checked import check_documents
from acs_sidecar.cli.policies.agt.documents import find_documents
from acs_sidecar.cli.policies.agt.import_report import report_json, report_lines
from acs_sidecar.cli.policies.findings_format import FindingsFormat, prints_text
from acs_sidecar.cli.policies.sarif import sarif_log
from acs_sidecar.engines.adapters.agt_rules.migration.manifest_text import manifest_text
from acs_sidecar.engines.adapters.agt_rules.ordering import Strategy
from acs_sidecar.spec.printable import printable

__all__ = ["agt"]

agt = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Check rule documents of the Agent Governance Toolkit, and write the manifest that binds them.",
)
_PATHS = typer.Argument(help="rule documents, or folders that hold them")
_STRATEGY = typer.Option(
    None,
    help="conflict strategy; default: that of the toolkit's engine for the documents' form, "
    "`deny_overrides` or, where all conditions are objects, `priority_first_match`",
)


@agt.command("import")
def import_documents(
    paths: list[Path] = _PATHS,
    manifest: Path | None = typer.Option(
        None, "--output", "-o", help="write the manifest to this file; default: print it"
    ),
    strategy: Strategy | None = _STRATEGY,
    force: bool = typer.Option(False, "--force", help="replace the file"),
    output: OutputFormat = typer.Option(OutputFormat.AUTO, "--format", help="format of the report"),
) -> None:
    """Write a manifest that binds rule documents, and report what behaves differently than in the toolkit.

    The manifest binds the documents at the points that their rules need. Each name that the snapshot does
    not provide has an entry in `context`: a path below `$snap.context`, where the host can put what it
    passed to the toolkit, until it says where the name really is. The report lists, for each rule:

    - what the toolkit made of its condition (`unread_condition`, `misread_condition`),
    - the other differences of section 7.9 of the reference that it meets,
    - and what is refused, with file, line and column.

    Without `--output` the manifest is printed, and the report goes to the error stream. Exits 0 when
    the manifest is valid, 1 when a rule must be corrected first, 2 when something could not be read.

    Next: `acs-sidecar validate` and `acs-sidecar test` with cases for the rules that the report names.
    """
    if manifest is not None and manifest.exists() and not force:
        fail(f"{manifest}: exists: choose another file, or replace it with --force")
    found = find_documents(paths)
    folder = manifest.parent if manifest is not None else Path()
    checked = check_documents(found.documents, folder, strategy)
    text = manifest_text(checked.draft)
    if manifest is not None:
        names = (drafted.document.path for drafted in checked.draft.documents)
        read = (folder / name for name in names if name is not None)
        if manifest.exists() and any(manifest.samefile(path) for path in read):
            fail(f"--output {manifest}: is a rule document that the manifest binds: choose another file")
        _write(manifest, text)
    if not wants_table(output):
        print_json(report_json(checked, text, found.others))
    else:
        if manifest is None:
            typer.echo(text, nl=False)
        for line in report_lines(checked, found.others):
            typer.echo(printable(line), err=manifest is None)
        show_findings(checked.findings)
    if not checked.valid:
        raise typer.Exit(1)


@agt.command()
def lint(
    paths: list[Path] = _PATHS,
    strategy: Strategy | None = _STRATEGY,
    output: FindingsFormat = typer.Option(FindingsFormat.AUTO, "--format", help="output format"),
) -> None:
    """Check rule documents without a manifest, as one policy of all of them.

    A name that no point provides is a warning here: the manifest binds it in `context`. Exits 0 when no
    finding is an error, 1 when one is, 2 when something could not be read.
    """
    found = find_documents(paths)
    checked = check_documents(found.documents, _common_folder(found.documents), strategy)
    findings = (*checked.findings, *checked.unbound)
    match output:
        case FindingsFormat.SARIF:
            print_json(sarif_log(findings))
        case FindingsFormat.TEXT | FindingsFormat.AUTO | FindingsFormat.JSON:
            if prints_text(output):
                show_findings(findings)
                say(f"documents: {len(checked.draft.documents)}, findings: {len(findings)}")
            else:
                print_json([asdict(finding) for finding in findings])
        case _:
            assert_never(output)
    if not checked.valid:
        raise typer.Exit(1)


def _common_folder(documents: tuple[Path, ...]) -> Path:
    absolute = [path.absolute() for path in documents]
    return next(
        folder for folder in absolute[0].parents if all(path.is_relative_to(folder) for path in absolute)
    )


def _write(manifest: Path, text: str) -> None:
    try:
        manifest.write_text(text)
    except OSError as error:
        fail(f"--output {manifest}: {error.strerror}")
