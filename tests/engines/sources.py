"""A reader of sources that live in memory: what `SourceReader` promises, without a disk."""

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from acs_sidecar.spec.ports import SourceError, SourceFile

__all__ = ["MemorySources", "tar_gz"]


@dataclass(frozen=True, slots=True)
class MemorySources:
    """Serves `files`, which maps paths relative to the manifest, and URLs, to their content.

    A directory exists when a file lies below it; a file whose name ends in `.tar.gz` is unpacked by
    `read_tree`.
    """

    files: Mapping[str, bytes]

    def read(self, path: str) -> SourceFile:
        """Read one file. Raises `SourceError`."""
        name = _inside(path)
        if name not in self.files:
            raise SourceError(f"`{path}` does not exist in the manifest's directory")
        return SourceFile(name, self.files[name])

    def read_tree(self, path: str) -> tuple[SourceFile, ...]:
        """Read a file, a directory or an archive. Raises `SourceError`."""
        name = _inside(path)
        if name in self.files:
            return _entries(self.files[name]) if name.endswith(".tar.gz") else (self.read(path),)
        prefix = "" if name == "." else f"{name}/"
        below = {
            file.removeprefix(prefix): content
            for file, content in self.files.items()
            if file.startswith(prefix)
        }
        if not below:
            raise SourceError(f"`{path}` does not exist in the manifest's directory")
        return _ordered(below)

    def fetched(self, url: str) -> SourceFile:
        """Return the fetched content. Raises `SourceError`."""
        if url not in self.files:
            raise SourceError(f"`{url}` was not fetched")
        return SourceFile(url, self.files[url])

    def fetched_tree(self, url: str) -> tuple[SourceFile, ...]:
        """Unpack what was fetched. Raises `SourceError`."""
        return _entries(self.fetched(url).content)


def tar_gz(files: Mapping[str, bytes]) -> bytes:
    """Pack `files` the way `opa build` does."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _inside(path: str) -> str:
    place = PurePosixPath(path)
    if not path.strip() or place.is_absolute() or ".." in place.parts:
        raise SourceError(f"`{path}` is outside the manifest's directory")
    return place.as_posix()


def _entries(packed: bytes) -> tuple[SourceFile, ...]:
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            files = {
                PurePosixPath(entry.name).as_posix().lstrip("/"): archive.extractfile(entry)
                for entry in archive
                if entry.isfile()
            }
            return _ordered({name: content.read() for name, content in files.items() if content})
    except (tarfile.TarError, EOFError, OSError):
        raise SourceError("not a `.tar.gz` archive") from None


def _ordered(files: Mapping[str, bytes]) -> tuple[SourceFile, ...]:
    ordered = sorted(files.items(), key=lambda file: file[0].encode())
    return tuple(SourceFile(name, content) for name, content in ordered)
