"""Finds and reads the operator's manifests (section 3.1)."""

from dataclasses import dataclass, replace
from pathlib import Path

from acs_sidecar.bounded_files import read_at_most
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.model import document_of
from acs_sidecar.spec.reasons import Reason

__all__ = [
    "SUFFIXES",
    "ManifestFile",
    "find_manifests",
    "parse_content",
    "read_document",
]

SUFFIXES = (".yaml", ".yml", ".json")
MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest in the file system: the name it is loaded under, and where it is."""

    name: str
    path: Path

    @property
    def label(self) -> str:
        """The name of the file in diagnostics."""
        return self.path.name if self.path.stem != "manifest" else f"{self.name}/{self.path.name}"


def find_manifests(place: Path) -> tuple[ManifestFile, ...]:
    """List the manifests of a directory, or the one that `place` itself is, by name.

    In a directory these are `*/manifest.yaml` (or `.yml`, `.json`) and every manifest file directly
    inside; names that start with `_` or `.` are left out. Raises `ManifestError` for a place that
    does not exist and for a name that occurs twice.
    """
    if place.is_file():
        name = place.resolve().parent.name if place.stem == "manifest" else place.stem
        return (ManifestFile(name, place),)
    if not place.is_dir():
        raise ManifestError([Diagnostic("manifests-missing", f"`{place}` is not a file or directory")])
    found: dict[str, Path] = {}
    for path in sorted(place.iterdir()):
        if path.name.startswith(("_", ".")):
            continue
        candidates = [path / f"manifest{suffix}" for suffix in SUFFIXES] if path.is_dir() else [path]
        for candidate in candidates:
            if candidate.is_file() and candidate.suffix in SUFFIXES:
                name = path.name if path.is_dir() else path.stem
                if name in found:
                    raise ManifestError(
                        [Diagnostic("name-twice", f"two manifests have the name `{name}`: rename one")]
                    )
                found[name] = candidate
    return tuple(ManifestFile(name, path) for name, path in sorted(found.items()))


def read_document(path: Path, label: str) -> Document:
    """Read and parse one YAML or JSON file, within bounds.

    Raises `ManifestError`, whose findings call the file by its `label`.
    """
    try:
        content = read_at_most(path, MAX_BYTES + 1)
    except OSError as error:
        raise ManifestError(
            [Diagnostic("file-unreadable", error.strerror or "cannot be read", source=label)]
        ) from None
    if len(content) > MAX_BYTES:
        raise ManifestError(
            [Diagnostic("document-too-large", f"exceeds {MAX_BYTES} bytes", source=label)],
            Reason.RESOURCE_LIMIT_EXCEEDED,
        )
    return parse_content(content, label)


def parse_content(content: bytes, label: str) -> Document:
    """Parse the content of a file. Raises `ManifestError`, whose findings call it by its `label`."""
    try:
        return replace(document_of(content.decode()), source=label)
    except UnicodeDecodeError as error:
        raise ManifestError(
            [Diagnostic("document-syntax", f"not UTF-8 at byte {error.start}", source=label)]
        ) from None
    except ManifestError as error:
        raise ManifestError(
            [replace(finding, source=label) for finding in error.diagnostics], error.reason
        ) from None
