"""From a resolution to the entry that goes into its record (section 4.1)."""

from dataclasses import replace

from acs_sidecar.approval.resolution import Resolution
from acs_sidecar.audit.format.entry import decision_entry
from acs_sidecar.audit.format.record import AuditEntry, bounded
from acs_sidecar.spec.values import Json

__all__ = ["approval_entry"]


def approval_entry(resolution: Resolution) -> AuditEntry:
    """Return the entry of an `approval`: the decision that followed, and who approved what, when."""
    return replace(decision_entry(resolution.decision), event="approval", approval=_approval(resolution))


def _approval(resolution: Resolution) -> dict[str, Json]:
    plan, challenge, approved = resolution.plan, resolution.challenge, resolution.approved
    named = challenge.named_approvers if challenge else None
    return {
        "approved_at": approved.time if approved else None,
        "approver": approved.approver if approved else None,
        "by": resolution.by,
        "challenge": challenge.digest if challenge else None,
        "enforced_identity": challenge.action.get("enforced_identity") if challenge else None,
        "escalation": challenge.audit if challenge else None,
        "key_id": approved.key_id if approved else None,
        "outcome": resolution.outcome,
        "required_approvers": None if named is None else [bounded(name) for name in named],
        "resolver": plan.name if plan else None,
        "resolver_type": plan.type if plan else None,
    }
