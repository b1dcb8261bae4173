"""Explanations of one evaluation: JSON objects for people, bounded in size (section 2.7)."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "MAX_EXPLANATION_BYTES",
    "MAX_LISTED",
    "MAX_TEXT",
    "fitting",
    "listed",
    "shortened",
    "unavailable",
]

Item = TypeVar("Item")

MAX_EXPLANATION_BYTES = 64 * 1024
"""What a policy's explanation of one evaluation takes at most, in canonical bytes."""

MAX_LISTED = 64
"""Rules, policies and modules that a list of an explanation has at most."""

MAX_TEXT = 500
"""Characters of a text of the policy or a value in an explanation."""


def unavailable(why: str) -> dict[str, Json]:
    """Return what stands in the place of an explanation that there is not."""
    return {"unavailable": why}


def fitting(explanation: JsonObject, most: int = MAX_EXPLANATION_BYTES) -> dict[str, Json]:
    """Return an explanation of at most `most` bytes, or that it is longer."""
    if len(canonical(dict(explanation))) > most:
        return unavailable(f"the explanation exceeds {most} bytes")
    return dict(explanation)


def listed(name: str, items: Sequence[Item], told: Callable[[Item], Json]) -> dict[str, Json]:
    """Return a member that tells the first items, and how many there are where it leaves some out."""
    members: dict[str, Json] = {name: [told(item) for item in items[:MAX_LISTED]]}
    return members if len(items) <= MAX_LISTED else {**members, f"{name}_total": len(items)}


def shortened(text: str, most: int = MAX_TEXT) -> str:
    """Return a text of at most `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"
