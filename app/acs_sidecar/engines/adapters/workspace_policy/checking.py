"""A document and its file of trust, from bytes to findings (sections 10.1, 10.3, 10.5)."""

from dataclasses import dataclass

from acs_sidecar.engines.adapters.workspace_policy.document.model import WorkspacePolicy
from acs_sidecar.engines.adapters.workspace_policy.document.reader import read_policy
from acs_sidecar.engines.adapters.workspace_policy.document.text import MAX_BYTES, parse_policy_text
from acs_sidecar.engines.adapters.workspace_policy.lints import document_lints
from acs_sidecar.engines.adapters.workspace_policy.trust import PolicyKey, PolicyKeys, read_trusted_keys
from acs_sidecar.engines.adapters.workspace_policy.verification import Expected, Step, verify_policy
from acs_sidecar.engines.document_findings import DocumentFindings
from acs_sidecar.engines.findings import SourceLocation, finding
from acs_sidecar.spec.document.bounds import DocumentBoundError, DocumentError
from acs_sidecar.spec.document.text import parse_document
from acs_sidecar.spec.manifest.diagnostics import Diagnostic

__all__ = ["CheckedPolicy", "check_policy", "check_trust", "read_form"]


@dataclass(frozen=True, slots=True)
class CheckedPolicy:
    """What a document says and whether it may be enforced.

    `policy` is `None` where the form is wrong, `key` where the document is not verified. `failed` is the
    step at which verification ended.
    """

    policy: WorkspacePolicy | None
    key: PolicyKey | None
    failed: Step | None
    findings: tuple[Diagnostic, ...]

    @property
    def is_exceeded(self) -> bool:
        """True if a bound was the cause."""
        return any(found.code == "policy-bound-exceeded" for found in self.findings)


def check_policy(content: bytes, at: SourceLocation, trust: PolicyKeys, expected: Expected) -> CheckedPolicy:
    """Read and verify a document; `at` names its member and its file in findings."""
    read = _read(content, at)
    if not isinstance(read, DocumentFindings):
        return CheckedPolicy(None, None, Step.FORM, (read,))
    policy = read_policy(read)
    if policy is None:
        return CheckedPolicy(None, None, Step.FORM, tuple(read.errors))
    verification = verify_policy(policy, trust, expected)
    if failure := verification.failure:
        read.error(failure.code, failure.message, (failure.member,))
        return CheckedPolicy(policy, None, failure.step, tuple(read.errors))
    if verification.key is not None:
        document_lints(read, policy, verification.key, trust)
    return CheckedPolicy(policy, verification.key, None, tuple(read.warnings))


def read_form(content: bytes, at: SourceLocation) -> tuple[WorkspacePolicy | None, tuple[Diagnostic, ...]]:
    """Read a document without verifying anything; `None` where its form is wrong."""
    read = _read(content, at)
    if not isinstance(read, DocumentFindings):
        return None, (read,)
    return read_policy(read), tuple(read.errors)


def check_trust(content: bytes, at: SourceLocation) -> tuple[PolicyKeys, tuple[Diagnostic, ...]]:
    """Read a file of trust, YAML or JSON; where something is wrong, it trusts nothing."""
    if len(content) > MAX_BYTES:
        message = f"exceeds {MAX_BYTES} bytes"
        return PolicyKeys(()), (finding("policy-bound-exceeded", message, at),)
    try:
        document = parse_document(content.decode())
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 at byte {error.start}"
        return PolicyKeys(()), (finding("document-syntax", message, at),)
    except DocumentError as error:
        return PolicyKeys(()), (_of_text(error, at),)
    findings = DocumentFindings(document, at.path, at.source)
    return read_trusted_keys(findings), tuple(findings.errors)


def _read(content: bytes, at: SourceLocation) -> DocumentFindings | Diagnostic:
    try:
        return DocumentFindings(parse_policy_text(content), at.path, at.source)
    except DocumentError as error:
        return _of_text(error, at)


def _of_text(error: DocumentError, at: SourceLocation) -> Diagnostic:
    code = "policy-bound-exceeded" if isinstance(error, DocumentBoundError) else "document-syntax"
    return finding(code, error.message, at._replace(line=error.line, column=error.column))
