"""The adapter: a signed document, verified when it is compiled and bound to points (section 10.6)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

from acs_sidecar.engines.adapters.workspace_policy.checking import check_policy, check_trust
from acs_sidecar.engines.adapters.workspace_policy.definition import WorkspaceDefinition, read_definition
from acs_sidecar.engines.adapters.workspace_policy.document.members import PolicyStatus
from acs_sidecar.engines.adapters.workspace_policy.document.model import WorkspacePolicy
from acs_sidecar.engines.adapters.workspace_policy.enforcement import rules_of
from acs_sidecar.engines.adapters.workspace_policy.evaluators import (
    DenyAll,
    ModelPoint,
    NothingChecked,
    StartupPoint,
    ToolPoint,
)
from acs_sidecar.engines.adapters.workspace_policy.lints import binding_lints
from acs_sidecar.engines.adapters.workspace_policy.members import MEMBERS
from acs_sidecar.engines.adapters.workspace_policy.rules import WorkspaceRule, WorkspaceVerdicts
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
    Revision,
    SourceError,
)
from acs_sidecar.spec.manifest.declaration import MemberTable
from acs_sidecar.spec.points import InterventionPoint

__all__ = ["adapter", "startup_point"]


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
            revisions=_revisions(path, policy),
        )

    def bind(self, binding: PointBinding) -> Evaluator:
        """Return what is checked at one point."""
        self._bound.append(binding)
        verdicts = WorkspaceVerdicts(self.definition.compliance_denies, self.policy.artefact)
        match self.policy.status:
            case PolicyStatus.REVOKED:
                return DenyAll(verdicts, WorkspaceRule.REVOKED)
            case PolicyStatus.SUPERSEDED:
                return DenyAll(verdicts, WorkspaceRule.SUPERSEDED)
            case PolicyStatus.ACTIVE | PolicyStatus.DRAFT:
                return _evaluator(binding.point, self.policy, verdicts, self.definition)
            case _:
                assert_never(self.policy.status)


def startup_point(
    policy: WorkspacePolicy, verdicts: WorkspaceVerdicts, definition: WorkspaceDefinition
) -> StartupPoint:
    """Return what is checked where an agent starts."""
    return StartupPoint(
        rules_of(policy.content),
        verdicts,
        definition.path("model", "$snap.agent_init.model.name"),
        definition.path("provider", "$snap.agent_init.model.vendor"),
        definition.path("tools_registered", "$snap.agent_init.tools_registered"),
        definition.path("frameworks", "$snap.agent_init.compliance.frameworks"),
        definition.path("region", "$snap.agent_init.region"),
    )


def _evaluator(
    point: InterventionPoint,
    policy: WorkspacePolicy,
    verdicts: WorkspaceVerdicts,
    definition: WorkspaceDefinition,
) -> Evaluator:
    match point:
        case InterventionPoint.AGENT_STARTUP:
            return startup_point(policy, verdicts, definition)
        case InterventionPoint.PRE_MODEL_CALL:
            return ModelPoint(
                rules_of(policy.content),
                verdicts,
                definition.path("model", "$snap.model.name"),
                definition.path("provider", "$snap.model.vendor"),
            )
        case InterventionPoint.PRE_TOOL_CALL:
            tool = definition.path("tool", "$snap.tool_call.name")
            return ToolPoint(rules_of(policy.content), verdicts, tool)
        case (
            InterventionPoint.INPUT
            | InterventionPoint.POST_MODEL_CALL
            | InterventionPoint.POST_TOOL_CALL
            | InterventionPoint.OUTPUT
            | InterventionPoint.AGENT_SHUTDOWN
        ):
            return NothingChecked(verdicts)
        case _:
            assert_never(point)


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


def _revisions(path: str, policy: WorkspacePolicy) -> tuple[Revision, ...]:
    """Return the version that is enforced; that of the original's documents is not signed."""
    if policy.is_legacy:
        return ()
    revision = Revision(path, policy.workspace_id, policy.version, policy.hash, withdrawn=policy.is_withdrawn)
    return (revision,)


adapter = _WorkspacePolicyAdapter()
