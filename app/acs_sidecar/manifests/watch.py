"""True if anything changed below the operator's manifests, by looking: it works on every file system.

Notifications of the kernel do not cross network file systems and container mounts, do not tell of a
directory that is exchanged as a whole behind a symbolic link, and are few on a crowded node.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["MOST_ENTRIES", "tree_state"]

MOST_ENTRIES = 10_000


def tree_state(place: Path) -> str:
    """Name the state of the manifests at `place` and of the files beside them; a change changes it.

    Looks at the first 10,000 entries, and at what symbolic links lead to. Raises nothing: what cannot
    be looked at is part of the state.
    """
    root = place if place.is_dir() else place.parent
    state = hashlib.sha256()
    for count, path in enumerate(_entries(root)):
        if count >= MOST_ENTRIES:
            break
        state.update(f"{path}\0{_stamp(path)}\0".encode(errors="surrogateescape"))
    return state.hexdigest()


def _entries(root: Path) -> Iterator[str]:
    yield str(root)
    for parent, folders, names in os.walk(root):
        folders.sort()
        for name in sorted((*folders, *names)):
            yield str(Path(parent, name))


def _stamp(path: str) -> str:
    try:
        found = os.stat(path)  # noqa: PTH116  # a Path for each entry would cost more than the call
    except OSError as error:
        return f"error {error.errno}"
    return f"{found.st_ino} {found.st_mtime_ns} {found.st_size} {found.st_mode}"
