"""A ticket carries an escalated action to a person and back (section 12.7); nothing in it is believed."""

import threading
from collections.abc import Mapping
from typing import Any

from acs_client.decision import Decision
from acs_client.values import encode

__all__ = ["USED", "TicketError", "UsedTickets", "check_ticket", "make_ticket"]

VERSION = 1
_MEMBERS = {
    "version", "point", "snapshot", "manifest", "mode", "request_id", "reason", "message", "input_identity",
    "enforced_identity", "approval",
}  # fmt: skip
_LIFTED = {"pre_tool_call": "tool_call", "post_tool_call": "tool_call"}


class TicketError(Exception):
    """A ticket is not one of this action; the text says what differs."""


def make_ticket(decision: Decision, snapshot: Any, manifest: Any) -> dict[str, Any] | None:
    """Return the ticket of an escalation, or `None` when nobody can approve it."""
    approval = decision.approval
    if not approval or not isinstance(approval.get("challenge"), str):
        return None
    return {
        "version": VERSION,
        "point": decision.point,
        "snapshot": snapshot,
        "manifest": manifest,
        "mode": decision.mode,
        "request_id": decision.request_id,
        "reason": decision.reason,
        "message": decision.message,
        "input_identity": decision.input_identity,
        "enforced_identity": decision.enforced_identity,
        "approval": {name: approval.get(name) for name in ("resolver", "type", "expires", "challenge")},
    }


def check_ticket(ticket: Any, point: str, snapshot: Mapping[str, Any], manifest: Any) -> dict[str, Any]:
    """Return the ticket as it is resolved for the action of `snapshot`: with the session's manifest.

    Raises `TicketError` unless agent, session, point, tool, arguments and, where both have one, the id of
    the call are those of the action at hand.
    """
    if not isinstance(ticket, Mapping) or ticket.keys() != _MEMBERS or ticket["version"] != VERSION:
        raise TicketError("it is no ticket of version 1")
    held, approval = ticket["snapshot"], ticket["approval"]
    if not isinstance(held, Mapping) or not isinstance(approval, Mapping):
        raise TicketError("it has no snapshot or no approval")
    if not isinstance(approval.get("challenge"), str) or not isinstance(ticket["request_id"], str):
        raise TicketError("it has no challenge or no request id")
    if ticket["point"] != point:
        raise TicketError("it is of another intervention point")
    for member in ("agent", "session"):
        if _id(held, member) != _id(snapshot, member):
            raise TicketError(f"it is of another {member}")
    if point in _LIFTED:
        _same_call(held, snapshot, _LIFTED[point])
    else:
        _same_content(held, snapshot)
    return {**ticket, "manifest": manifest, "mode": "enforce"}


class UsedTickets:
    """Challenges that were acted on."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._lock = threading.Lock()

    def use(self, challenge: str) -> bool:
        """Mark a challenge as used; return false if it was."""
        with self._lock:
            if challenge in self._used:
                return False
            self._used.add(challenge)
            return True


USED = UsedTickets()  # of the process


def _id(snapshot: Mapping[str, Any], member: str) -> Any:
    envelope = snapshot.get("envelope")
    named = envelope.get(member) if isinstance(envelope, Mapping) else None
    return named.get("id") if isinstance(named, Mapping) else None


def _same_call(held: Mapping[str, Any], snapshot: Mapping[str, Any], member: str) -> None:
    old, new = held.get(member), snapshot[member]
    if not isinstance(old, Mapping) or old.get("name") != new["name"]:
        raise TicketError("it is of another tool")
    if encode(old.get("args")) != encode(new["args"]):
        raise TicketError("it is of other arguments")
    if "id" in old and "id" in new and old["id"] != new["id"]:
        raise TicketError("it is of another call")
    if encode(held.get("tool_result")) != encode(snapshot.get("tool_result")):
        raise TicketError("it is of another result")


def _same_content(held: Mapping[str, Any], snapshot: Mapping[str, Any]) -> None:
    names = (held.keys() | snapshot.keys()) - {"envelope", "ifc", "request_id"}
    if any(encode(held.get(name)) != encode(snapshot.get(name)) for name in names):
        raise TicketError("it is of other content")
