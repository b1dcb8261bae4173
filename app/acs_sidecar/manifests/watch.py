"""The state of the operator's manifests and libraries, by looking: it works on every file system.

Notifications of the kernel do not cross network file systems and container mounts, do not tell of a
directory that is exchanged as a whole behind a symbolic link, and are few on a crowded node.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

__all__ = ["MOST_ENTRIES", "tree_state"]

MOST_ENTRIES = 10_000


def tree_state(places: Iterable[Path]) -> str:
    """Name the state of files and directories, and of the files beside a file; a change changes it.

    Looks at the first 10,000 entries of each place, and at what symbolic links lead to. Raises nothing:
    what cannot be looked at is part of the state.
    """
    state = hashlib.sha256()
    for place in places:
        root = place.parent if place.is_file() else place
        for path in islice(_entries(root), MOST_ENTRIES):
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
