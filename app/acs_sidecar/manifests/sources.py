"""The files that a manifest names, read from its directory within bounds (section 3.2)."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from acs_sidecar.bounded_files import read_at_most
from acs_sidecar.manifests.archives import MAX_FILES, MAX_NAME_DEPTH, unpack_archive
from acs_sidecar.spec.manifest.pinned_url import redacted_url
from acs_sidecar.spec.ports import SourceError, SourceFile
from acs_sidecar.spec.printable import is_utf8, printable

__all__ = ["MAX_BYTES", "DirectorySources"]

MAX_BYTES = 16 * 1024 * 1024


class DirectorySources:
    """Reads below one directory, or one of `roots`; what symbolic links and `..` lead to stays inside them.

    Paths are relative to the directory. `fetched` is what was had from other servers when the manifest
    was read, by URL.
    """

    def __init__(
        self,
        directory: Path,
        max_bytes: int = MAX_BYTES,
        fetched: Mapping[str, bytes] | None = None,
        roots: Iterable[Path] = (),
    ) -> None:
        self._root = directory.resolve()
        self._roots = (self._root, *(root.resolve() for root in roots))
        self._max_bytes = max_bytes
        self._fetched = fetched or {}

    def locate(self, path: str) -> str:
        """Return the place of a file or directory without links on the way. Raises `SourceError`."""
        located = Path(os.path.relpath(self._place(path), self._root)).as_posix()
        if not is_utf8(located):
            raise SourceError(f"`{printable(located)}` has a name that is not UTF-8: rename it")
        return located

    def read(self, path: str) -> SourceFile:
        """Read one regular file of at most the bound's bytes. Raises `SourceError`."""
        place = self._place(path)
        if not place.is_file():
            raise SourceError(f"`{path}` is not a file")
        return SourceFile(path, self._content(place, path, self._max_bytes))

    def read_tree(self, path: str) -> tuple[SourceFile, ...]:
        """Read a file, a directory or a `.tar.gz`, bounded in count, depth and bytes together.

        Raises `SourceError`, for an archive also when an entry leaves it with `..`, or
        is anything but a regular file or a directory.
        """
        place = self._place(path)
        if place.is_dir():
            return self._directory(place, path)
        file = self.read(path)
        if path.endswith((".tar.gz", ".tgz")):
            return unpack_archive(file, self._max_bytes)
        return (file,)

    def fetched(self, url: str) -> SourceFile:
        """Return the content fetched from `url`. Raises `SourceError` if there is none."""
        if url not in self._fetched:
            raise SourceError(f"`{redacted_url(url)}` was not fetched")
        return SourceFile(redacted_url(url), self._fetched[url])

    def fetched_tree(self, url: str) -> tuple[SourceFile, ...]:
        """Unpack the `.tar.gz` that was fetched from `url`, bounded as `read_tree` is."""
        return unpack_archive(self.fetched(url), self._max_bytes)

    def _place(self, path: str) -> Path:
        if not is_utf8(path):
            raise SourceError(f"`{printable(path)}` has a name that is not UTF-8: rename it")
        if not path.strip() or "\0" in path:
            raise SourceError("the path must not be blank")
        if PurePosixPath(path).is_absolute():
            raise SourceError(f"`{path}` is absolute: paths are relative to the manifest")
        try:
            place = (self._root / path).resolve(strict=True)
        except (OSError, RuntimeError):
            raise SourceError(f"`{path}` does not exist in the manifest's directory") from None
        if not any(place.is_relative_to(root) for root in self._roots):
            raise SourceError(
                f"`{path}` is outside the manifest's directory, the manifests' root and ACS_POLICY_ROOTS"
            )
        return place

    def _content(self, place: Path, name: str, room: int) -> bytes:
        """Read at most `room` bytes; a device or a pipe is never opened."""
        if not place.is_file():
            raise SourceError(f"`{name}` is not a regular file")
        try:
            content = read_at_most(place, room + 1)
        except OSError as error:
            raise SourceError(f"`{name}` cannot be read: {os.strerror(error.errno or 0)}") from None
        if len(content) > room:
            raise SourceError(f"`{name}` raises the bytes read above {self._max_bytes}")
        return content

    def _directory(self, directory: Path, path: str) -> tuple[SourceFile, ...]:
        files: list[SourceFile] = []
        room = self._max_bytes
        for parent, folders, names in os.walk(directory, onerror=_unreadable, followlinks=True):
            below = Path(parent).relative_to(directory)
            if len(below.parts) > MAX_NAME_DEPTH:
                raise SourceError(f"`{path}` nests directories deeper than {MAX_NAME_DEPTH}")
            # `..data` and the like are how a mounted ConfigMap keeps its generations.
            folders[:] = sorted(name for name in folders if not name.startswith(".."))
            for name in folders:
                self._place((Path(path) / below / name).as_posix())
            for name in names:
                if len(files) >= MAX_FILES:
                    raise SourceError(f"`{path}` holds more than {MAX_FILES} files")
                relative = (below / name).as_posix()
                place = self._place((Path(path) / relative).as_posix())
                content = self._content(place, relative, room)
                room -= len(content)
                files.append(SourceFile(relative, content))
        return tuple(sorted(files, key=lambda file: file.name.encode(errors="surrogateescape")))


def _unreadable(error: OSError) -> None:
    """Refuse a directory that cannot be listed: what it holds would be missing."""
    name = Path(str(error.filename)).name
    raise SourceError(f"`{printable(name)}` cannot be read: {os.strerror(error.errno or 0)}")
