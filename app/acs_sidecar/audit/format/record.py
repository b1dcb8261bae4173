"""Audit records: a decision or an event as one canonical line (section 4.1).

A record is built from an allow-list of fields. Policy targets, arguments, messages, annotations and
transform values have no field to be in.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final

import orjson

from acs_sidecar.spec.codes import is_code, reason_code
from acs_sidecar.spec.points import POINT_NAMES
from acs_sidecar.spec.policy_statement import DecisionNotes
from acs_sidecar.spec.streams.vocabulary import StreamSpan
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "MAX_RECORD_BYTES",
    "SCHEMA",
    "AuditEntry",
    "ServiceEvent",
    "bounded",
    "has_header",
    "parse_record",
    "record_line",
    "record_time",
    "rfc3339",
    "uuid7",
]

SCHEMA: Final = "acs-sidecar/audit/v1"
MAX_RECORD_BYTES = 16 * 1024
MAX_TEXT = 256
MAX_LOGGED = 16
_LONGEST_KEPT = 96
_VARIANT = {f"{digit:x}": "89ab"[digit & 3] for digit in range(16)}

_HEADER = frozenset({"event", "index", "log", "record_id", "schema", "time"})

_Members = dict[str, Json]


@dataclass(slots=True)  # not frozen: one is made for every decision, and freezing doubles its cost
class AuditEntry:
    """What the service knows of one decision. Free text may be passed as it came: the record bounds it.

    `intervention_point` other than the eight becomes `unknown`; `tool` and names of manifests are
    those of the manifest, never a caller's. `duration_us` is in microseconds. `event` is `decision`, or
    `approval` with what was asked of whom and answered as `approval`. `notes` are the policy's own,
    `warnings` the reasons of what its verdict warns of; `stream_span` is the part of a stream that was
    decided on.
    """

    decision: str
    intervention_point: str
    mode: str | None = None
    reason: str | None = None
    error_class: str | None = None
    dialect: str | None = None
    manifest_source: str | None = None
    manifest_digest: str | None = None
    policy_id: str | None = None
    policy_type: str | None = None
    policy_digest: str | None = None
    annotators: tuple[str, ...] = ()
    input_identity: str | None = None
    enforced_identity: str | None = None
    transform_applied: bool = False
    result_labels: tuple[str, ...] = ()
    evidence_artefact: str | None = None
    verification_pointers: Mapping[str, str] | None = None
    agent_id: str | None = None
    session_id: str | None = None
    tenant_id: str | None = None
    tool: str | None = None
    caller: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    duration_us: int | None = None
    event: str = "decision"
    approval: JsonObject | None = None
    notes: DecisionNotes | None = None
    stream_span: StreamSpan | None = None
    warnings: tuple[str, ...] = ()
    evidence_truncated: bool = False


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """Something that happened to the service or its log: `log_opened`, `manifests_reloaded`, …

    `details` are names, digests and counts; they are hashed when the record would be too long.
    """

    event: str
    details: Mapping[str, Json] = field(default_factory=dict)


def record_line(entry: AuditEntry | ServiceEvent, log: str, index: int, record_id: str, time: str) -> bytes:
    """Return the canonical line of a record, without its newline, at most 16 KiB."""
    if isinstance(entry, ServiceEvent):
        members = _event_members(entry, log, index, record_id, time)
    else:
        members = _decision_members(entry, log, index, record_id, time)
    try:
        line = orjson.dumps(members, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a lone surrogate somewhere: what UTF-8 cannot hold is hashed
        return _condensed(members)
    return line if len(line) <= MAX_RECORD_BYTES else _condensed(members)


def parse_record(line: bytes) -> dict[str, Json] | None:
    """Parse a line; `None` where it is not one JSON object in canonical form.

    Stops: two readings of one line, by members in another order or given twice.
    """
    try:
        record = orjson.loads(line)
        canonical = isinstance(record, dict) and orjson.dumps(record, option=orjson.OPT_SORT_KEYS) == line
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # the latter where it is nested too deeply
        return None
    return record if canonical else None


def has_header(record: JsonObject, log: str, index: int) -> bool:
    """True if a record has what every record has, as the one at that place of that log."""
    if not all(isinstance(record.get(name), str) for name in ("event", "record_id", "schema", "time")):
        return False
    try:
        datetime.fromisoformat(str(record["time"]))
    except ValueError:
        return False
    return (record.get("log"), record.get("index")) == (log, index) and type(record["index"]) is int


def is_readable(record: JsonObject) -> bool:
    """True if a record is of the schema that this version writes: what another one means is not known."""
    return record.get("schema") == SCHEMA


def uuid7(milliseconds: int, randomness: bytes) -> str:
    """Return the UUIDv7 of a Unix time and ten random bytes."""
    digits = randomness.hex()
    return f"{_uuid7_time(milliseconds)}-7{digits[:3]}-{_VARIANT[digits[3]]}{digits[4:7]}-{digits[7:19]}"


def rfc3339(microseconds: int) -> str:
    """Return a Unix time as RFC 3339 in UTC with microseconds; its texts sort by time."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    return f"{_second(seconds)}.{fraction:06d}Z"


def record_time(text: str) -> str:
    """Return a date or time in ISO 8601 in the form of a record's; one without a zone is UTC.

    Raises `ValueError` for another text, and for a time before 1970 or after the year 9999.
    """
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    microseconds = (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
    if microseconds < 0:
        raise ValueError(f"`{text}` is before 1970")
    return rfc3339(microseconds)


@lru_cache(maxsize=4)
def _uuid7_time(milliseconds: int) -> str:
    digits = f"{milliseconds:012x}"
    return f"{digits[:8]}-{digits[8:]}"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _event_members(entry: ServiceEvent, log: str, index: int, record_id: str, time: str) -> _Members:
    return {
        "details": dict(entry.details),
        "event": entry.event,
        "index": index,
        "log": log,
        "record_id": record_id,
        "schema": SCHEMA,
        "time": time,
    }


def _decision_members(entry: AuditEntry, log: str, index: int, record_id: str, time: str) -> _Members:
    """Return the members in the order of the canonical form, so that they need no sorting."""
    point, labels = entry.intervention_point, entry.result_labels
    pointers = entry.verification_pointers
    members: _Members = {
        "agent_id": bounded(entry.agent_id),
        "annotators": [bounded(name) for name in entry.annotators] if entry.annotators else [],
        "caller": bounded(entry.caller),
        "decision": entry.decision,
        "dialect": entry.dialect,
        "duration_us": entry.duration_us,
        "enforced_identity": entry.enforced_identity,
        "error_class": entry.error_class,
        "event": entry.event,
        "evidence_artefact": entry.evidence_artefact,
        "index": index,
        "input_identity": entry.input_identity,
        "intervention_point": point if point in POINT_NAMES else "unknown",
        "log": log,
        "manifest_digest": entry.manifest_digest,
        "manifest_source": entry.manifest_source,
        "mode": entry.mode,
        "policy_digest": entry.policy_digest,
        "policy_id": bounded(entry.policy_id),
        "policy_type": entry.policy_type,
        "reason": reason_code(entry.reason),
        "record_id": record_id,
        "request_id": bounded(entry.request_id),
        "result_labels": [code_or_hash(label) for label in labels] if labels else [],
        "schema": SCHEMA,
        "session_id": bounded(entry.session_id),
        "span_id": bounded(entry.span_id),
        "tenant_id": bounded(entry.tenant_id),
        "time": time,
        "tool": bounded(entry.tool),
        "trace_id": bounded(entry.trace_id),
        "transform_applied": entry.transform_applied,
        "verification_pointers": dict(pointers) if pointers else None,
    }
    if entry.notes:
        members |= _noted(entry.notes)
    if span := entry.stream_span:
        members |= {"stream": span.stream, "track": span.track, "start": span.start, "end": span.end}
    if entry.warnings:
        members["warnings"] = [code_or_hash(reason) for reason in entry.warnings[:MAX_LOGGED]]
    if entry.evidence_truncated:
        members["evidence_truncated"] = True
    if entry.event != "decision":
        members["approval"] = dict(entry.approval) if entry.approval else None
    return members


def _noted(notes: DecisionNotes) -> _Members:
    """Return the members that a policy adds: each by its name, never as it came."""
    members: _Members = {}
    if "decided_by" in notes:
        members["decided_by"] = bounded(notes["decided_by"])
    if "logged" in notes:
        members["logged"] = [code_or_hash(name) for name in notes["logged"][:MAX_LOGGED]]
    return members


def bounded(value: str | None) -> str | None:
    """Return a text of at most 256 characters as it is, and a longer one as its SHA-256."""
    return value if value is None or len(value) <= MAX_TEXT else _hashed(value)


def code_or_hash(value: str) -> str:
    """Return a text that looks like a code as it is, and another one as its SHA-256."""
    return value if is_code(value) else _hashed(value)


def _hashed(value: str) -> str:
    return "sha256:" + sha256(value.encode(errors="surrogatepass")).hexdigest()


def _condensed(members: _Members) -> bytes:
    """Hash every long text, and every list and object as a whole: what remains is under 16 KiB.

    A list keeps its type, with its hash as the only item, an object as its member `sha256`; what is
    hashed is the canonical form.
    """
    condensed = {
        name: value if name in _HEADER else _condensed_value(value) for name, value in members.items()
    }
    return orjson.dumps(condensed, option=orjson.OPT_SORT_KEYS)


def _condensed_value(value: Json) -> Json:
    match value:
        case str() if len(value) > _LONGEST_KEPT or not _encodes(value):
            return _hashed(value)
        case list() if value:
            return [_hashed(_canonical_text(value))]
        case dict() if value:
            return {"sha256": _hashed(_canonical_text(value))}
        case _:
            return value


def _canonical_text(value: Json) -> str:
    """Return the canonical form of what may hold lone surrogates, which the usual serialiser refuses."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _encodes(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
