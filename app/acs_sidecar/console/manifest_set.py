"""The manifests that the console shows: read and compiled as the service does, again when they change."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from acs_sidecar.bounded_files import check_regular, read_at_most
from acs_sidecar.manifests.case_files import cases_beside
from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.manifests.composition import ReadManifest
from acs_sidecar.manifests.discovery import manifest_places, operator_files, read_manifests
from acs_sidecar.manifests.files import MAX_BYTES
from acs_sidecar.manifests.loading import compile_manifest
from acs_sidecar.manifests.watch import tree_state
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.manifest.cases import Case
from acs_sidecar.spec.manifest.compiled import CompiledManifest, InvalidManifest
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.merge import member_sources
from acs_sidecar.spec.manifest.redaction import redacted
from acs_sidecar.spec.values import JsonObject

__all__ = ["ManifestAccess", "ManifestSet", "ShownManifest", "ShownPoint", "TriedManifest"]


@dataclass(frozen=True, slots=True)
class ShownPoint:
    """What is bound at one intervention point."""

    name: str
    policy: str
    target: str
    kind: str | None
    annotators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TriedManifest:
    """A manifest that can be evaluated here, and its parts as they were read, to be compiled once more."""

    read: ReadManifest
    compiled: CompiledManifest


@dataclass(frozen=True, slots=True)
class ShownManifest:
    """One manifest for its page.

    `value` is all of it merged and without credentials, absent of an invalid one; `sources` gives the file of
    each of its members. `text` is the file as it is, where that is here; `tried` is there of a valid one.
    """

    name: str
    place: str
    digest: str | None
    valid: bool
    findings: tuple[Diagnostic, ...]
    points: tuple[ShownPoint, ...] = ()
    value: JsonObject | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    cases: tuple[Case, ...] = ()
    tried: TriedManifest | None = None


class ManifestAccess(Protocol):
    """The manifests that the pages show; `problem` says why there are none."""

    problem: str | None

    async def by_name(self) -> Mapping[str, ShownManifest]:
        """Return the manifests by name."""
        ...


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

    def _read(self) -> tuple[ReadManifest, ...]:
        return read_manifests(self._settings, operator_files(self._settings))

    def _loaded(self, read: ReadManifest) -> ShownManifest:
        manifest = compile_manifest(read, self._compiler)
        text = _text(read)
        name, place = read.file.name, str(read.file.path)
        if isinstance(manifest, InvalidManifest):
            findings = manifest.error.diagnostics
            return ShownManifest(name, place, manifest.digest, False, findings, text=text)
        cases, wrong = _cases(read)
        return ShownManifest(
            name,
            place,
            manifest.digest,
            True,
            (*manifest.warnings, *wrong),
            tuple(_points(manifest)),
            redacted(manifest.manifest.value, self._compiler.members),
            member_sources(manifest.manifest.document),
            text,
            cases,
            TriedManifest(read, manifest),
        )


def _text(read: ReadManifest) -> str | None:
    try:
        check_regular(read.file.path)
        return read_at_most(read.file.path, MAX_BYTES).decode(errors="replace")
    except OSError:  # none that can be read, or gone since it was: the next look finds that too
        return None


def _cases(read: ReadManifest) -> tuple[tuple[Case, ...], Sequence[Diagnostic]]:
    try:
        return cases_beside(read.file), ()
    except ManifestError as error:
        return (), error.diagnostics


def _points(manifest: CompiledManifest) -> Iterator[ShownPoint]:
    for name, point in manifest.points.items():
        config = point.config
        annotators = tuple(use.name for use in config.annotators)
        yield ShownPoint(name, config.policy, config.target.text, config.target_kind, annotators)
