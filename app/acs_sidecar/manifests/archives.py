"""Archives of policies and manifests, unpacked in memory within bounds (section 3.2)."""

import gzip
import io
import tarfile
import zlib
from pathlib import PurePosixPath

from acs_sidecar.spec.ports import SourceError, SourceFile

__all__ = ["MAX_FILES", "MAX_NAME_DEPTH", "unpack_archive"]

MAX_FILES = 2_000
MAX_NAME_DEPTH = 32
MAX_HEADER_BYTES = 64 * 1024
"""An extended header of an entry; tarfile's time grows with the square of its length."""

_MAX_HEADERS = 4
_EXTENDED = frozenset({tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK})


def unpack_archive(file: SourceFile, max_bytes: int) -> tuple[SourceFile, ...]:
    """Unpack a gzip-compressed tar in memory; the expanded bytes are bounded before tar sees them.

    Raises `SourceError`, also for an entry that leaves the archive with `..`, comes twice,
    or is anything but a regular file or a directory.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(file.content)) as stream:
            expanded = stream.read(max_bytes + 1)
        if len(expanded) > max_bytes:
            raise SourceError(f"`{file.name}` expands to more than {max_bytes} bytes")
        _check_headers(file.name, expanded)
        with tarfile.open(fileobj=io.BytesIO(expanded), mode="r:") as archive:
            return tuple(_entries(file.name, archive))
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError):
        raise SourceError(f"`{file.name}` is not a `.tar.gz` archive") from None


def _check_headers(path: str, expanded: bytes) -> None:
    """Refuse an archive that is damaged anywhere, or has large or many extended headers.

    `tarfile` stops at the first entry that it cannot read, as if the archive ended there: what comes
    behind it, perhaps a policy that forbids, would be missing.
    """
    offset = headers = 0
    while offset < len(expanded):
        block = expanded[offset : offset + tarfile.BLOCKSIZE]
        if not any(block):
            break
        entry = tarfile.TarInfo.frombuf(block, tarfile.ENCODING, "surrogateescape")
        if entry.size < 0:
            raise tarfile.ReadError("negative size")
        headers = headers + 1 if entry.type in _EXTENDED else 0
        if headers > _MAX_HEADERS or (headers and entry.size > MAX_HEADER_BYTES):
            raise SourceError(f"`{path}` holds an entry whose headers exceed {MAX_HEADER_BYTES} bytes")
        blocks = -(-entry.size // tarfile.BLOCKSIZE) if entry.isreg() or headers else 0
        offset += (1 + blocks) * tarfile.BLOCKSIZE
    if offset >= len(expanded) or any(expanded[offset:]):
        raise SourceError(f"`{path}` is cut off, or holds data behind its end")


def _entries(path: str, archive: tarfile.TarFile) -> list[SourceFile]:
    files: dict[str, SourceFile] = {}
    entries = 0
    for entry in archive:
        entries += 1
        if entries > MAX_FILES:
            raise SourceError(f"`{path}` holds more than {MAX_FILES} entries")
        # A bundle that OPA builds has a `/` in front of every name.
        name = PurePosixPath(entry.name.removeprefix("/"))
        if name.is_absolute() or ".." in name.parts or "\\" in entry.name or "\0" in entry.name:
            raise SourceError(f"`{path}` holds an entry whose path leaves the archive")
        if entry.isdir():
            continue
        if not entry.isreg() or entry.issparse():
            raise SourceError(f"`{path}` holds a link or a special file: only regular files are allowed")
        content = archive.extractfile(entry)
        relative = name.as_posix()
        if content is None or not name.parts or relative in files or len(name.parts) > MAX_NAME_DEPTH:
            raise SourceError(f"`{path}` holds an entry that has no name, comes twice, or is nested too deep")
        files[relative] = SourceFile(relative, content.read())
    return sorted(files.values(), key=lambda file: file.name.encode(errors="surrogateescape"))
