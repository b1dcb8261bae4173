"""The name of a log: `<configured name>/<instance>/<worker>/<epoch>` (section 4.2)."""

import re

__all__ = ["ORIGIN_PARTS", "is_origin", "is_origin_part", "origin_of", "origin_part"]

ORIGIN_PARTS = 4
_PART = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FOREIGN = re.compile(r"[^A-Za-z0-9._-]+")


def is_origin_part(text: str) -> bool:
    """True if `text` can be one part: `[A-Za-z0-9._-]`, at most 64, neither `.` nor `..`."""
    return _PART.fullmatch(text) is not None and text not in {".", ".."}


def is_origin(text: str) -> bool:
    """True if `text` names a log."""
    parts = text.split("/")
    return len(parts) == ORIGIN_PARTS and all(is_origin_part(part) for part in parts)


def origin_of(name: str, instance: str, worker: str, epoch: str) -> str:
    """Join the parts. Raises `ValueError` for one that cannot be a part."""
    parts = (name, instance, worker, epoch)
    for part in parts:
        if not is_origin_part(part):
            raise ValueError(
                f"`{part}` cannot be part of a log name: must be 1 to 64 characters from A-Z a-z 0-9 . _ -"
            )
    return "/".join(parts)


def origin_part(text: str) -> str:
    """Make a part of any text, a host name for instance."""
    part = _FOREIGN.sub("-", text)[:64]
    return part if is_origin_part(part) else "unnamed"
