"""Decisions as events of the Open Agent Governance Specification (section 9.6)."""

import hashlib

import orjson
import pytest

from acs_sidecar.audit.format.oags_export import oags_line, policy_decision
from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent, record_line
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Decision

LOG = "acs/host/0/aaaa"
ID = "018bcfe5-6800-7aaa-8bbb-0123456789ab"
TIME = "2026-01-02T03:04:05.678901Z"
SEKUIRE = "28da5805f90c0b2d7437e448f40853092cc38f5fa223cae21994a8b76d338b53"
DENY = AuditEntry(
    "deny",
    "pre_tool_call",
    reason="network.blocked",
    policy_id="oags",
    policy_digest="sha256:bb",
    agent_id="agent-7",
    tool="fetch",
    evidence_artefact=f"oags:{SEKUIRE}:0123456789abcdef",
)


def line_of(entry: AuditEntry | ServiceEvent) -> bytes:
    """The line of a record as it is in a log."""
    return record_line(entry, LOG, 7, ID, TIME)


def record(entry: AuditEntry | ServiceEvent) -> dict[str, Json]:
    """A record as it is read from a log."""
    parsed: dict[str, Json] = orjson.loads(line_of(entry))
    return parsed


def test_a_decision() -> None:
    """Every member, and the leaf hash of the very line that is in the log."""
    assert orjson.loads(oags_line(record(DENY), {LOG: "the note"})) == {
        "type": "policy_decision",
        "id": ID,
        "timestamp": TIME,
        "agent": "agent-7",
        "sekuire_id": SEKUIRE,
        "point": "pre_tool_call",
        "action": {"tool": "fetch"},
        "decision": "deny",
        "escalated": False,
        "rule": "network.blocked",
        "policy_hash": "sha256:bb",
        "evidence": {
            "log": LOG,
            "index": 7,
            "record_sha256": hashlib.sha256(b"\0" + line_of(DENY)).hexdigest(),
            "checkpoint": "the note",
        },
    }


@pytest.mark.parametrize("decision", Decision)
def test_decisions_are_those_of_the_specification(decision: Decision) -> None:
    """A transform is allowed, an escalation denied until somebody approves it."""
    event = policy_decision(record(AuditEntry(decision, "input")), None)
    expected = {"transform": "allow", "escalate": "deny"}.get(decision, decision.value)
    assert (event["decision"], event["escalated"]) == (expected, decision is Decision.ESCALATE)


@pytest.mark.parametrize("artefact", [None, "oags:-:0123456789abcdef", f"oags:{SEKUIRE}", f"urn:{SEKUIRE}"])
def test_only_the_evidence_of_the_adapter_names_an_id(artefact: str | None) -> None:
    """Another policy's artefact, and a document without an id, name none."""
    event = policy_decision(record(AuditEntry("allow", "input", evidence_artefact=artefact)), None)
    assert event["sekuire_id"] is None


def test_other_records_are_left_out() -> None:
    """What is no decision has no line."""
    assert oags_line(record(ServiceEvent("log_opened")), {}) == ""
    assert oags_line(record(AuditEntry("allow", "input", event="approval", approval={})), {}) == ""


def test_a_decision_that_nobody_knows_is_a_denial() -> None:
    """A record of another version is not shown as allowed."""
    assert policy_decision({**record(DENY), "decision": "perhaps"}, None)["decision"] == "deny"
