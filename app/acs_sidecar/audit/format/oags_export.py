"""Decisions as events of the Open Agent Governance Specification (section 9.6)."""

import re
from collections.abc import Mapping
from typing import Final

import orjson

from acs_sidecar.audit.format.merkle import leaf_hash
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.printable import printable_json
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["oags_line", "policy_decision"]

_ARTEFACT = re.compile(r"oags:([0-9a-f]{64}|-):[0-9a-f]{16}")
_DECISIONS: Final[Mapping[str, str]] = {
    "allow": "allow",
    "warn": "warn",
    "transform": "allow",
    "escalate": "deny",
    "deny": "deny",
}


def oags_line(record: JsonObject, checkpoints: Mapping[str, str]) -> str:
    """Return the event of a decision as a line of JSON, nothing for any other record.

    `checkpoints` are the newest signed ones, by the name of their log.
    """
    if record.get("event") != "decision":
        return ""
    event = policy_decision(record, checkpoints.get(str(record["log"])))
    options = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return printable_json(orjson.dumps(event, option=options).decode())


def policy_decision(record: JsonObject, checkpoint: str | None) -> dict[str, Json]:
    """Return the event of a decision; `record_sha256` is the leaf hash, which the log's proofs start from."""
    artefact = _ARTEFACT.fullmatch(str(record.get("evidence_artefact")))
    decision = record.get("decision")
    return {
        "type": "policy_decision",
        "id": record["record_id"],
        "timestamp": record["time"],
        "agent": record.get("agent_id"),
        "sekuire_id": artefact[1] if artefact and artefact[1] != "-" else None,
        "point": record.get("intervention_point"),
        "action": {"tool": record.get("tool")},
        "decision": _DECISIONS.get(str(decision), "deny"),
        "escalated": decision == "escalate",
        "rule": record.get("reason"),
        "policy_hash": record.get("policy_digest"),
        "evidence": {
            "log": record["log"],
            "index": record["index"],
            "record_sha256": leaf_hash(canonical(record)).hex(),
            "checkpoint": checkpoint,
        },
    }
