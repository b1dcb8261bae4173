"""What is wrong with a document, each with the member's path, line and column (section 9.2)."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from acs_sidecar.engines.findings import SourceLocation, finding, warning
from acs_sidecar.spec.document.bounds import Members
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.manifest.diagnostics import Diagnostic

__all__ = ["DocumentFindings", "near"]


@dataclass(slots=True)
class DocumentFindings:
    """Collects errors and warnings about one document.

    `member` is the manifest's member that names or holds it, empty for a file of its own; `source` is the
    name of its file, where it has one.
    """

    document: Document
    member: str = ""
    source: str | None = None
    errors: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)

    def error(self, code: str, message: str, path: Members) -> None:
        """Add an error about a member."""
        self.errors.append(finding(code, message, self.location(path)))

    def warn(self, code: str, message: str, path: Members) -> None:
        """Add a warning about a member."""
        self.warnings.append(warning(code, message, self.location(path)))

    def location(self, path: Members) -> SourceLocation:
        """Return where a member, or the nearest one around it that the text has, stands."""
        inner = member_path(path) if path else ""
        name = ".".join(part for part in (self.member, inner) if part)
        if self.source is None:
            return SourceLocation(name)
        return SourceLocation(name, self.source, *self.document.place(path))


def near(name: str, known: Iterable[str]) -> str:
    """Return `, did you mean …?` for a name that is nearly one of `known`, else nothing."""
    found = difflib.get_close_matches(name[:64], list(known), 1, 0.6)
    return f", did you mean `{found[0]}`?" if found else ""
