"""Records in the forms of other systems (section 4.5)."""

import csv
import io
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from acs_sidecar.audit.format.export import CSV_FIELDS, CSV_HEADER, FORMATS, cloud_event, csv_line, ocsf_event
from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent, record_line
from acs_sidecar.spec.values import Json

LOG = "acs/host/0/aaaa"
ID = "018bcfe5-6800-7aaa-8bbb-0123456789ab"
TIME = "2026-01-02T03:04:05.678901Z"


def record(entry: AuditEntry | ServiceEvent) -> dict[str, Json]:
    """Give a record as it is read from a log."""
    parsed: dict[str, Json] = orjson.loads(record_line(entry, LOG, 7, ID, TIME))
    return parsed


DENY = record(
    AuditEntry(
        "deny",
        "pre_tool_call",
        mode="enforce",
        reason="no_matching_policy",
        policy_id="main",
        policy_digest="sha256:bb",
        agent_id="agent-7",
        session_id="session-1",
        tool="send_mail",
        request_id="r-1",
        result_labels=("a", "b"),
    )
)


def test_csv_has_every_field_of_a_record() -> None:
    """The header names the fields of 4.1 and an event's details; a line has a cell for each."""
    (header,) = csv.reader(io.StringIO(CSV_HEADER))
    (line,) = csv.reader(io.StringIO(csv_line(DENY)))
    cells = dict(zip(header, line, strict=True))
    assert set(header) == {*DENY, "approval", "details", "stream", "track", "start", "end"} - {"schema"}
    assert tuple(header) == CSV_FIELDS
    assert (cells["decision"], cells["index"], cells["tool"]) == ("deny", "7", "send_mail")
    assert (cells["caller"], cells["transform_applied"]) == ("", "false")
    assert cells["result_labels"] == '["a","b"]'


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_csv_runs_nothing_in_a_spreadsheet(text: str) -> None:
    """A caller's text that a spreadsheet would take for a formula stays text."""
    (line,) = csv.reader(io.StringIO(csv_line({**DENY, "agent_id": text})))
    assert dict(zip(CSV_FIELDS, line, strict=True))["agent_id"] == f"'{text}"


def test_csv_writes_out_what_does_not_print() -> None:
    """A caller's text has no line, tab or mark of its own, and JSON within a cell keeps its value."""
    changed: dict[str, Any] = {**DENY, "agent_id": "\t=1\r\n\u202e", "verification_pointers": {"a": "\u202e"}}
    text = csv_line(changed)
    assert text.count("\n") == 1
    (line,) = csv.reader(io.StringIO(text))
    cells = dict(zip(CSV_FIELDS, line, strict=True))
    assert cells["agent_id"] == r"\t=1\r\n\u202e"
    assert orjson.loads(cells["verification_pointers"]) == {"a": "\u202e"}


def test_a_cloud_event_carries_the_record() -> None:
    """Source and ID make the event unique; the data is the record."""
    assert cloud_event(DENY) == {
        "specversion": "1.0",
        "id": ID,
        "source": "/acs/host/0/aaaa",
        "type": "acs-sidecar.audit.decision",
        "subject": "7",
        "time": TIME,
        "datacontenttype": "application/json",
        "data": DENY,
    }


def test_a_decision_is_an_ocsf_api_activity() -> None:
    """A deny is an API activity that was denied and blocked, by the policy, for the agent."""
    assert ocsf_event(DENY) == {
        "activity_id": 99,
        "activity_name": "Evaluate",
        "category_uid": 6,
        "class_uid": 6003,
        "type_uid": 600399,
        "time": 1_767_323_045_678,
        "severity_id": 3,
        "metadata": {
            "version": "1.8.0",
            "profiles": ["security_control"],
            "product": {"name": "acs-sidecar", "vendor_name": "acs-sidecar"},
            "uid": ID,
            "log_name": LOG,
            "sequence": 7,
            "original_time": TIME,
        },
        "action_id": 2,
        "disposition_id": 2,
        "status_id": 1,
        "status_detail": "no_matching_policy",
        "api": {"operation": "pre_tool_call", "request": {"uid": "r-1"}},
        "actor": {"app_uid": "agent-7", "session": {"uid": "session-1"}, "user": {"name": ""}},
        "src_endpoint": {"name": "host"},
        "policy": {"name": "main", "uid": "sha256:bb"},
        "resources": [{"name": "send_mail", "type": "tool"}],
        "unmapped": DENY,
    }


@pytest.mark.parametrize(
    ("decision", "outcome"),
    [
        ("allow", (1, 1, 1)),
        ("warn", (1, 1, 2)),
        ("transform", (1, 7, 2)),
        ("escalate", (2, 2, 3)),
        ("deny", (2, 2, 3)),
        ("unheard of", (2, 2, 3)),
    ],
)
def test_each_decision_has_its_ocsf_outcome(decision: str, outcome: tuple[int, int, int]) -> None:
    """Action, disposition and severity follow the decision; what is not known counts as denied."""
    event = ocsf_event({**DENY, "decision": decision})
    assert (event["action_id"], event["disposition_id"], event["severity_id"]) == outcome


def test_an_approval_is_an_ocsf_api_activity() -> None:
    """What became of an escalation is an activity like the decision, under its own name."""
    entry = AuditEntry("allow", "pre_tool_call", event="approval", approval={"approver": "alice"})
    event = ocsf_event(record(entry))
    assert (event["class_uid"], event["activity_name"], event["action_id"]) == (6003, "Approve", 1)
    assert '"{""approver"":""alice""}"' in csv_line(record(entry))


def test_an_event_of_the_service_is_an_ocsf_lifecycle() -> None:
    """What is not a decision is an application's lifecycle."""
    event = ocsf_event(record(ServiceEvent("log_opened", {"vkey": "x"})))
    assert (event["class_uid"], event["type_uid"], event["activity_name"]) == (6002, 600299, "log_opened")
    assert event["app"] == {"name": "acs-sidecar"}


@pytest.mark.parametrize(
    "entry",
    [
        AuditEntry("allow", "input"),
        AuditEntry("allow", "pre_tool_call", event="approval", approval={"approver": "alice"}),
        AuditEntry("deny", "pre_tool_call", mode="enforce", reason="no_matching_policy", tool="send_mail"),
        AuditEntry("deny", "output", reason="runtime_error:policy_failed", error_class="policy_failed"),
        AuditEntry("transform", "output", policy_id="main", policy_digest="sha256:bb", agent_id="agent-7"),
        ServiceEvent("log_opened", {"vkey": "x"}),
        ServiceEvent("log_closed", {"reason": "stopped"}),
    ],
)
def test_every_ocsf_event_is_valid_by_the_published_schema(entry: AuditEntry | ServiceEvent) -> None:
    """The published schema of the version that an event names accepts it, with the profiles it names."""
    event = orjson.loads(orjson.dumps(ocsf_event(record(entry))))
    schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0"))
    name = schemas.lookup_class_name_from_uid(event["class_uid"])
    schema = schemas.get_class_schema(name, event["metadata"].get("profiles", []))
    assert event["metadata"]["version"] == "1.8.0"
    assert [error.message for error in Draft202012Validator(schema).iter_errors(event)] == []


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_one_line(name: str) -> None:
    """A record becomes one line in each format."""
    for one in (DENY, record(ServiceEvent("log_opened", {"vkey": "x"}))):
        text = FORMATS[name](one)
        assert text.endswith("\n")
        assert text.count("\n") == 1
