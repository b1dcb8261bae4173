"""Finds and reads the operator's manifests (section 3.1)."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from acs_sidecar.bounded_files import read_at_most
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.model import document_of
from acs_sidecar.spec.printable import is_utf8, printable
from acs_sidecar.spec.reasons import Reason

__all__ = [
    "SUFFIXES",
    "ManifestFile",
    "find_manifests",
    "parse_content",
    "read_document",
    "read_manifest",
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

    @property
    def place(self) -> Path:
        """The file itself, without links on the way; a link that leads nowhere ends where it does."""
        return Path(os.path.realpath(self.path))


def find_manifests(place: Path) -> tuple[ManifestFile, ...]:
    """List the manifests of a directory, or the one that `place` itself is, by name.

    In a directory these are `*/manifest.yaml` (or `.yml`, `.json`) and every manifest file directly
    inside; names that start with `_` or `.` are left out. What cannot be read as a file is listed too: a
    reload must not lose it in silence. Raises `ManifestError` for a place that does not exist or cannot be
    listed, and for a name that occurs twice.
    """
    if place.is_file():
        name = place.resolve().parent.name if place.stem == "manifest" else place.stem
        return (ManifestFile(name, place),)
    if not place.is_dir():
        raise ManifestError([Diagnostic("manifests-missing", f"`{place}` is not a file or directory")])
    try:
        entries = sorted(place.iterdir())
    except OSError as error:
        message = f"`{place}` cannot be listed: {error.strerror}"
        raise ManifestError([Diagnostic("manifests-missing", message)]) from None
    found: dict[str, Path] = {}
    for entry in entries:
        if entry.name.startswith(("_", ".")):
            continue
        for path in _candidates(entry):
            name = entry.stem if path is entry and entry.suffix in SUFFIXES else entry.name
            if not is_utf8(name):
                message = f"`{printable(name)}` is no name of a manifest, for it is not UTF-8: rename it"
                raise ManifestError([Diagnostic("file-unreadable", message)])
            if name in found:
                raise ManifestError(
                    [Diagnostic("name-twice", f"two manifests have the name `{name}`: rename one")]
                )
            found[name] = path
    return tuple(ManifestFile(name, path) for name, path in sorted(found.items()))


def _candidates(entry: Path) -> Iterator[Path]:
    """Yield what is a manifest by its name, in a directory or itself; a dangling link may be one."""
    if not os.path.isdir(entry):  # noqa: PTH112  # Path.is_dir raises for what may not be looked at
        if entry.suffix in SUFFIXES or not os.path.exists(entry):  # noqa: PTH110  # same
            yield entry
        return
    for suffix in SUFFIXES:
        path = entry / f"manifest{suffix}"
        try:
            path.lstat()
        except FileNotFoundError:
            continue
        except OSError:  # nothing in this directory can be looked at: one finding is enough
            yield path
            return
        yield path


def read_manifest(file: ManifestFile) -> Document:
    """Read and parse a manifest; a device or a pipe is never opened. Raises `ManifestError`."""
    try:
        mode = file.path.stat().st_mode
    except OSError as error:
        raise _unreadable(file.label, error) from None
    if not stat.S_ISREG(mode):
        raise ManifestError([Diagnostic("file-unreadable", "is not a regular file", source=file.label)])
    return read_document(file.path, file.label)


def read_document(path: Path, label: str) -> Document:
    """Read and parse one YAML or JSON file, within bounds.

    Raises `ManifestError`, whose findings call the file by its `label`.
    """
    try:
        content = read_at_most(path, MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(label, error) from None
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


def _unreadable(label: str, error: OSError) -> ManifestError:
    return ManifestError([Diagnostic("file-unreadable", error.strerror or "cannot be read", source=label)])
