"""Finding manifests for the commands."""

from pathlib import Path

from acs_sidecar.cli.manifests import manifest_files, one_manifest
from acs_sidecar.cli.output import fail, show_findings
from acs_sidecar.manifests.files import read_document
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.identity import ManifestIdentity, document_identity

__all__ = ["holds_manifests", "manifest_files", "one_identity", "one_manifest"]


def holds_manifests(place: Path) -> bool:
    """True if a place is a manifest file, or a directory with one for every folder or file of it."""
    if place.is_file():
        return place.suffix != ".rego"
    return any(
        candidate.is_file()
        for pattern in ("manifest", "*/manifest")
        for suffix in (".yaml", ".yml", ".json")
        for candidate in place.glob(f"{pattern}{suffix}")
    )


def one_identity(place: Path) -> ManifestIdentity:
    """Return digest and name of the one manifest at `place`, as it would be sent with a request."""
    file = one_manifest(place)
    try:
        document = read_document(file.path, file.label)
    except ManifestError as error:
        show_findings(error.diagnostics)
        fail(f"{place} cannot be read as a manifest")
    identity = document_identity(document)
    if identity is None or not isinstance(document.value, dict):
        fail(f"{place} is not a mapping")
    if "extends" in document.value:
        fail(f"{place} has `extends`: a manifest sent with a request must stand alone")
    return identity
