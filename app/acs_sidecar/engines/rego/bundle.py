"""OPA bundles: which files mean what, whose roots they must keep to (section 1.7.2)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import PurePosixPath

from acs_sidecar.engines.findings import SourceLocation, invalid, warning
from acs_sidecar.engines.rego.documents import (
    DOCUMENT_SUFFIXES,
    DataBounds,
    Placed,
    Segments,
    dotted,
    read_document,
)
from acs_sidecar.spec.document.bounds import DocumentError
from acs_sidecar.spec.document.text import parse_document
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.ports import SourceFile
from acs_sidecar.spec.values import Json

__all__ = ["EVERYTHING", "Bundle", "Roots", "is_hidden", "read_bundle"]

_MANIFEST = ".manifest"
_DATA_NAMES = frozenset({"data.json", "data.yaml", "data.yml"})
_UNSUPPORTED = {
    ".signatures.json": "is signed: this service does not verify it, so it would only look trusted",
    "patch.json": "is a delta bundle: give a whole one",
}


@dataclass(frozen=True, slots=True)
class Roots:
    """The paths below `data` that a bundle owns."""

    paths: tuple[Segments, ...]

    def own(self, path: Segments) -> bool:
        """True if `path` is a root or below one."""
        return any(path[: len(root)] == root for root in self.paths)

    def lead_to(self, path: Segments) -> bool:
        """True if a root lies below `path`."""
        return any(root[: len(path)] == path for root in self.paths)

    def __str__(self) -> str:
        return ", ".join(f"`{'/'.join(root)}`" for root in self.paths)


EVERYTHING = Roots(((),))


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle holds. `versions` gives the Rego version of each module, where it states one."""

    modules: tuple[SourceFile, ...]
    documents: tuple[Placed, ...]
    roots: Roots
    version: int | None
    versions: dict[str, int]
    warnings: tuple[Diagnostic, ...]


def read_bundle(path: str, name: str, files: Sequence[SourceFile], bounds: DataBounds) -> Bundle:
    """Sort the files of the bundle `name`, given by the member `path`. Raises `ManifestError`.

    `_test.rego` files are modules like any other, as for OPA. Hidden files, and those that mean nothing, are
    ignored.
    """
    manifest: dict[str, Json] = {}
    modules: list[SourceFile] = []
    documents: list[Placed] = []
    warnings: list[Diagnostic] = []
    for file in files:
        at = SourceLocation(path, f"{name}/{file.name}")
        place = PurePosixPath(file.name)
        _refuse_unsupported(place, at)
        if place.name != _MANIFEST and is_hidden(place):
            continue
        if place.name == _MANIFEST:
            manifest = _read_manifest(place, file, at)
        elif place.suffix == ".rego":
            modules.append(file)
        elif place.name in _DATA_NAMES:
            documents.append(read_document(file, place.parts[:-1], at, bounds))
        elif place.suffix in DOCUMENT_SUFFIXES:
            message = "is not read: a bundle's documents are named `data.json` or `data.yaml`"
            warnings.append(warning("rego-file-ignored", message, at))
    at = SourceLocation(path, f"{name}/{_MANIFEST}")
    roots = _roots(manifest.get("roots"), at)
    for document in documents:
        _refuse_outside(document, roots)
    return Bundle(
        tuple(modules),
        tuple(documents),
        roots,
        _version(manifest["rego_version"], at) if "rego_version" in manifest else None,
        _file_versions(manifest.get("file_rego_versions"), modules, at),
        tuple(warnings),
    )


def is_hidden(place: PurePosixPath) -> bool:
    """True if the file, or a folder that it lies in, has a name that begins with a dot."""
    return any(part.startswith(".") for part in place.parts)


def _refuse_unsupported(place: PurePosixPath, at: SourceLocation) -> None:
    if place.suffix == ".wasm":
        raise invalid("rego-bundle-unsupported", "is WebAssembly: give the Rego that it was made from", at)
    if place.name in _UNSUPPORTED and len(place.parts) == 1:
        raise invalid("rego-bundle-unsupported", _UNSUPPORTED[place.name], at)


def _read_manifest(place: PurePosixPath, file: SourceFile, at: SourceLocation) -> dict[str, Json]:
    if len(place.parts) != 1:
        raise invalid("rego-bundle-invalid", "a `.manifest` belongs at the top of a bundle", at)
    try:
        manifest = parse_document(file.content.decode()).value
    except (UnicodeDecodeError, DocumentError):
        raise invalid("rego-bundle-invalid", "is not JSON", at) from None
    if not isinstance(manifest, dict):
        raise invalid("rego-bundle-invalid", "must be an object", at)
    if manifest.get("wasm"):
        message = "names WebAssembly modules: give the Rego that they were made from"
        raise invalid("rego-bundle-unsupported", message, at)
    return manifest


def _roots(declared: Json, at: SourceLocation) -> Roots:
    if declared is None:
        return EVERYTHING
    if not isinstance(declared, list) or not all(isinstance(root, str) for root in declared):
        raise invalid("rego-bundle-invalid", "`roots` must be a list of paths such as `agents/billing`", at)
    roots = [str(root).strip("/") for root in declared]
    paths = sorted(tuple(root.split("/")) if root else () for root in roots)
    for path, following in pairwise(paths):
        if following[: len(path)] == path:
            message = f"the roots `{'/'.join(path)}` and `{'/'.join(following)}` overlap"
            raise invalid("rego-bundle-invalid", message, at)
    return Roots(tuple(paths))


def _refuse_outside(document: Placed, roots: Roots) -> None:
    for outside in _outside(document.path, document.value, roots):
        message = f"gives `{dotted(outside)}`, which is outside the bundle's roots ({roots})"
        raise invalid("rego-bundle-roots", message, document.at)


def _outside(path: Segments, value: Json, roots: Roots) -> Iterator[Segments]:
    if roots.own(path):
        return
    if not isinstance(value, dict) or not roots.lead_to(path):
        yield path
        return
    for name, member in value.items():
        yield from _outside((*path, name), member, roots)


def _version(version: Json, at: SourceLocation) -> int:
    if isinstance(version, bool) or version not in (0, 1):
        raise invalid("rego-version-unsupported", "`rego_version` must be 0 or 1", at)
    return int(version)


def _file_versions(declared: Json, modules: Iterable[SourceFile], at: SourceLocation) -> dict[str, int]:
    """Return the version of each module that a path or a glob of `file_rego_versions` names."""
    if declared is None:
        return {}
    if not isinstance(declared, dict):
        raise invalid("rego-bundle-invalid", "`file_rego_versions` must map paths to 0 or 1", at)
    patterns = {pattern.lstrip("/"): _version(version, at) for pattern, version in declared.items()}
    versions: dict[str, int] = {}
    for module in modules:
        matching = {version for pattern, version in patterns.items() if fnmatchcase(module.name, pattern)}
        if module.name in patterns:
            versions[module.name] = patterns[module.name]
        elif len(matching) > 1:
            message = f"`file_rego_versions` gives `{module.name}` both versions"
            raise invalid("rego-bundle-invalid", message, at)
        elif matching:
            versions[module.name] = matching.pop()
    return versions
