"""Lifts a deny of a host of Agent Hooks with an approval text, and with nothing else."""

from collections.abc import Callable
from typing import Any

from agent_hooks import ApprovalOutcome, ApprovalRequest, ApprovalResolution, Verdict

from acs_client.integrations.agent_hooks.interceptor import SidecarInterceptor

__all__ = ["SidecarResolver"]


class SidecarResolver:
    """Lifts a deny that `approver(ticket)` has signed; `None` leaves it as it is."""

    def __init__(self, interceptor: SidecarInterceptor, approver: Callable[[Any], str | None]) -> None:
        self._interceptor = interceptor
        self._approver = approver

    def resolve(self, request: ApprovalRequest) -> ApprovalResolution:
        """Ask the approver, and the service about what was signed."""
        identity = request.context_identity
        ticket = self._interceptor.ticket_of(request.context, request.verdict.approval or {})
        approval = self._approver(ticket) if ticket is not None else None
        if approval is None:
            return ApprovalResolution(ApprovalOutcome.UNRESOLVED, identity)
        verdict = Verdict.from_wire(self._interceptor.decide(request.context, ticket, approval))
        outcome = ApprovalOutcome.APPROVE if verdict.decision.permits else ApprovalOutcome.REJECT
        return ApprovalResolution(outcome, identity, verdict)
