"""Findings with the files that they are about, as the person who called the command sees them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from app.core.diagnostics import Diagnostic
from app.core.document import Document
from app.core.manifest import Members, member_path
from app.core.placing import placed
from app.stores.manifest_files import ReadManifest

__all__ = ["in_files"]


def in_files(read: ReadManifest, findings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Give findings about a manifest with the paths of files, relative to the working directory.

    A text inside of the manifest (a module, a policy set) has its place there, where its lines stand
    in the file as they are; else it has that of the member that holds it.
    """
    text = _Text.of(read)
    return tuple(_in_file(read, text, finding) for finding in findings)


@dataclass(frozen=True, slots=True)
class _Text:
    """A manifest as its author wrote it."""

    lines: list[str]
    document: Document

    @classmethod
    def of(cls, read: ReadManifest) -> "_Text | None":
        if not isinstance(read.content, Document):
            return None
        return cls(read.file.path.read_text(errors="replace").splitlines(), read.content)

    def find(self, path: str) -> Members | None:
        """Give the member of that path."""
        return next((members for members in self.document.places if member_path(members) == path), None)

    def value(self, members: Members) -> str:
        """Give the text that a member holds."""
        value = self.document.value
        for member in members:
            value = value[member]  # type: ignore[index]  # the document has this place
        return value if isinstance(value, str) else ""


def _in_file(read: ReadManifest, text: _Text | None, finding: Diagnostic) -> Diagnostic:
    file = read.file
    if finding.source in (None, file.label):
        return replace(finding, source=_shown(file.path))
    source = str(finding.source)
    if text is None:
        return finding
    within = member_path(("_", source)).removeprefix("_")
    if found := text.find(source) or text.find(f"{finding.path}{within}"):
        return _inside(found, text, replace(finding, source=_shown(file.path)))
    beside = file.path.parent / source
    if beside.is_file():
        return replace(finding, source=_shown(beside))
    at_member = replace(finding, source=None, line=None, column=None)
    return placed([at_member], text.document, _shown(file.path))[0]


def _inside(found: Members, text: _Text, finding: Diagnostic) -> Diagnostic:
    """Translate the place in a text that a member holds to the one in the manifest's file."""
    key_line, key_column = text.document.place(found)
    lines = text.value(found).splitlines()
    if finding.line is None or key_line is None or not 0 < finding.line <= len(lines):
        return replace(finding, line=key_line, column=key_column)
    written = text.lines[key_line + finding.line - 1 : key_line + finding.line]
    if not written or not written[0].endswith(lines[finding.line - 1]):
        return replace(finding, line=key_line, column=key_column)
    indent = len(written[0]) - len(lines[finding.line - 1])
    column = None if finding.column is None else finding.column + indent
    return replace(finding, line=key_line + finding.line, column=column)


def _shown(path: Path) -> str:
    here = Path.cwd()
    absolute = path.absolute()
    return (absolute.relative_to(here) if absolute.is_relative_to(here) else path).as_posix()
