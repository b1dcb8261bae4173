"""A ticket carries an escalated action to a person and back (section 12.7); nothing in it is believed."""

import threading
from collections.abc import Mapping
from typing import Any

from acs_client.decision import Decision
from acs_client.values import SnapshotError, encode, to_json

__all__ = ["USED", "HeldTickets", "TicketError", "UsedTickets", "check_ticket", "make_ticket"]

VERSION = 1
_MAX_HELD = 1000
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


class HeldTickets:
    """Tickets of the escalated calls of a session by the ids of the calls, and the approvals of some."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, Any]] = {}
        self._approved: list[tuple[Mapping[str, Any], str]] = []
        self._lock = threading.Lock()

    def __getitem__(self, call_id: str) -> dict[str, Any]:
        return self._held[call_id]

    def __contains__(self, call_id: object) -> bool:
        return call_id in self._held

    def hold(self, call_id: str | None, ticket: dict[str, Any] | None) -> None:
        """Keep the ticket of a call; the oldest goes when there are too many."""
        if call_id is None or ticket is None:
            return
        with self._lock:
            self._held.pop(call_id, None)
            self._held[call_id] = ticket
            if len(self._held) > _MAX_HELD:
                del self._held[next(iter(self._held))]

    def approve(self, ticket: Mapping[str, Any], approval: str) -> None:
        """Keep an approval until the call of `ticket` comes again; raise `TypeError` for what is none."""
        if not isinstance(ticket, Mapping) or not isinstance(approval, str) or not approval:
            raise TypeError("an approval is the text that an approver signed for a ticket")
        with self._lock:
            self._approved.append((ticket, approval))
            del self._approved[:-_MAX_HELD]

    def approval_of(
        self, session_id: str, name: str, args: Any, call_id: str | None
    ) -> tuple[Mapping[str, Any] | None, str | None]:
        """Return ticket and approval of a call, and forget them: an approval lifts one call."""
        if not self._approved:
            return None, None
        try:
            call = {"name": name, "args": to_json(args)}
        except SnapshotError:  # refused when it is evaluated
            return None, None
        if call_id is not None:
            call["id"] = call_id
        action = {"tool_call": call, "envelope": {"session": {"id": session_id}}}
        with self._lock:
            for index, (ticket, approval) in enumerate(self._approved):
                if _is_of(ticket, action):
                    del self._approved[index]
                    return ticket, approval
        return None, None


USED = UsedTickets()  # of the process


def _is_of(ticket: Mapping[str, Any], action: Mapping[str, Any]) -> bool:
    """True if a ticket names the call of `action`; the rest of it is checked when it is resolved."""
    held = ticket.get("snapshot")
    if not isinstance(held, Mapping) or ticket.get("point") != "pre_tool_call":
        return False
    try:
        _same_call(held, action, "tool_call")
    except (TicketError, SnapshotError):
        return False
    return bool(_id(held, "session") == _id(action, "session"))


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
    names = (held.keys() | snapshot.keys()) - {"envelope", "ifc", "provenance", "request_id"}
    if any(encode(held.get(name)) != encode(snapshot.get(name)) for name in names):
        raise TicketError("it is of other content")
