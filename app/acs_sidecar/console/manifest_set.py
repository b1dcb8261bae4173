"""The manifests that the console shows: read and compiled as the service does, again when they change."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from acs_sidecar.manifests.case_files import cases_beside
from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.manifests.composition import ReadManifest
from acs_sidecar.manifests.discovery import manifest_places, operator_files, read_manifests
from acs_sidecar.manifests.loading import compile_manifest
from acs_sidecar.manifests.watch import tree_state
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.manifest.cases import Case
from acs_sidecar.spec.manifest.compiled import AnyManifest, CompiledManifest, InvalidManifest
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError

__all__ = ["ManifestSet", "ShownManifest", "point_rows"]


@dataclass(frozen=True, slots=True)
class ShownManifest:
    """One manifest with its text and its cases; `findings` are those of both."""

    name: str
    path: Path
    manifest: AnyManifest
    text: str
    cases: tuple[Case, ...]
    findings: tuple[Diagnostic, ...]

    @property
    def compiled(self) -> CompiledManifest | None:
        """The manifest if it is valid."""
        return self.manifest if isinstance(self.manifest, CompiledManifest) else None


class ManifestSet:
    """Loads the operator's manifests when it is asked, and anew when a file of them has changed."""

    def __init__(self, settings: Settings, compiler: ManifestCompiler) -> None:
        self._settings = settings
        self._compiler = compiler
        self._seen: object = None
        self._by_name: dict[str, ShownManifest] = {}
        self.problem: str | None = None

    async def by_name(self) -> Mapping[str, ShownManifest]:
        """Return the manifests by name."""
        places = manifest_places(self._settings)
        seen = await asyncio.to_thread(tree_state, places)
        if seen != self._seen:
            try:
                found = await asyncio.to_thread(self._read)
            except ManifestError as error:
                self.problem, self._by_name = str(error), {}
            else:
                self.problem = None
                self._by_name = {read.file.name: self._loaded(read) for read in found}
            self._seen = seen
        return self._by_name

    def named(self) -> dict[str, str]:
        """Return the names of the manifests that were loaded last, by digest."""
        return {
            loaded.manifest.digest: name for name, loaded in self._by_name.items() if loaded.manifest.digest
        }

    def _read(self) -> tuple[ReadManifest, ...]:
        return read_manifests(self._settings, operator_files(self._settings))

    def _loaded(self, read: ReadManifest) -> ShownManifest:
        manifest = compile_manifest(read, self._compiler)
        invalid = isinstance(manifest, InvalidManifest)
        findings = list(
            manifest.error.diagnostics if isinstance(manifest, InvalidManifest) else manifest.warnings
        )
        cases: tuple[Case, ...] = ()
        try:
            cases = () if invalid else cases_beside(read.file)
        except ManifestError as error:
            findings.extend(error.diagnostics)
        text = read.file.path.read_text(errors="replace")
        return ShownManifest(read.file.name, read.file.path, manifest, text, cases, tuple(findings))


def point_rows(loaded: ShownManifest) -> Iterator[dict[str, object]]:
    """Yield what is bound at each point: policy, target, annotators."""
    if loaded.compiled is None:
        return
    for name, point in loaded.compiled.points.items():
        config = point.config
        yield {
            "point": name,
            "policy": config.policy,
            "target": config.target.text,
            "kind": config.target_kind,
            "annotators": [use.name for use in config.annotators],
        }
