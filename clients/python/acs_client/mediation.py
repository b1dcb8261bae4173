"""One evaluation of a session, from snapshot to obeyed verdict (sections 12.2, 12.3 and 12.7)."""

import copy
import dataclasses
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any

from acs_client.bindings import Bindings
from acs_client.calls import Call, Manifest, denied
from acs_client.client import Client
from acs_client.decision import Decision
from acs_client.errors import Blocked, Denied, Escalated
from acs_client.snapshot.envelope import Envelope
from acs_client.snapshot.profile import TARGETS, WriteBackError, put_back, target_of
from acs_client.tickets import USED, TicketError, check_ticket, make_ticket
from acs_client.values import SnapshotError, to_json

__all__ = ["Approver", "Mediator"]

Approver = Callable[[dict[str, Any]], Any]
_log = logging.getLogger("acs_client")


class Mediator:
    """Evaluates the points of one session.

    In `enforce` mode it returns permits and raises everything else; in `evaluate_only` mode it raises nothing
    and replaces nothing.
    """

    def __init__(
        self,
        client: Client,
        *,
        manifest: Manifest,
        mode: str,
        bindings: Bindings,
        envelope: Envelope,
        approver: Approver | None,
        on_decision: Callable[[Decision], None] | None,
    ) -> None:
        self._client = client
        self._manifest = manifest
        self._mode = mode
        self._bindings = bindings
        self._envelope = envelope
        self._approver = approver
        self._on_decision = on_decision
        self._skipped: set[str] = set()

    def with_envelope(self, envelope: Envelope) -> "Mediator":
        """Return this mediator with another envelope."""
        found = copy.copy(self)
        found._envelope = envelope
        return found

    def evaluate(
        self,
        point: str,
        members: Mapping[str, Any],
        *,
        calls: int | None = None,
        ticket: Mapping[str, Any] | None = None,
        approval: str | None = None,
    ) -> Decision:
        """Return a permit whose `value` is to be used; raise `Blocked` otherwise."""
        try:
            snapshot = to_json({**members, **self._envelope.members(point, calls)})
            decision = self._decide(point, snapshot, ticket, approval)
        except SnapshotError as error:
            return self._blocked(
                denied(point, "request_invalid", "snapshot", str(error), self._mode), members
            )
        except Blocked as blocked:
            return self._blocked(blocked, members)
        if decision.allowed and decision.policy_id is not None:
            self._envelope.labels.add(decision.result_labels)
            self._envelope.counters.permitted(decision.evidence)
        if decision.allowed:
            self._envelope.provenance.record(members, decision)
        self._show(decision)
        return decision

    def _blocked(self, blocked: Blocked, members: Mapping[str, Any]) -> Decision:
        self._show(blocked.decision)
        if self._mode == "enforce":
            raise blocked
        _log.warning("%s would be blocked: %s", blocked.point, blocked)
        value: Any = members
        for name in TARGETS[blocked.point]:
            value = value[name]
        return dataclasses.replace(blocked.decision, value=value)

    def _show(self, decision: Decision) -> None:
        if self._on_decision is not None:
            self._on_decision(decision)

    def _decide(
        self, point: str, snapshot: dict[str, Any], ticket: Mapping[str, Any] | None, approval: str | None
    ) -> Decision:
        if point not in self._bindings:
            return self._unbound(point, snapshot)
        if ticket is not None:
            return self._resolved(point, snapshot, ticket, approval)
        decision = self._client.evaluate_json(Call(point, self._mode, self._manifest), snapshot)
        self._bindings.see(decision.manifest_digest)
        if self._mode != "enforce":
            if not decision.allowed:
                _log.warning("%s would be blocked: %s %s", point, decision.decision, decision.reason)
            return dataclasses.replace(decision, value=target_of(point, snapshot))
        if decision.decision == "deny":
            raise Denied(decision, cause="service", status=200)
        if decision.decision == "escalate":
            return self._escalated(point, snapshot, decision)
        return self._permitted(point, snapshot, decision)

    def _permitted(self, point: str, snapshot: dict[str, Any], decision: Decision) -> Decision:
        if not decision.transformed:
            return dataclasses.replace(decision, value=target_of(point, snapshot))
        try:
            path = self._bindings.target(point, decision.manifest_digest, snapshot)
            value = put_back(point, snapshot, path, decision.value)
        except WriteBackError as error:
            raise denied(point, "transform_invalid", "write_back", str(error)) from None
        return dataclasses.replace(decision, value=value)

    def _escalated(self, point: str, snapshot: dict[str, Any], decision: Decision) -> Decision:
        self._envelope.escalated()
        ticket = make_ticket(decision, snapshot, self._manifest)
        answer = (
            _answer_of(self._approver(ticket)) if ticket is not None and self._approver is not None else None
        )
        if answer is None or ticket is None:
            raise Escalated(decision, ticket)
        outcome = answer if answer in {"deny", "suspend"} else None
        return self._resolved(point, snapshot, ticket, None if outcome else answer, outcome)

    def _resolved(
        self,
        point: str,
        snapshot: dict[str, Any],
        ticket: Mapping[str, Any],
        approval: str | None,
        outcome: str | None = None,
    ) -> Decision:
        try:
            checked = check_ticket(ticket, point, snapshot, self._manifest)
        except (TicketError, SnapshotError) as error:
            message = f"the ticket is not of this action: {error}"
            raise denied(point, "approval_action_mismatch", "ticket", message) from None
        if not approval and outcome is None:
            raise Escalated(_escalation_of(checked), dict(ticket))
        decision = self._client.resolve(checked, approval, outcome)
        if decision.decision == "escalate":
            raise Escalated(decision, dict(ticket))
        if not decision.allowed:
            raise Denied(decision, cause="service", status=200)
        if not USED.use(checked["approval"]["challenge"]):
            raise denied(
                point, "approval_resolver_failed", "ticket_used", "this process has used the approval before"
            )
        return self._permitted(point, checked["snapshot"], decision)

    def _unbound(self, point: str, snapshot: Mapping[str, Any]) -> Decision:
        if point == "pre_tool_call":
            message = "the manifest does not bind `pre_tool_call`: no tool runs"
            raise denied(point, "adapter_unsupported", "ungoverned", message, self._mode)
        if point not in self._skipped:
            self._skipped.add(point)
            _log.info("%s is not bound by the manifest and is not evaluated", point)
        return Decision(point, "allow", mode=self._mode, value=target_of(point, snapshot))


def _escalation_of(ticket: Mapping[str, Any]) -> Decision:
    return Decision(
        ticket["point"],
        "escalate",
        ticket["reason"],
        ticket["message"],
        approval=ticket["approval"],
        request_id=ticket["request_id"],
    )


def _answer_of(answer: Any) -> str | None:
    if inspect.iscoroutine(answer):
        answer.close()
        raise TypeError("`approver` is a coroutine function: use `AsyncClient`")
    if answer is not None and not isinstance(answer, str):
        raise TypeError('`approver` returns an approval text, "deny", "suspend" or None')
    return answer
