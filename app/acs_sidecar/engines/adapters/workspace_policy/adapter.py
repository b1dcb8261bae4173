"""The adapter: a signed document, verified when it is compiled and bound to points (section 10.6)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from acs_sidecar.engines.adapters.workspace_policy.checking import check_policy, check_trust
from acs_sidecar.engines.adapters.workspace_policy.definition import WorkspaceDefinition, read_definition
from acs_sidecar.engines.adapters.workspace_policy.document.model import WorkspacePolicy
from acs_sidecar.engines.adapters.workspace_policy.lifecycle import revisions
from acs_sidecar.engines.adapters.workspace_policy.lints import binding_lints
from acs_sidecar.engines.adapters.workspace_policy.members import MEMBERS
from acs_sidecar.engines.adapters.workspace_policy.points import evaluator_of
from acs_sidecar.engines.findings import SourceLocation, invalid
from acs_sidecar.evaluators import (
    CompileRequest,
    Diagnostic,
    Evaluator,
    ManifestError,
    PointBinding,
    PolicyStatement,
    Reason,
    Required,
    Requirement,
    SourceError,
)
from acs_sidecar.spec.manifest.declaration import MemberTable

__all__ = ["adapter"]


class _WorkspacePolicyAdapter:
    name = "workspace_policy"
    inline_safe = False

    @property
    def members(self) -> MemberTable:
        return MEMBERS

    def compile(self, request: CompileRequest) -> "EnforcedPolicy":
        """Read and verify the document. Raises `ManifestError`."""
        definition, errors = read_definition(request.path, request.definition)
        if errors:
            raise ManifestError(errors)
        keys, at_keys = _read(request, "trust_file", definition.trust_file)
        content, at_content = _read(request, "file", definition.file)
        trust, faults = check_trust(keys, at_keys)
        if faults:
            raise ManifestError(faults)
        checked = check_policy(content, at_content, trust, definition.expected)
        if checked.policy is None or checked.failed is not None:
            reason = Reason.RESOURCE_LIMIT_EXCEEDED if checked.is_exceeded else Reason.MANIFEST_INVALID
            raise ManifestError(checked.findings, reason)
        return EnforcedPolicy(request, definition, checked.policy, checked.findings)


@dataclass(slots=True)
class EnforcedPolicy:
    """A document that was verified."""

    request: CompileRequest
    definition: WorkspaceDefinition
    policy: WorkspacePolicy
    warnings: Sequence[Diagnostic]
    _bound: list[PointBinding] = field(default_factory=list)

    @property
    def statement(self) -> PolicyStatement:
        """Lint findings, the signed log where the document requires it, and the version that is enforced."""
        path, policy = self.request.path, self.policy
        lints = binding_lints(path, policy, self._bound, can_escalate=self.request.manifest.can_escalate)
        return PolicyStatement(
            warnings=(*self.warnings, *lints),
            requires=_requires(path, policy),
            revisions=revisions(path, policy),
        )

    def bind(self, binding: PointBinding) -> Evaluator:
        """Return what is checked at one point."""
        self._bound.append(binding)
        return evaluator_of(binding.point, self.policy, self.definition)


def _read(request: CompileRequest, member: str, name: str) -> tuple[bytes, SourceLocation]:
    """Return the content of a file, and how findings call it. Raises `ManifestError`."""
    path = f"{request.path}.{member}"
    try:
        file = request.sources.read(name)
    except SourceError as error:
        raise invalid("source-unreadable", str(error), path) from None
    return file.content, SourceLocation(path, file.name)


def _requires(path: str, policy: WorkspacePolicy) -> tuple[Required, ...]:
    """Return what a policy requires; one that was withdrawn denies whatever there is."""
    if policy.is_withdrawn or not policy.content.compliance.require_audit_logging:
        return ()
    return (Required(Requirement.SIGNED_AUDIT, path),)


adapter = _WorkspacePolicyAdapter()
