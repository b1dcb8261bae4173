"""`acs-sidecar migrate`: write the 0.4 form of a manifest, and compare what both decide on its cases."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import orjson
import typer

from acs_sidecar.cli.output import fail, show_findings
from acs_sidecar.cli.policies.manifest import one_manifest
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.manifests.case_files import cases_beside
from acs_sidecar.manifests.discovery import read_manifests
from acs_sidecar.manifests.files import ManifestFile
from acs_sidecar.manifests.loading import build_compiler, compile_manifest
from acs_sidecar.manifests.member_tables import installed_members
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.dialects.migration import migrated_text
from acs_sidecar.spec.dialects.unmigrated import unmigrated_lines, unmigrated_members
from acs_sidecar.spec.dialects.versions import DIALECT_03
from acs_sidecar.spec.manifest.compiled import InvalidManifest
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.printable import printable
from acs_sidecar.telemetry.log import configure_logging
from acs_sidecar.telemetry.options import LogFormat
from acs_sidecar.trials.case_run import CaseResult, run_cases
from acs_sidecar.trials.injection import EveryVariable

__all__ = ["Trial", "decided", "migrate", "migrated_folder", "tried"]

_TEXTS = frozenset({".yaml", ".yml", ".json", ".rego", ".cedar"})
_MOST_FILES = 2_000
_BUNDLE_MANIFEST = ".manifest"
_OF_THE_FORM = frozenset(
    {"dialect", "manifest_digest", "policy_digest", "duration_us", "verification_pointers"}
)


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

    Exits 0 when they do, 1 when a decision differs or somebody must look at a policy, 2 when the new form is
    invalid or there are no cases.

    Example: `acs-sidecar migrate manifests/support-agent --to 0.4 --output support-agent-0.4`
    """
    configure_logging(LogFormat.CONSOLE, "error")
    settings = settings_from(None).settings
    older = one_manifest(manifest)
    if output is not None and output.exists():
        fail(f"--output {output}: exists already")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / older.name
        source = older.path.parent
        before = tried(older, settings, "as it is")
        if before.dialect is not DIALECT_03:
            fail(f"{manifest} is a manifest of {before.dialect.name}: only one of 0.3 can be migrated")
        lines = list(migrated_folder(source, folder))
        for line in lines:
            _tell(line)
        newer = replace(older, path=folder / older.path.name)
        after = tried(newer, settings, f"in its form of 0.4, which has the files of {source} alone")
        show_findings(after.unread)
        outcome = _compared(before.results, after.results, len(lines) + len(after.unread))
        if output is None:
            sys.stdout.write(newer.path.read_text())
        else:
            try:
                shutil.copytree(folder, output)
            except OSError as error:
                fail(f"--output {output}: {error.strerror}")
    if outcome:
        raise typer.Exit(outcome)


def migrated_folder(source: Path, target: Path) -> Iterator[str]:
    """Copy a folder with its texts migrated; yield what somebody must look at in policies."""
    members = installed_members()
    paths = sorted(islice(source.rglob("*"), _MOST_FILES + 1))
    if len(paths) > _MOST_FILES:
        fail(f"{source} holds more than {_MOST_FILES} files: move the manifest into a folder of its own")
    for path in paths:
        place = target / path.relative_to(source)
        hidden = [part for part in path.relative_to(source).parts if part.startswith(".")]
        if not path.is_file() or hidden not in ([], [_BUNDLE_MANIFEST]):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes()
        text = _text(content) if path.suffix in _TEXTS else None
        if text is None:
            place.write_bytes(content)
            continue
        newer = migrated_text(text, members)
        place.write_text(newer)
        is_policy = path.suffix in {".rego", ".cedar"} or path.stem == "data"
        for number, advice in unmigrated_lines(newer) if is_policy else unmigrated_members(text, newer):
            yield f"{path.relative_to(source)}:{number}: {advice}"


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


class Trial(NamedTuple):
    """What became of the cases of one form, by name, and what its policies read that no request has."""

    dialect: Dialect
    results: dict[str, CaseResult]
    unread: tuple[Diagnostic, ...]


def tried(file: ManifestFile, settings: Settings, form: str) -> Trial:
    """Run the cases of one form, or end the command with what is wrong with it.

    `form` says in words which one it is.
    """
    compiler = replace(build_compiler(settings, HttpClient(), None), environment=EveryVariable())
    read = read_manifests(settings, [file], [file.path])[0]
    compiled = compile_manifest(read, compiler)
    if isinstance(compiled, InvalidManifest):
        show_findings(compiled.error.diagnostics)
        fail(f"{file.path.name} is not a valid manifest {form}")
    try:
        cases = cases_beside(file)
    except ManifestError as error:
        show_findings(error.diagnostics)
        fail("the cases cannot be read")
    unread = tuple(found for found in compiled.warnings if found.code == "cedar-context-unknown")
    results = asyncio.run(run_cases(compiled, cases, lambda: None))
    return Trial(compiled.dialect, {result.case.name: result for result in results}, unread)


def _compared(older: dict[str, CaseResult], newer: dict[str, CaseResult], doubts: int) -> int:
    """Print what both forms decide; return the exit code.

    `doubts` are how many places somebody must look at.
    """
    if not older:
        _tell("no cases beside the manifest: nothing shows that both forms decide alike")
        return 2
    different = failing = 0
    for name, before in older.items():
        after = newer.get(name)
        if after is None or decided(before) != decided(after):
            different += 1
            _tell(f"{name}: {_outcome(before, after)} before, {_outcome(after, before)} after")
            if after and after.detail:
                _tell(f"  {after.detail}")
            elif after:
                _tell_difference(decided(before), decided(after))
        elif before.passed and not after.passed:
            failing += 1
            _tell(f"{name}: decided alike, and expected otherwise")
            for found in after.differences:
                _tell(f"  {found.member}: write {orjson.dumps([*found.actual] or [None]).decode()[1:-1]}")
    _tell(f"{len(older) - different} of {len(older)} cases are decided alike")
    if doubts:
        places = "place" if doubts == 1 else "places"
        _tell(f"look at {doubts} {places} above: no case need show what they decide")
    return 1 if different or failing or doubts else 0


def decided(result: CaseResult) -> dict[str, object]:
    """Return what is decided, as the audit log has it, but for what must differ and for pointers.

    Evidence of adapters stands in verification pointers from 0.4 on.
    """
    entry = {} if result.entry is None else asdict(result.entry)
    members = {name: value for name, value in entry.items() if name not in _OF_THE_FORM}
    return {**members, "message": result.message, "detail": result.detail, "error": result.error}


def _outcome(result: CaseResult | None, other: CaseResult | None) -> str:
    """Return the decision of one form, with its reason where the other decides the same."""
    if result is None:
        return "no decision"
    alike = other is not None and other.decision == result.decision
    reason = result.entry.reason if alike and result.entry else None
    return f"{result.decision} ({reason})" if reason else str(result.decision)


def _tell_difference(before: dict[str, object], after: dict[str, object]) -> None:
    for name, value in before.items():
        if name not in {"decision", "detail"} and value != after.get(name):
            _tell(f"  {name}: {value} before, {after.get(name)} after")


def _tell(line: str) -> None:
    typer.echo(printable(line), err=True)
