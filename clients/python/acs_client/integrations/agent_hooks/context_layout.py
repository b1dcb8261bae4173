"""Agent contexts evaluated as they are, for manifests of 0.4 that are written over them (section 12.9)."""

from collections.abc import Mapping
from typing import Any

from acs_client.calls import denied
from acs_client.decision import Decision
from acs_client.errors import ConfigurationError, Denied, Escalated
from acs_client.session import Session
from acs_client.tickets import USED, make_ticket

__all__ = ["ContextLayout"]


class ContextLayout:
    """Asks for the verdicts of a host's own contexts; counts and labels are the host's too.

    Raises `ConfigurationError` for a session whose mode or manifest this layout has no place for.
    """

    def __init__(self, session: Session) -> None:
        if session.mode != "enforce":
            raise ConfigurationError('with `layout="context"` the host alone knows `evaluate_only`')
        if isinstance(session.manifest, Mapping):
            raise ConfigurationError('`layout="context"` needs the name of a loaded manifest')
        self._session = session

    def verdict(self, point: str, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return the verdict on a context; raise `Blocked` when there is none."""
        if point not in self._session.bindings:
            if point == "pre_tool_call":
                message = "the manifest does not bind `pre_tool_call`: no tool runs"
                raise denied(point, "adapter_unsupported", "ungoverned", message)
            return {"decision": "allow"}
        verdict = self._session.client.intercept(point, context, manifest=self._session.manifest)
        told = Decision(
            point, verdict["decision"], verdict.get("reason"), verdict.get("message"), raw=verdict
        )
        if self._session.on_decision is not None:
            self._session.on_decision(told)
        return verdict

    def ticket_of(self, context: Mapping[str, Any], approval: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the ticket of an escalated context, from the member `approval` of its verdict."""
        offer = approval.get("acs")
        if not isinstance(offer, Mapping):
            return None
        point = str(context.get("interception_point"))
        escalated = Decision(point, "escalate", approval=offer, request_id=context.get("request_id"))
        return make_ticket(escalated, dict(context), self._session.manifest)

    def resolved(
        self, context: Mapping[str, Any], ticket: Mapping[str, Any], approval: str
    ) -> dict[str, Any]:
        """Return the permit of an escalated context whose approval is signed; raise `Blocked` otherwise.

        What is resolved is the context at hand, whatever the ticket holds.
        """
        point = str(context.get("interception_point"))
        held = {**ticket, "point": point, "snapshot": dict(context), "manifest": self._session.manifest}
        decision = self._session.client.resolve(held, approval)
        if decision.decision == "escalate":
            raise Escalated(decision, dict(ticket))
        if not decision.allowed or decision.transformed:
            raise Denied(decision, cause="service", status=200)
        if not USED.use(ticket["approval"]["challenge"]):
            message = "this process has used the approval before"
            raise denied(point, "approval_resolver_failed", "ticket_used", message)
        return {"decision": "allow"}
