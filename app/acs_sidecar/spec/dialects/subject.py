"""Whose snapshot it is: agent, session and tenant, as its dialect names them (section 6.8)."""

from typing import NamedTuple

from acs_sidecar.spec.dialects.dialect import Dialect
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["Subject", "agent_id", "has_two_agents", "subject_of"]


class Subject(NamedTuple):
    """The ids of a snapshot that are texts."""

    agent: str | None
    session: str | None
    tenant: str | None


def agent_id(snapshot: JsonObject, dialect: Dialect) -> Json:
    """Return the id of the agent for whom a decision is made; `None` if it has none.

    What is no string names nobody: whoever is asked for fails closed on it.
    """
    if dialect.agent_contexts and "agent" in snapshot:
        return _nested(snapshot, "agent")
    envelope = snapshot.get("envelope")
    return _nested(envelope, "agent") if isinstance(envelope, dict) else None


def subject_of(snapshot: JsonObject, dialect: Dialect) -> Subject:
    """Return whose snapshot it is, for records and approvals.

    Of an envelope, `<who>_id` counts where `<who>` is not an object.
    """
    if dialect.agent_contexts and "agent" in snapshot:
        return Subject(*(_text(_nested(snapshot, who)) for who in Subject._fields))
    envelope = snapshot.get("envelope")
    if not isinstance(envelope, dict):
        return _NOBODY
    return Subject(_flat(envelope, "agent"), _flat(envelope, "session"), _flat(envelope, "tenant"))


def has_two_agents(snapshot: JsonObject, dialect: Dialect) -> bool:
    """True if a snapshot names an agent in two places, and not the same one."""
    envelope = snapshot.get("envelope")
    if not dialect.agent_contexts or not isinstance(envelope, dict):
        return False
    outer, inner = snapshot.get("agent"), envelope.get("agent")
    if not isinstance(outer, dict) or not isinstance(inner, dict) or not ("id" in outer and "id" in inner):
        return False
    return type(outer["id"]) is not type(inner["id"]) or outer["id"] != inner["id"]


_NOBODY = Subject(None, None, None)


def _nested(members: JsonObject, who: str) -> Json:
    named = members.get(who)
    return named.get("id") if isinstance(named, dict) else None


def _flat(envelope: JsonObject, who: str) -> str | None:
    named = envelope.get(who)
    found = named.get("id") if isinstance(named, dict) else envelope.get(f"{who}_id")
    return found if isinstance(found, str) else None


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
