"""`acs-sidecar oags`: the group, and its commands about identities and documents (sections 9.1, 9.2)."""

from dataclasses import asdict
from pathlib import Path
from typing import assert_never

import typer

from acs_sidecar.cli.output import OutputFormat, fail, print_json, say, show_findings, wants_table
from acs_sidecar.cli.policies.findings_format import FindingsFormat, prints_text
from acs_sidecar.cli.policies.oags.conformance import conformance
from acs_sidecar.cli.policies.oags.documents import CheckedDocument, check_document
from acs_sidecar.cli.policies.oags.harness import harness
from acs_sidecar.cli.policies.sarif import sarif_log
from acs_sidecar.cli.user_files import read_user_file
from acs_sidecar.engines.adapters.oags.document.reader import normal_id
from acs_sidecar.engines.adapters.oags.identity.ambiguity import prompt_doubts, tools_doubts
from acs_sidecar.engines.adapters.oags.identity.hashing import (
    AgentIdentity,
    IdentityInputError,
    agent_identity,
)
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.printable import printable

__all__ = ["oags"]

oags = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Identities, `sekuire.yml` and conformance of the Open Agent Governance Specification.",
)
oags.command()(harness)
oags.command()(conformance)

_MAX_BYTES = 1024 * 1024


@oags.command("id")
def identify(
    document: Path | None = typer.Argument(None, help="`sekuire.yml` whose model and files are hashed"),
    model: str | None = typer.Option(None, help="name of the model"),
    prompt: Path | None = typer.Option(None, help="file of the system prompt"),
    tools: Path | None = typer.Option(None, help="file of the tools, JSON or text"),
    check: str | None = typer.Option(None, metavar="ID", help="exit 1 unless this is the id"),
    output: OutputFormat = typer.Option(OutputFormat.AUTO, "--format", help="output format"),
) -> None:
    """Print the id of an agent, and the hashes of its prompt and of its tools.

    Exits 0, 1 when it is not the id of `--check`, 2 when something could not be read.
    """
    parts = (model, prompt, tools)
    if document is not None and any(part is not None for part in parts):
        fail("a document and --model, --prompt, --tools were given: give either")
    wanted = None if check is None else normal_id(check)
    if check is not None and wanted is None:
        fail(f"--check: `{check}` is not an id: 64 lower-case hex digits")
    identity = _of_document(document) if document is not None else _of_files(*parts)
    if wants_table(output):
        for name, value in asdict(identity).items():
            say(f"{name:<12} {value}")
    else:
        print_json(asdict(identity))
    if wanted not in (None, identity.id):
        fail(f"the id is `{identity.id}`, not `{wanted}`", code=1)


@oags.command()
def validate(
    document: Path = typer.Argument(help="`sekuire.yml`"),
    output: FindingsFormat = typer.Option(FindingsFormat.AUTO, "--format", help="output format"),
    normal: bool = typer.Option(False, "--normal", help="print the normal form instead of the findings"),
) -> None:
    """Check a `sekuire.yml` and the files that it names.

    Exits 0 when it is valid, 1 when a finding is an error, 2 when it could not be read.
    """
    checked = check_document(document)
    if normal:
        show_findings(checked.findings)
        if checked.policy is not None:
            print_json(checked.policy.as_json())
    else:
        _print_findings(checked, output, document)
    if not checked.valid:
        raise typer.Exit(1)


def _print_findings(checked: CheckedDocument, output: FindingsFormat, document: Path) -> None:
    match output:
        case FindingsFormat.SARIF:
            print_json(sarif_log(checked.findings))
        case FindingsFormat.TEXT | FindingsFormat.AUTO | FindingsFormat.JSON:
            if not prints_text(output):
                print_json([asdict(finding) for finding in checked.findings])
                return
            show_findings(checked.findings)
            colour = typer.colors.GREEN if checked.valid else typer.colors.RED
            word = typer.style("valid" if checked.valid else "invalid", fg=colour)
            typer.echo(f"{word}  {printable(str(document))}")
        case _:
            assert_never(output)


def _of_document(document: Path) -> AgentIdentity:
    checked = check_document(document, compare=False)
    show_findings(checked.findings)
    if checked.files.identity is None or not checked.valid:
        fail(f"{document}: has no id: `identity` must have `model`, `system_prompt_path` and `tools_path`")
    return checked.files.identity


def _of_files(model: str | None, prompt: Path | None, tools: Path | None) -> AgentIdentity:
    if model is None or prompt is None or tools is None:
        fail("name a document, or all of --model, --prompt and --tools")
    prompt_text, tools_text = _read(prompt), _read(tools)
    try:
        doubts = [*((prompt, doubt) for doubt in prompt_doubts(prompt_text))]
        doubts += [(tools, doubt) for doubt in tools_doubts(tools_text)]
        identity = agent_identity(model, prompt_text, tools_text)
    except IdentityInputError as error:
        fail(f"{tools}: {error}")
    show_findings(
        tuple(
            Diagnostic("identity-ambiguous", f"the file {doubt}", severity="warning", source=str(file))
            for file, doubt in doubts
        )
    )
    return identity


def _read(file: Path) -> str:
    """Read a text, or end the command."""
    try:
        return read_user_file(file, _MAX_BYTES).decode()
    except UnicodeDecodeError:
        fail(f"{file}: not UTF-8")
