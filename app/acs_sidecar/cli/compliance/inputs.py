"""What a compliance report is made from: frameworks, manifests with their cases, files (section 8.3)."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from acs_sidecar.access.callers import CALLER_MEMBERS, TABLE
from acs_sidecar.access.entries import AccessFileError, entries_of, read_text
from acs_sidecar.assurance.compliance.catalog import (
    FRAMEWORKS,
    Framework,
    FrameworkError,
    built_in,
    parse_framework,
)
from acs_sidecar.assurance.compliance.measured.observation import Observation
from acs_sidecar.assurance.compliance.probes.carriers import ProbedManifest, probed_manifest
from acs_sidecar.assurance.compliance.probes.checks import RedteamVerdict
from acs_sidecar.assurance.compliance.vocabulary import token
from acs_sidecar.assurance.redteam.report import SCHEMA, is_within, rates_of
from acs_sidecar.audit.format.record import record_time
from acs_sidecar.cli.manifests import KnownManifest
from acs_sidecar.cli.output import fail, show_findings
from acs_sidecar.cli.verification import content_of, object_in
from acs_sidecar.manifests.case_files import cases_beside
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.document.duplicate_members import has_duplicate_members
from acs_sidecar.spec.document.suggestions import did_you_mean
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.values import Json

__all__ = [
    "caller_scopes",
    "chosen_framework",
    "installed_packages",
    "json_in",
    "manifests_in_use",
    "moment",
    "probed",
    "redteam_verdicts",
]

_MAX_BYTES = 64 * 1024 * 1024
_REDTEAM_DAYS = 90


def chosen_framework(name: str) -> Framework:
    """Return a built-in framework, or one's own from a file; ends the command for anything else."""
    if name in FRAMEWORKS:
        return built_in(name)
    path = Path(name)
    if not path.is_file():
        known = ", ".join(FRAMEWORKS)
        fail(
            f"`{name}` is no framework{did_you_mean(name, FRAMEWORKS)}: {known}, or a JSON file of one's own"
        )
    try:
        own = parse_framework(object_in(path, "--framework"))
    except FrameworkError as error:
        fail(f"--framework {path}: {error}")
    if token(own.id) in FRAMEWORKS:
        fail(f"--framework {path}: `{own.id}` is the id of a built-in framework: give it another")
    return own


def moment(text: str, option: str) -> str:
    """Return a date or time in the form of a record's; one without a zone is UTC."""
    try:
        return record_time(text)
    except ValueError:
        fail(f"{option}: `{text}` is not a date or time in ISO 8601 from 1970 to 9999")


def manifests_in_use(
    seen: Observation, known: Mapping[str, Sequence[KnownManifest]]
) -> tuple[list[KnownManifest], list[str]]:
    """Return the manifests that decided in the period, with the files that they decided by, and what lacks.

    A manifest's digest covers none of its policy files: one with other files than then is another policy.
    """
    used: dict[str, list[KnownManifest]] = {digest: [] for digest in sorted(seen.digests) if digest in known}
    missing = [digest for digest in sorted(seen.digests) if digest not in known]
    for digest, point, policy in sorted(seen.policies):
        found = [one for one in known.get(digest, ()) if one.compiled.policy_digests.get(point) == policy]
        if digest in known and not found:
            missing.append(f"{digest} with the policy {policy} at {point}")
        used.get(digest, []).extend(one for one in found if one not in used[digest])
    missing += ["more manifests than are told apart"] if seen.more_manifests else []
    return [one for versions in used.values() for one in versions], missing


async def probed(known: KnownManifest) -> ProbedManifest:
    """Read the cases beside a manifest and find its carriers; cases that cannot be read end the command."""
    file = known.read.file
    try:
        cases = cases_beside(file)
    except ManifestError as error:
        show_findings(error.diagnostics)
        fail(f"the test cases of {file.name} cannot be read")
    return await probed_manifest(file.name, known.compiled, cases)


def redteam_verdicts(files: list[Path], end: str) -> RedteamVerdict:
    """Return what the red-team reports say of a manifest, by its digest and those of its policies.

    A report has no clock: its age is that of its file, and one of more than 90 days before `end` is none.
    """
    verdicts: dict[tuple[str, bytes], tuple[bool, str]] = {}
    for path in files:
        report = object_in(path, "--redteam")
        manifest = report.get("manifest")
        digest = manifest.get("digest") if isinstance(manifest, dict) else None
        policies = manifest.get("policies") if isinstance(manifest, dict) else None
        passed = is_within(report)
        if report.get("schema") != SCHEMA or not isinstance(digest, str) or passed is None:
            fail(f"--redteam {path}: no report of `redteam run --format json`")
        oldest = datetime.fromisoformat(end) - timedelta(days=_REDTEAM_DAYS)
        if path.stat().st_mtime >= oldest.timestamp():
            key = digest, canonical(policies)
            before, said = verdicts.get(key, (True, ""))
            verdicts[key] = before and passed, f"{said}, {rates_of(report)}" if said else rates_of(report)

    def verdict(compiled: CompiledManifest) -> tuple[bool, str] | None:
        return verdicts.get((compiled.digest or "", canonical({**compiled.policy_digests})))

    return verdict


def json_in(path: Path | None, option: str) -> Json:
    """Read a JSON file, `None` where none was given; ends the command where it is none."""
    if path is None:
        return None
    try:
        content = content_of(path, _MAX_BYTES)
        value: Json = orjson.loads(content)
    except OSError as error:
        fail(f"{option} {path}: {error.strerror}")
    except orjson.JSONDecodeError:
        fail(f"{option} {path}: not JSON")
    if has_duplicate_members(content, value):
        fail(f"{option} {path}: names a member of an object twice")
    return value


def caller_scopes(path: Path | None) -> dict[str, tuple[str, ...]] | None:
    """Return the scopes that the callers file names for each caller, as it names them."""
    if path is None:
        return None
    try:
        entries = [*entries_of(read_text(path), path.name, TABLE, CALLER_MEMBERS)]
    except AccessFileError as error:
        fail(*error.lines)
    return {entry.name: entry.texts("scopes") or () for entry in entries}


def installed_packages() -> dict[str, str]:
    """Return the installed distributions with their versions."""
    described = (one.metadata for one in importlib.metadata.distributions())  # each access parses it anew
    return {str(one["Name"]): str(one["Version"]) for one in described}
