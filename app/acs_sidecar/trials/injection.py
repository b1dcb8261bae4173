"""Results of annotators that are given instead of asked for (section 3.4)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from acs_sidecar.annotators.classifier.type import LocalClassifier
from acs_sidecar.annotators.host import HostAnnotator
from acs_sidecar.annotators.runner import AnnotatorRunner
from acs_sidecar.spec.manifest.compiled import CompiledManifest, CompiledPoint
from acs_sidecar.spec.manifest.model import AnnotatorUse
from acs_sidecar.spec.ports import Annotator
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "EveryVariable",
    "InjectionError",
    "asked_elsewhere",
    "injected",
    "local_classifiers",
    "with_local_classifiers",
]


class InjectionError(Exception):
    """Annotations that are not those of the point; the message says what to change."""


_NOTHING: JsonObject = MappingProxyType({})


class EveryVariable(Mapping[str, str]):
    """An environment in which every variable is set: annotators that are never called need no credentials."""

    def __getitem__(self, name: str) -> str:
        """Return a value that is no credential."""
        return f"no-{name}"

    def __iter__(self) -> Iterator[str]:
        """Name none of them."""
        return iter(())

    def __len__(self) -> int:
        """Count none of them."""
        return 0


@dataclass(frozen=True, slots=True)
class _Injected:
    """Stands in for an annotator, and answers what was given."""

    value: Json

    async def annotate(self, value: Json) -> Json:  # noqa: ARG002  # the port's signature
        return self.value


def injected(manifest: CompiledManifest, point: str, annotations: JsonObject) -> CompiledManifest:
    """Return the manifest with what was given in the place of a point's annotators; none is ever called.

    Local classifiers that a policy binds itself are a part of it, and what the host brings stands in the
    snapshot: both stay where nothing is given instead. Raises `InjectionError` when one is missing, or when
    none is bound by that name.
    """
    compiled = manifest.points.get(point)
    uses = {use.name: use for use in compiled.config.annotators} if compiled else {}
    if unknown := sorted(annotations.keys() - uses):
        raise InjectionError(f"`annotations.{unknown[0]}`: `{point}` has no annotator of this name")
    if compiled is None or not uses:
        return manifest
    own = _own_annotators(manifest, compiled)
    if missing := sorted(uses.keys() - annotations.keys() - own.keys()):
        raise InjectionError(
            f"`{point}` has the annotator `{missing[0]}`, which is not called in a test: "
            f"set its result as `annotations.{missing[0]}`"
        )
    used: dict[str, Annotator] = {**own, **{name: _Injected(value) for name, value in annotations.items()}}
    return _annotated_by(manifest, compiled, tuple((use, used[name]) for name, use in sorted(uses.items())))


def _own_annotators(manifest: CompiledManifest, compiled: CompiledPoint) -> dict[str, Annotator]:
    bound = {one.name for one in manifest.statement.annotators if one.point == compiled.name}
    return {
        use.name: annotator
        for use, annotator in _annotators(compiled)
        if isinstance(annotator, HostAnnotator)
        or (isinstance(annotator, LocalClassifier) and use.name in bound)
    }


def local_classifiers(compiled: CompiledPoint) -> dict[str, LocalClassifier]:
    """Return the annotators of a point that look at a value in this process, by name."""
    return {
        use.name: annotator
        for use, annotator in _annotators(compiled)
        if isinstance(annotator, LocalClassifier)
    }


def asked_elsewhere(compiled: CompiledPoint) -> list[str]:
    """Return the names of a point's annotators that ask another server.

    Neither a local classifier does, nor an annotation that the host brings in the snapshot.
    """
    here = (LocalClassifier, HostAnnotator)
    return [use.name for use, annotator in _annotators(compiled) if not isinstance(annotator, here)]


def with_local_classifiers(
    manifest: CompiledManifest,
    point: str,
    annotations: JsonObject,
    instead: JsonObject = _NOTHING,
) -> CompiledManifest:
    """Return the manifest with its local classifiers, and with what was given in the place of all others.

    For a local classifier only what is to stand `instead` of its result is used; what the host brings is read
    from the snapshot where nothing is given. Raises `InjectionError` when one that asks a network is missing.
    """
    compiled = manifest.points.get(point)
    if compiled is None:
        return manifest
    local, elsewhere = local_classifiers(compiled), asked_elsewhere(compiled)
    given = {name: value for name, value in annotations.items() if name not in local} | dict(instead)
    if missing := [name for name in elsewhere if name not in given]:
        raise InjectionError(
            f"`{point}` has the annotator `{missing[0]}`, which asks another server: "
            f"set its result as `annotations.{missing[0]}`"
        )
    used = tuple(
        (use, _Injected(given[use.name]) if use.name in given else annotator)
        for use, annotator in _annotators(compiled)
    )
    return _annotated_by(manifest, compiled, used) if used else manifest


def _annotators(compiled: CompiledPoint) -> tuple[tuple[AnnotatorUse, Annotator], ...]:
    return compiled.annotate.annotators if isinstance(compiled.annotate, AnnotatorRunner) else ()


def _annotated_by(
    manifest: CompiledManifest, compiled: CompiledPoint, used: tuple[tuple[AnnotatorUse, Annotator], ...]
) -> CompiledManifest:
    stand_in = replace(compiled, annotate=AnnotatorRunner(used, compiled.limits))
    points: Mapping[str, CompiledPoint] = {**manifest.points, compiled.name: stand_in}
    return replace(manifest, points=points)
