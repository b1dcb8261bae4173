"""`semver.*`: versions as OPA reads them, with or without a `v` in front."""

import re

__all__ = ["compare", "is_valid"]

_VERSION = re.compile(
    r"v?(?P<core>\d+\.\d+\.\d+)(?:-(?P<pre>[0-9A-Za-z.-]*))?(?:\+(?P<build>[0-9A-Za-z.-]*))?", re.ASCII
)
_MAX_NUMBER = 2**63 - 1

_Order = tuple[list[int], bool, list[tuple[bool, int, str]]]


def is_valid(text: object) -> bool:
    """True if a value is the text of a version."""
    return isinstance(text, str) and _read(text) is not None


def compare(one: str, other: str) -> int:
    """Return -1, 0 or 1 for a version below, equal to or above another."""
    left, right = _read(one), _read(other)
    if left is None or right is None:
        raise ValueError("not a version")
    return (left > right) - (left < right)


def _read(text: str) -> _Order | None:
    """Return what orders a version: its numbers, whether it is final, the parts before that."""
    found = _VERSION.fullmatch(text)
    if found is None or any("" in (found[name] or "a").split(".") for name in ("pre", "build")):
        return None
    core = [int(part) for part in found["core"].split(".")]
    if max(core) > _MAX_NUMBER:
        return None
    parts = found["pre"].split(".") if found["pre"] else []
    order = [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
    if any(number > _MAX_NUMBER for _, number, _ in order):
        raise ValueError("a number of a pre-release that is too large")
    return core, not parts, [(text, number, part if text else "") for text, number, part in order]
