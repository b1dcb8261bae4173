"""What a signature can bind of a manifest: its digest and its name (section 2.5)."""

from dataclasses import dataclass

from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.manifest.model import document_digest

__all__ = ["MAX_NAME_CHARACTERS", "ManifestIdentity", "document_identity"]

MAX_NAME_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class ManifestIdentity:
    """The digest of a manifest, and its `metadata.name` if that is a string of 1 to 256 characters."""

    digest: str
    name: str | None


def document_identity(document: Document) -> ManifestIdentity | None:
    """Return digest and name of a manifest, also an invalid one; `None` for one without a digest."""
    digest, value = document_digest(document), document.value
    if digest is None or not isinstance(value, dict):
        return None
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    can_be_bound = isinstance(name, str) and 0 < len(name) <= MAX_NAME_CHARACTERS
    return ManifestIdentity(digest, str(name) if can_be_bound else None)
