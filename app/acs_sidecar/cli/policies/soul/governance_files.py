"""Governance files, read for the commands (section 11.2)."""

from dataclasses import dataclass
from pathlib import Path

from acs_sidecar.cli.output import fail
from acs_sidecar.engines.adapters.soul.files import GOVERNANCE_FILES
from acs_sidecar.engines.adapters.soul.scan import MAX_BYTES

__all__ = ["GovernanceFile", "find_governance_file", "read_governance_file"]


@dataclass(frozen=True, slots=True)
class GovernanceFile:
    """A file with its bytes, and the names of others in the same folder that count as one too."""

    path: Path
    content: bytes
    others: tuple[str, ...] = ()


def find_governance_file(place: Path) -> GovernanceFile:
    """Read the governance file that a path is, or the first of a folder; none ends the command."""
    if not place.is_dir():
        return GovernanceFile(place, read_governance_file(place))
    found = [name for name in GOVERNANCE_FILES if (place / name).is_file()]
    if not found:
        fail(f"{place} has no governance file: write one, as `acs-sidecar soul init` does")
    first, *others = _distinct(place, found)
    return GovernanceFile(place / first, read_governance_file(place / first), tuple(others))


def read_governance_file(path: Path) -> bytes:
    """Read at most one byte more than is scanned; a file that cannot be read ends the command."""
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        fail(f"{path}: {error.strerror}")


def _distinct(place: Path, names: list[str]) -> list[str]:
    """Return names without those that a case-insensitive file system has twice."""
    kept: list[str] = []
    for name in names:
        if not any((place / name).samefile(place / other) for other in kept):
            kept.append(name)
    return kept
