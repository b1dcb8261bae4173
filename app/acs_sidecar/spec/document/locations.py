"""Where in a manifest's text the members are that findings name (section 1.3)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from acs_sidecar.spec.document.bounds import Members
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError, first_findings
from acs_sidecar.spec.manifest.model import document_digest

__all__ = ["placed", "placed_error"]

_MAX_STEPS = 8
"""How far around a member that the text does not have to look for one that it has."""


def placed(findings: Iterable[Diagnostic], document: Document) -> tuple[Diagnostic, ...]:
    """Return each finding about the manifest itself its line and column, and the name of its file.

    Findings that have a place, or are about another file, stay as they are. A member that the text
    does not have gets the place of the nearest one around it.
    """
    all_findings = tuple(findings)
    unknown = document.source is None and not document.places and not document.origins
    if unknown or all(_has_place(finding) for finding in all_findings):
        return all_findings
    members = {member_path(path): path for path in document.members()}
    return tuple(
        finding if _has_place(finding) else _placed(finding, members, document) for finding in all_findings
    )


def placed_error(error: ManifestError, document: Document) -> ManifestError:
    """Return an error with its first findings, each with its place, and the digest of the document."""
    found = ManifestError(placed(first_findings(error.diagnostics), document), error.reason)
    found.digest = document_digest(document)
    return found


def _has_place(finding: Diagnostic) -> bool:
    return finding.line is not None or finding.source is not None


def _placed(finding: Diagnostic, members: Mapping[str, Members], document: Document) -> Diagnostic:
    path = finding.path or ""
    for _ in range(_MAX_STEPS):
        if path in members:
            break
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    found = members.get(path, ())
    line, column = document.place(found)
    return replace(finding, source=document.origin(found).source, line=line, column=column)
