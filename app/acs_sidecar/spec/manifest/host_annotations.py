"""Where an annotation lies that the host brings: below members of its own, in no target (section 1.6)."""

from acs_sidecar.spec.path import Path, Root

__all__ = ["HOST", "HOST_PLACES", "is_from_host"]

HOST = "host"
"""The provider of annotators whose result the host brings."""

HOST_PLACES = ("annotations", "envelope")


def is_from_host(source: Path) -> bool:
    """True if a path lies below `$snap.annotations` or `$snap.envelope`."""
    return (
        source.root is Root.SNAPSHOT
        and source.segments[:1] in {(place,) for place in HOST_PLACES}
        and len(source.segments) > 1
    )
