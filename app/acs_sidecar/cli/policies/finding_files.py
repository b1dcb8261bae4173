"""Findings with the files that they are about, as the person who called the command sees them."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from acs_sidecar.manifests.composition import ReadManifest
from acs_sidecar.spec.document.bounds import Members
from acs_sidecar.spec.document.locations import placed
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.manifest.diagnostics import Diagnostic

__all__ = ["display_path", "in_files"]


def in_files(read: ReadManifest, findings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return findings about a manifest with the paths of files, relative to the working directory.

    A text inside of the manifest (a module, a policy set) has its place there, where its lines stand
    in the file as they are; else it has that of the member that holds it. What came from a URL keeps it.
    """
    files = _Files(read)
    return tuple(files.located(finding) for finding in findings)


class _Files:
    """A manifest and those that it extends, as their authors wrote them."""

    def __init__(self, read: ReadManifest) -> None:
        self._file = read.file
        self._document = read.content if isinstance(read.content, Document) else None
        self._paths = {**read.parents, read.file.label: read.file.path}
        self._lines: dict[str, list[str]] = {}

    def located(self, finding: Diagnostic) -> Diagnostic:
        source = finding.source or self._file.label
        if source in self._paths:
            return replace(finding, source=display_path(self._paths[source]))
        if self._document is None:
            return finding
        within = member_path(("_", source)).removeprefix("_")
        if found := self._find(self._document, source) or self._find(
            self._document, f"{finding.path}{within}"
        ):
            return self._inside(self._document, found, finding)
        beside = self._file.path.parent / source
        if beside.is_file():
            return replace(finding, source=display_path(beside))
        (at_member,) = placed([replace(finding, source=None, line=None, column=None)], self._document)
        return at_member if at_member.source not in self._paths else self.located(at_member)

    def _find(self, document: Document, path: str) -> Members | None:
        """Return the member of that path."""
        return next((members for members in document.members() if member_path(members) == path), None)

    def _inside(self, document: Document, found: Members, finding: Diagnostic) -> Diagnostic:
        """Translate the place in a text that a member holds to the one in the manifest's file."""
        source = document.origin(found).source or self._file.label
        key_line, key_column = document.place(found)
        at_key = replace(finding, source=source, line=key_line, column=key_column)
        if source not in self._paths:
            return at_key
        at_key = replace(at_key, source=display_path(self._paths[source]))
        lines = _text(document, found).splitlines()
        if finding.line is None or key_line is None or not 0 < finding.line <= len(lines):
            return at_key
        written = self._written(source)[key_line + finding.line - 1 : key_line + finding.line]
        if not written or not written[0].endswith(lines[finding.line - 1]):
            return at_key
        indent = len(written[0]) - len(lines[finding.line - 1])
        column = None if finding.column is None else finding.column + indent
        return replace(at_key, line=key_line + finding.line, column=column)

    def _written(self, source: str) -> list[str]:
        if source not in self._lines:
            self._lines[source] = self._paths[source].read_text(errors="replace").splitlines()
        return self._lines[source]


def _text(document: Document, members: Members) -> str:
    """Return the text that a member holds."""
    value = document.value
    for member in members:
        value = value[member]  # type: ignore[index]  # the document has this member
    return value if isinstance(value, str) else ""


def display_path(path: Path) -> str:
    """Return a path as the person who called the command would write it."""
    here = Path.cwd()
    absolute = path.absolute()
    return (absolute.relative_to(here) if absolute.is_relative_to(here) else path).as_posix()
