"""A `sekuire.yml` with the files that it names, read for the commands (section 9.2)."""

from dataclasses import dataclass
from pathlib import Path

from acs_sidecar.cli.output import fail, show_findings
from acs_sidecar.cli.policies.finding_files import display_path
from acs_sidecar.engines.adapters.oags.document.model import NormalPolicy
from acs_sidecar.engines.adapters.oags.document.reader import read_normal
from acs_sidecar.engines.adapters.oags.identity.expected import (
    IdentityFiles,
    read_identity_files,
    with_stand_ins,
)
from acs_sidecar.engines.adapters.oags.lints import document_lints
from acs_sidecar.engines.document_findings import DocumentFindings
from acs_sidecar.manifests.files import read_document
from acs_sidecar.manifests.sources import DirectorySources
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError

__all__ = ["CheckedDocument", "check_document"]


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """A document, what its files give, and what is wrong with it; `policy` is `None` where it is invalid."""

    policy: NormalPolicy | None
    files: IdentityFiles
    findings: tuple[Diagnostic, ...]

    @property
    def valid(self) -> bool:
        """True if nothing is an error."""
        return all(finding.severity != "error" for finding in self.findings)


def check_document(path: Path, *, compare: bool = True) -> CheckedDocument:
    """Read a document and its files; a document that cannot be read ends the command.

    Without `compare` what it declares is not held against its files.
    """
    source = display_path(path)
    try:
        document = read_document(path, source)
    except ManifestError as error:
        if any(finding.code == "file-unreadable" for finding in error.diagnostics):
            show_findings(error.diagnostics)
            fail(f"{path} cannot be read")
        return CheckedDocument(None, IdentityFiles(), error.diagnostics)
    return _checked(document, path, source, compare)


def _checked(document: Document, path: Path, source: str, compare: bool) -> CheckedDocument:
    findings = DocumentFindings(document, source=source)
    policy = read_normal(findings)
    files = IdentityFiles()
    if policy is not None:
        sources = DirectorySources(path.resolve().parent)
        files = read_identity_files(
            policy.identity, lambda name: sources.read(name).content, findings, compare=compare
        )
        policy = with_stand_ins(policy, files)
    document_lints(findings)
    return CheckedDocument(policy, files, (*findings.errors, *findings.warnings))
