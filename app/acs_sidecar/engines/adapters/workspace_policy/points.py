"""The evaluator of each point, by the status of the document (sections 10.3, 10.6)."""

from typing import assert_never

from acs_sidecar.engines.adapters.workspace_policy.definition import WorkspaceDefinition
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
from acs_sidecar.engines.adapters.workspace_policy.rules import WorkspaceRule, WorkspaceVerdicts
from acs_sidecar.evaluators import Evaluator
from acs_sidecar.spec.points import InterventionPoint

__all__ = ["evaluator_of"]


def evaluator_of(
    point: InterventionPoint, policy: WorkspacePolicy, definition: WorkspaceDefinition
) -> Evaluator:
    """Return what is checked at a point under a document that was verified."""
    verdicts = WorkspaceVerdicts(definition.compliance_denies, policy.artefact)
    match policy.status:
        case PolicyStatus.REVOKED:
            return DenyAll(verdicts, WorkspaceRule.REVOKED)
        case PolicyStatus.SUPERSEDED:
            return DenyAll(verdicts, WorkspaceRule.SUPERSEDED)
        case PolicyStatus.ACTIVE | PolicyStatus.DRAFT:
            return _in_force(point, policy, verdicts, definition)
        case _:
            assert_never(policy.status)


def _in_force(
    point: InterventionPoint,
    policy: WorkspacePolicy,
    verdicts: WorkspaceVerdicts,
    definition: WorkspaceDefinition,
) -> Evaluator:
    match point:
        case InterventionPoint.AGENT_STARTUP:
            return StartupPoint(
                rules_of(policy.content),
                verdicts,
                definition.path("model", "$snap.agent_init.model.name"),
                definition.path("provider", "$snap.agent_init.model.vendor"),
                definition.path("tools_registered", "$snap.agent_init.tools_registered"),
                definition.path("frameworks", "$snap.agent_init.compliance.frameworks"),
                definition.path("region", "$snap.agent_init.region"),
            )
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
