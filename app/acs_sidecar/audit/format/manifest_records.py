"""Names and digests of the manifests in force, in as many records as they need (section 4.1)."""

from collections.abc import Mapping
from typing import Final

from acs_sidecar.audit.format.record import MAX_RECORD_BYTES, ServiceEvent
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json

__all__ = ["ManifestDigests", "manifest_events", "manifest_pages"]

ManifestDigests = Mapping[str, str | None]
"""The digests of manifests by name; `None` for one that cannot be read."""

_ROOM: Final = MAX_RECORD_BYTES - 2048


def manifest_events(
    event: str, details: Mapping[str, Json], manifests: ManifestDigests
) -> list[ServiceEvent]:
    """Return records of one event, each with the same details and some of the manifests: at least one."""
    return [ServiceEvent(event, {**details, "manifests": page}) for page in manifest_pages(manifests)]


def manifest_pages(manifests: ManifestDigests, room: int = _ROOM) -> list[dict[str, Json]]:
    """Split manifests into what fits into `room` bytes of one record, and into others behind it."""
    pages: list[dict[str, Json]] = [{}]
    for name, digest in sorted(manifests.items()):
        needed = len(canonical({name: digest}))
        if needed > room:
            pages.append({})
            room = _ROOM
        pages[-1][name] = digest
        room -= needed
    return pages
