"""Policies that combine others of their manifest by name (section 17.1)."""

from acs_sidecar.spec.manifest.members import PolicyKind
from acs_sidecar.spec.values import JsonObject

__all__ = ["COMBINE", "MAX_COMBINED", "combined_names"]

COMBINE = "combine"
MAX_COMBINED = 16


def combined_names(definition: JsonObject) -> tuple[str, ...]:
    """Return the names that a combination combines, the first 16, valid or not; none for other policies."""
    if definition.get("type") != PolicyKind.CUSTOM or definition.get("adapter") != COMBINE:
        return ()
    names = definition.get("policies")
    bounded = names[:MAX_COMBINED] if isinstance(names, list) else []
    return tuple(dict.fromkeys(name for name in bounded if isinstance(name, str)))
