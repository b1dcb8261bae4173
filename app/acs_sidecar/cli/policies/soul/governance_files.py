"""Governance files, read for the commands (section 11.2)."""

from dataclasses import dataclass
from pathlib import Path

from acs_sidecar.cli.output import fail
from acs_sidecar.cli.user_files import read_user_file
from acs_sidecar.engines.adapters.soul.files import GOVERNANCE_FILES

__all__ = ["GovernanceFile", "find_governance_file"]


@dataclass(frozen=True, slots=True)
class GovernanceFile:
    """A file with its bytes, and the names of others in the same folder that count as one too."""

    path: Path
    content: bytes
    others: tuple[str, ...] = ()


def find_governance_file(place: Path) -> GovernanceFile:
    """Read the governance file that a path is, or the first of a folder; none ends the command."""
    if not place.is_dir():
        return GovernanceFile(place, read_user_file(place))
    first = next((place / name for name in GOVERNANCE_FILES if _is_there(place / name)), None)
    if first is None:
        fail(f"{place} has no governance file: write one, as `acs-sidecar soul init` does")
    content = read_user_file(first)
    _, *others = _distinct(place, [name for name in GOVERNANCE_FILES if (place / name).is_file()])
    return GovernanceFile(first, content, tuple(others))


def _is_there(path: Path) -> bool:
    """True for a file, and for a link that leads nowhere, whose place no other name takes."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def _distinct(place: Path, names: list[str]) -> list[str]:
    """Return names without those that a case-insensitive file system has twice."""
    kept: list[str] = []
    for name in names:
        if not any((place / name).samefile(place / other) for other in kept):
            kept.append(name)
    return kept
