"""Manifests at the places that a command is given, and, for evidence, compiled without a network."""

from dataclasses import dataclass, replace
from pathlib import Path

from acs_sidecar.cli.output import fail, show_findings
from acs_sidecar.manifests.composition import ReadManifest
from acs_sidecar.manifests.discovery import read_offline_at
from acs_sidecar.manifests.files import ManifestFile, find_manifests
from acs_sidecar.manifests.loading import build_compiler, compile_manifest
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.trials.injection import EveryVariable

__all__ = ["KnownManifest", "known_manifests", "manifest_files", "manifest_versions", "one_manifest"]


@dataclass(frozen=True, slots=True)
class KnownManifest:
    """A manifest as it was read, and compiled: valid, and with no annotator that may be called."""

    read: ReadManifest
    compiled: CompiledManifest


def manifest_files(places: list[Path]) -> tuple[ManifestFile, ...]:
    """List the manifests of files and directories; a directory that is one manifest counts as it."""
    found: list[ManifestFile] = []
    for place in places:
        own = [place / f"manifest{suffix}" for suffix in (".yaml", ".yml", ".json")]
        single = next((path for path in own if path.is_file()), place)
        try:
            files = find_manifests(single)
        except ManifestError as error:
            show_findings(error.diagnostics)
            fail(f"no manifest can be read at {place}")
        if not files:
            fail(f"no manifest exists at {place}: expected */manifest.yaml or *.yaml in it")
        found.extend(files)
    return tuple(found)


def one_manifest(place: Path) -> ManifestFile:
    """Return the one manifest at a place, or end the command."""
    files = manifest_files([place])
    if len(files) != 1:
        names = ", ".join(file.name for file in files)
        fail(f"no manifest.yaml in {place}, only {names}: write one, or name one of them")
    return files[0]


def known_manifests(settings: Settings, places: list[Path]) -> dict[str, KnownManifest]:
    """Compile what is valid at some places, by digest, as `manifest_versions` does; of several the last."""
    return {digest: found[-1] for digest, found in manifest_versions(settings, places).items()}


def manifest_versions(settings: Settings, places: list[Path]) -> dict[str, list[KnownManifest]]:
    """Compile what is valid at some places, by digest; nothing is fetched, and no variable is needed.

    Several of one digest differ in the files that they name.
    """
    if not places:
        return {}
    compiler = replace(build_compiler(settings, HttpClient(), None), environment=EveryVariable())
    known: dict[str, list[KnownManifest]] = {}
    for read in read_offline_at(settings, manifest_files(places), places):
        compiled = compile_manifest(read, compiler)
        if isinstance(compiled, CompiledManifest) and compiled.digest:
            known.setdefault(compiled.digest, []).append(KnownManifest(read, compiled))
    return known
