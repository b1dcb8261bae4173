"""What an agent can break, and the verdict of it (section 10.6)."""

from dataclasses import dataclass
from enum import StrEnum

from acs_sidecar.spec.ports import PolicyOutput

__all__ = ["MESSAGES", "WorkspaceRule", "WorkspaceVerdicts"]


class WorkspaceRule(StrEnum):
    """A rule that is broken; the verdict's reason."""

    REVOKED = "policy_revoked"
    SUPERSEDED = "policy_superseded"
    MODEL_MISSING = "model_missing"
    MODEL_DENIED = "model_denied"
    PROVIDER_MISSING = "provider_missing"
    PROVIDER_NOT_ALLOWED = "provider_not_allowed"
    MODEL_NOT_ALLOWED = "model_not_allowed"
    TOOL_DENIED = "tool_denied"
    TOOL_NOT_ALLOWED = "tool_not_allowed"
    TOOL_APPROVAL_REQUIRED = "tool_approval_required"
    FRAMEWORK_MISSING = "compliance_framework_missing"
    RESIDENCY_UNKNOWN = "data_residency_unknown"
    RESIDENCY_MISMATCH = "data_residency_mismatch"


MESSAGES = {
    WorkspaceRule.REVOKED: "The policy of the workspace is revoked.",
    WorkspaceRule.SUPERSEDED: "The policy of the workspace is superseded.",
    WorkspaceRule.MODEL_MISSING: "The model's name is missing.",
    WorkspaceRule.MODEL_DENIED: "The model is denied.",
    WorkspaceRule.PROVIDER_MISSING: "The model's provider is missing.",
    WorkspaceRule.PROVIDER_NOT_ALLOWED: "The model's provider is not allowed.",
    WorkspaceRule.MODEL_NOT_ALLOWED: "The model is not allowed.",
    WorkspaceRule.TOOL_DENIED: "The tool is denied.",
    WorkspaceRule.TOOL_NOT_ALLOWED: "The tool is not allowed.",
    WorkspaceRule.TOOL_APPROVAL_REQUIRED: "The tool needs approval.",
    WorkspaceRule.FRAMEWORK_MISSING: "The agent does not declare a framework that is required.",
    WorkspaceRule.RESIDENCY_UNKNOWN: "The agent does not say in which region it runs.",
    WorkspaceRule.RESIDENCY_MISMATCH: "The agent runs in another region than data may be in.",
}
"""The verdict's message for each rule; none shows a value of the request."""

_COMPLIANCE = frozenset(
    {WorkspaceRule.FRAMEWORK_MISSING, WorkspaceRule.RESIDENCY_UNKNOWN, WorkspaceRule.RESIDENCY_MISMATCH}
)


@dataclass(frozen=True, slots=True)
class WorkspaceVerdicts:
    """How a policy answers: whether what is unmet of compliance denies, and the artefact of its evidence."""

    compliance_denies: bool
    artefact: str

    def output(self, broken: WorkspaceRule | None) -> PolicyOutput:
        """Return the verdict of a rule that is broken, or of none."""
        if broken is None:
            return PolicyOutput({"decision": "allow", "evidence": {"artefact": self.artefact}})
        return PolicyOutput(
            {
                "decision": self._decision(broken),
                "reason": broken.value,
                "message": MESSAGES[broken],
                "evidence": {"artefact": self.artefact},
            }
        )

    def not_applicable(self) -> PolicyOutput:
        """Return the verdict where nothing is checked."""
        return PolicyOutput(
            {"decision": "allow", "reason": "not_applicable", "evidence": {"artefact": self.artefact}}
        )

    def _decision(self, rule: WorkspaceRule) -> str:
        if rule in _COMPLIANCE and not self.compliance_denies:
            return "warn"
        return "escalate" if rule is WorkspaceRule.TOOL_APPROVAL_REQUIRED else "deny"
