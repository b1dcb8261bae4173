"""What a reviewer would ask about a valid policy (sections 10.2, 10.6). Everything here is a warning."""

from collections.abc import Iterator, Sequence

from acs_sidecar.engines.adapters.workspace_policy.document.model import WorkspacePolicy
from acs_sidecar.engines.adapters.workspace_policy.trust import PolicyKey, PolicyKeys
from acs_sidecar.engines.document_findings import DocumentFindings
from acs_sidecar.engines.findings import SourceLocation, warning
from acs_sidecar.engines.name_lists import pattern_doubt
from acs_sidecar.evaluators import Diagnostic, PointBinding
from acs_sidecar.spec.points import InterventionPoint

__all__ = ["CHECKED_POINTS", "binding_lints", "document_lints"]

CHECKED_POINTS = (
    InterventionPoint.AGENT_STARTUP,
    InterventionPoint.PRE_MODEL_CALL,
    InterventionPoint.PRE_TOOL_CALL,
)


def document_lints(
    findings: DocumentFindings, policy: WorkspacePolicy, key: PolicyKey, trust: PolicyKeys
) -> None:
    """Warn about a document that `key` of `trust` signed."""
    if policy.is_legacy:
        message = (
            "only the content is bound, by its pin: `acs-sidecar policy sign` also signs status and version"
        )
        findings.warn("policy-legacy", message, ("signature",))
    if policy.public_key not in (None, key.public.hex()):
        message = f"is not the key `{key.name}`, which signed: nothing reads this member, remove it"
        findings.warn("policy-public-key", message, ("signing_public_key",))
    if key.workspaces is None and any(each.workspaces is not None for each in trust.keys):
        message = (
            f"the key `{key.name}` may sign for every workspace, and other keys may not: "
            "write its `workspaces` in the trust file"
        )
        findings.warn("policy-key-unbound", message, ("signing_key_id",))
    if policy.is_withdrawn:
        return
    models, tools = policy.content.models, policy.content.tools
    for path, names in (
        (("models", "denied_models"), models.denied_models),
        (("capabilities", "denied_tools"), tools.denied_tools),
    ):
        for index, name in enumerate(names):
            if doubt := pattern_doubt(name):
                findings.warn(
                    "policy-name-doubtful", f"`{name[:64]}` {doubt}", ("content", "agent", *path, index)
                )
    if not models.allowed_providers and not models.allowed_models:
        message = "every model that is not denied is allowed: list `allowed_models` or `allowed_providers`"
        findings.warn("policy-open-models", message, ("content", "agent", "models"))
    if not tools.allowed_tools:
        message = "every tool that is not denied is allowed: list `allowed_tools`"
        findings.warn("policy-open-tools", message, ("content", "agent", "capabilities"))


def binding_lints(
    path: str, policy: WorkspacePolicy, bindings: Sequence[PointBinding], *, can_escalate: bool
) -> Iterator[Diagnostic]:
    """Yield findings about the points that bind a policy, and about approvals that nobody can give."""
    if policy.is_withdrawn:
        return
    for binding in bindings:
        if binding.point not in CHECKED_POINTS:
            message = (
                "nothing is checked at this point: remove the binding, or combine it with another policy"
            )
            yield warning("policy-point-idle", message, SourceLocation(binding.path))
    if policy.content.tools.approval and not can_escalate:
        message = "nobody resolves its escalation: set `approval.default_resolver`"
        yield warning("policy-approval-unresolvable", message, SourceLocation(path))
