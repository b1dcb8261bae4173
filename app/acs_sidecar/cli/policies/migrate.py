"""`acs-sidecar migrate`: write the 0.4 form of a manifest, and compare what both decide on its cases."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from itertools import islice
from pathlib import Path

import typer

from acs_sidecar.cli.output import fail, show_findings
from acs_sidecar.cli.policies.manifest import manifest_files
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.manifests.case_files import cases_beside
from acs_sidecar.manifests.discovery import read_manifests
from acs_sidecar.manifests.files import ManifestFile
from acs_sidecar.manifests.loading import build_compiler, compile_manifest
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.dialects.migration import migrated_text, unmigrated_lines
from acs_sidecar.spec.manifest.compiled import InvalidManifest
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.printable import printable
from acs_sidecar.telemetry.log import LogFormat, configure_logging
from acs_sidecar.trials.case_run import CaseResult, run_cases
from acs_sidecar.trials.injection import EveryVariable

__all__ = ["migrate"]

_TEXTS = frozenset({".yaml", ".yml", ".json", ".rego", ".cedar"})
_MOST_FILES = 2_000


class Target(StrEnum):
    """The dialects that a manifest can be migrated to."""

    NEWER = "0.4"


def migrate(
    manifest: Path = typer.Argument(help="a manifest file of 0.3, or its directory"),
    to: Target = typer.Option(Target.NEWER, help="the dialect to write"),  # noqa: ARG001  # one so far
    output: Path | None = typer.Option(
        None,
        help="directory for the manifest with its policies and cases; default: print the manifest",
    ),
) -> None:
    """Write the 0.4 form of a manifest, and show that both forms decide alike on the manifest's own cases.

    Exits 0 when they do, 1 when a decision differs, 2 when the new form is invalid or there are no cases.

    Example: `acs-sidecar migrate manifests/support-agent --to 0.4 --output support-agent-0.4`
    """
    configure_logging(LogFormat.CONSOLE, "error")
    settings = settings_from(None).settings
    files = manifest_files([manifest])
    if len(files) != 1:
        fail(f"{manifest} holds {len(files)} manifests: name one of them")
    older = files[0]
    if output is not None and output.exists():
        fail(f"--output {output}: exists already")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / older.name
        for line in _copied(older.path.parent, folder):
            _tell(line)
        newer = replace(older, path=folder / older.path.name)
        outcome = _compared(_tried(older, settings), _tried(newer, settings))
        if output is None:
            sys.stdout.write(newer.path.read_text())
        else:
            try:
                shutil.copytree(folder, output)
            except OSError as error:
                fail(f"--output {output}: {error.strerror}")
    if outcome:
        raise typer.Exit(outcome)


def _copied(source: Path, target: Path) -> Iterator[str]:
    """Copy a folder with its texts migrated; yield a line for each root of 0.3 that is left in a policy."""
    paths = sorted(islice(source.rglob("*"), _MOST_FILES + 1))
    if len(paths) > _MOST_FILES:
        fail(f"{source} holds more than {_MOST_FILES} files: move the manifest into a folder of its own")
    for path in paths:
        place = target / path.relative_to(source)
        if not path.is_file() or any(part.startswith(".") for part in path.relative_to(source).parts):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes()
        text = _text(content) if path.suffix in _TEXTS else None
        if text is None:
            place.write_bytes(content)
            continue
        text = migrated_text(text)
        place.write_text(text)
        if path.suffix in {".rego", ".cedar"}:
            for number in unmigrated_lines(text):
                place_of = f"{path.relative_to(source)}:{number}"
                yield f"{place_of}: `$policy_target` is left: write `$target` where it is a path"


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _tried(file: ManifestFile, settings: Settings) -> dict[str, CaseResult]:
    """Run the cases of one form, or end the command with what is wrong with it."""
    compiler = replace(build_compiler(settings, HttpClient(), None), environment=EveryVariable())
    read = read_manifests(settings, [file], [file.path])[0]
    compiled = compile_manifest(read, compiler)
    if isinstance(compiled, InvalidManifest):
        show_findings(compiled.error.diagnostics)
        fail(f"{file.path.name} is not a valid manifest in this form")
    try:
        cases = cases_beside(file)
    except ManifestError as error:
        show_findings(error.diagnostics)
        fail("the cases cannot be read")
    show_findings(tuple(found for found in compiled.warnings if found.code == "cedar-context-unknown"))
    results = asyncio.run(run_cases(compiled, cases, lambda: None))
    return {result.case.name: result for result in results}


def _compared(older: dict[str, CaseResult], newer: dict[str, CaseResult]) -> int:
    """Print what both forms decide; return the exit code."""
    if not older:
        _tell("no cases beside the manifest: nothing shows that both forms decide alike")
        return 2
    different = [
        name
        for name, result in older.items()
        if (after := newer.get(name)) is None
        or (result.decision, result.passed, result.detail) != (after.decision, after.passed, after.detail)
    ]
    for name in different:
        before, after = older[name], newer.get(name)
        _tell(f"{name}: {before.decision} before, {after.decision if after else 'no decision'} after")
        if after and after.detail:
            _tell(f"  {after.detail}")
    _tell(f"{len(older) - len(different)} of {len(older)} cases are decided alike")
    return 1 if different else 0


def _tell(line: str) -> None:
    typer.echo(printable(line), err=True)
