"""Records in the forms of other systems: CSV, CloudEvents, OCSF (section 4.5)."""

import csv
import io
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

import orjson

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.printable import printable, printable_json
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["CSV_FIELDS", "CSV_HEADER", "FORMATS", "cloud_event", "csv_line", "ocsf_event"]

CSV_FIELDS: Final = (
    "time",
    "log",
    "index",
    "record_id",
    "event",
    "decision",
    "reason",
    "error_class",
    "intervention_point",
    "mode",
    "manifest_source",
    "manifest_digest",
    "policy_id",
    "policy_type",
    "policy_digest",
    "annotators",
    "tool",
    "agent_id",
    "session_id",
    "tenant_id",
    "caller",
    "request_id",
    "trace_id",
    "span_id",
    "input_identity",
    "enforced_identity",
    "transform_applied",
    "result_labels",
    "evidence_artefact",
    "verification_pointers",
    "duration_us",
    "approval",
    "details",
    "stream",
    "track",
    "start",
    "end",
    "dialect",
)

_FORMULA = ("=", "+", "-", "@")
_OCSF_VERSION = "1.8.0"
_ALLOWED, _DENIED = 1, 2
_BLOCKED, _CUSTOM = 2, 7
_ACTIVITIES: Mapping[Json, str] = MappingProxyType({"decision": "Evaluate", "approval": "Approve"})
_INFORMATIONAL, _LOW, _MEDIUM = 1, 2, 3

# action, disposition and severity of each decision: a deny is blocked, a change is the policy's own action,
# and whatever waits for a person is denied until then.
_OUTCOMES: Mapping[Json, tuple[int, int, int]] = MappingProxyType(
    {
        "allow": (_ALLOWED, _ALLOWED, _INFORMATIONAL),
        "warn": (_ALLOWED, _ALLOWED, _LOW),
        "transform": (_ALLOWED, _CUSTOM, _LOW),
        "escalate": (_DENIED, _BLOCKED, _MEDIUM),
        "deny": (_DENIED, _BLOCKED, _MEDIUM),
    }
)


def csv_line(record: JsonObject) -> str:
    """Return a record as a line of CSV with the fields of `CSV_FIELDS`.

    Text that a spreadsheet would take for a formula is put behind an apostrophe, and what does not print is
    written out.
    """
    return _csv([_cell(record.get(name)) for name in CSV_FIELDS])


def _csv(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


CSV_HEADER: Final = _csv(list(CSV_FIELDS))


def cloud_event(record: JsonObject) -> dict[str, Json]:
    """Return a record as a CloudEvent 1.0: its source is the log, its ID the record's."""
    return {
        "specversion": "1.0",
        "id": record["record_id"],
        "source": f"/{record['log']}",
        "type": f"acs-sidecar.audit.{record['event']}",
        "subject": str(record["index"]),
        "time": record["time"],
        "datacontenttype": "application/json",
        "data": dict(record),
    }


def ocsf_event(record: JsonObject) -> dict[str, Json]:
    """Return a record as OCSF: API Activity for decisions and approvals, else Application Lifecycle."""
    decision = record["event"] in _ACTIVITIES
    class_uid = 6003 if decision else 6002
    metadata: dict[str, Json] = {
        "version": _OCSF_VERSION,
        "product": {"name": "acs-sidecar", "vendor_name": "acs-sidecar"},
        "uid": record["record_id"],
        "log_name": record["log"],
        "sequence": record["index"],
        "original_time": record["time"],
    }
    event: dict[str, Json] = {
        "activity_id": 99,
        "activity_name": _ACTIVITIES.get(record["event"], str(record["event"])),
        "category_uid": 6,
        "class_uid": class_uid,
        "type_uid": class_uid * 100 + 99,
        "time": int(datetime.fromisoformat(str(record["time"])).timestamp() * 1000),
        "severity_id": _INFORMATIONAL,
        "metadata": metadata,
        "unmapped": dict(record),
    }
    if not decision:
        return event | {"app": {"name": "acs-sidecar"}}
    metadata["profiles"] = ["security_control"]
    return event | _decided(record)


def _decided(record: JsonObject) -> dict[str, Json]:
    get = record.get
    action, disposition, severity = _OUTCOMES.get(str(get("decision")), _OUTCOMES["deny"])
    members: dict[str, Json] = {
        "severity_id": severity,
        "action_id": action,
        "disposition_id": disposition,
        "status_id": 2 if get("error_class") else 1,
        "api": {"operation": get("intervention_point"), "request": {"uid": get("request_id") or ""}},
        "actor": {
            "app_uid": get("agent_id") or "",
            "session": {"uid": get("session_id") or ""},
            "user": {"name": get("caller") or ""},
        },
        "src_endpoint": {"name": str(record["log"]).split("/")[1]},
        "policy": {"name": get("policy_id") or "", "uid": get("policy_digest") or ""},
    }
    if reason := get("reason"):
        members["status_detail"] = reason
    if tool := get("tool"):
        members["resources"] = [{"name": tool, "type": "tool"}]
    return members


def _cell(value: Json) -> str:
    match value:
        case None:
            return ""
        case str():
            text = printable(value)
            return f"'{text}" if text.startswith(_FORMULA) else text
        case bool():
            return "true" if value else "false"
        case dict() | list():
            return printable_json(canonical(value).decode())
        case _:
            return str(value)


def _json_line(value: JsonObject) -> str:
    options = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return printable_json(orjson.dumps(dict(value), option=options).decode())


FORMATS: Final[Mapping[str, Callable[[JsonObject], str]]] = MappingProxyType(
    {
        "jsonl": _json_line,
        "csv": csv_line,
        "cloudevents": lambda record: _json_line(cloud_event(record)),
        "ocsf": lambda record: _json_line(ocsf_event(record)),
    }
)
"""Turns a record into text that ends with a newline and is safe to show: JSON keeps its value."""
