"""Paths with one meaning, resolved lexically, and lists of paths (section 9.3)."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from acs_sidecar.engines.name_folding import folded

__all__ = ["FilePath", "PathList", "is_relative", "path_problem", "path_readings", "read_path"]

_MAX_TEXT = 4096
_MAX_DEPTH = 256
_MAX_SEPARATORS = 1024
_AMBIGUOUS = re.compile(r"[\x00-\x1f\x7f-\x9f~$`*?\[{\ud800-\udfff]|[@!+]\(|%[0-9A-Fa-f]{2}|%[^%]+%")
_DRIVE = re.compile(r"[A-Za-z]:(?=/)")
_FILE_URL = re.compile(r"file:", re.IGNORECASE)
_BELOW = "/*"
_BLANK = " .\u1680\u2028\u2029"
"""Dots, and the white space that folding leaves."""


@dataclass(frozen=True, slots=True)
class FilePath:
    """An absolute path; `drive` is a letter, or empty."""

    drive: str
    parts: tuple[str, ...]

    def and_above(self, depth: int) -> Iterator["FilePath"]:
        """Yield the path and the directories above it, of at most `depth` names."""
        for length in range(min(len(self.parts), depth), -1, -1):
            yield FilePath(self.drive, self.parts[:length])

    def wide(self) -> "FilePath":
        """Return the path as block lists compare it."""
        return FilePath(self.drive, tuple(_wide(part) for part in self.parts))

    def extensions(self) -> frozenset[str]:
        """Return the extension of the last name, and what it is where trailing dots and spaces do not count.

        `""` stands for none.
        """
        name = self.parts[-1].lower() if self.parts else ""
        return frozenset(_extension(each) for each in (name, name.rstrip(" .")))


def path_readings(text: str, root: FilePath | None) -> Iterator[FilePath | None]:
    """Yield what hosts make of a path: `\\` is `/`, and without a drive also a character of a name.

    Stops: `/tmp\\a`, which POSIX has in `/`. A reading that has no meaning is `None`.
    """
    path = read_path(text, root)
    yield path
    if "\\" in text and path is not None and not path.drive:
        yield read_path(text, root, separators="/")


def read_path(text: str, root: FilePath | None, separators: str = "/\\") -> FilePath | None:
    """Read a path, a relative one below `root`; `None` where it has no meaning or several."""
    if _FILE_URL.match(text):
        text = text[len("file:") :]
        if not text.startswith("///") or "%" in text or "#" in text:
            return None
        text = text[2:]
    if not text or len(text) > _MAX_TEXT or _AMBIGUOUS.search(text):
        return None
    if "\\" in separators:
        text = text.replace("\\", "/")
    if text.startswith("//") or text.count("/") > _MAX_SEPARATORS:
        return None
    drive = _DRIVE.match(text)
    rest = text[2:] if drive else text
    if ":" in rest:
        return None
    if not rest.startswith("/"):
        if root is None:
            return None
        return _resolved(root.drive, root.parts, rest)
    if drive:
        return _resolved(text[0].upper(), (), rest)
    return _resolved(root.drive if root else "", (), rest)


def is_relative(entry: str) -> bool:
    """True if an entry of a list of paths needs a root."""
    return not (
        _FILE_URL.match(entry) or entry.startswith(("/", "\\")) or _DRIVE.match(entry.replace("\\", "/"))
    )


def path_problem(entry: str) -> str | None:
    """Return why an entry of a list of paths is not allowed, or `None`."""
    if read_path(_place(entry), FilePath("", ())) is None:
        return "must be a path, or one with `/*` at its end: without `~`, `$`, escapes and other wildcards"
    return None


@dataclass(frozen=True, slots=True)
class PathList:
    """Paths that are listed themselves, and directories that stand for what is under them.

    `depth` is the number of names in the deepest directory.
    """

    paths: frozenset[FilePath]
    directories: frozenset[FilePath]
    depth: int

    @classmethod
    def of(cls, entries: Iterable[str], root: FilePath | None, *, all_below: bool = False) -> "PathList":
        """Read valid entries; with `all_below` each stands for what is under it."""
        paths, directories = set(), set()
        for entry in entries:
            path = read_path(_place(entry), root)
            if path is not None:
                paths.add(path)
                if all_below or _covers_below(entry):
                    directories.add(path)
        return cls(frozenset(paths), frozenset(directories), _depth(directories))

    def allows(self, path: FilePath) -> bool:
        """True if a path is listed, or under a listed directory."""
        return path in self.paths or not self.directories.isdisjoint(path.and_above(self.depth))

    def wide(self) -> "PathList":
        """Return the list as one of blocked paths, which `blocks` compares."""
        every = frozenset(path.wide() for path in self.paths)
        return PathList(every, every, _depth(every))

    def blocks(self, path: FilePath) -> bool:
        """True if a path, however it is written, is listed or under one that is. Of a `wide` list."""
        return not self.directories.isdisjoint(path.wide().and_above(self.depth))


def _depth(paths: Iterable[FilePath]) -> int:
    return max((len(path.parts) for path in paths), default=0)


def _place(entry: str) -> str:
    """Return the path of an entry: what stands before `/*`, or the root of everything."""
    if not entry.endswith((_BELOW, "\\*")):
        return entry
    return entry[:-1]


def _covers_below(entry: str) -> bool:
    return entry.endswith((_BELOW, "\\*", "/", "\\"))


def _resolved(drive: str, start: tuple[str, ...], rest: str) -> FilePath | None:
    parts = list(start)
    for part in rest.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            del parts[-1:]
        elif _is_disputed(part):
            return None
        else:
            parts.append(unicodedata.normalize("NFC", part))
    return FilePath(drive, tuple(parts)) if len(parts) <= _MAX_DEPTH else None


def _is_disputed(part: str) -> bool:
    """True if some file systems read a name as a separator, or as this or the parent directory."""
    wide = folded(part.replace("\\", ""))
    return not wide.strip(_BLANK) or any(character in wide for character in "/\\:")


def _wide(part: str) -> str:
    return folded(part).lstrip().rstrip(_BLANK)


def _extension(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return extension if dot and stem else ""
