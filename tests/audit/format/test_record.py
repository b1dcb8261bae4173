"""Audit records: canonical, bounded, and without a place for content (section 4.1)."""

import dataclasses
import hashlib
import re
from collections.abc import Mapping

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs_sidecar.audit.format.record import (
    MAX_RECORD_BYTES,
    AuditEntry,
    ServiceEvent,
    record_line,
    rfc3339,
    uuid7,
)
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import Json

LOG = "acs/host/0/0123456789abcdef"
RECORD_ID = "018bcfe5-6800-7aaa-8bbb-0123456789ab"
FIELDS = """
    schema record_id time log index event manifest_source intervention_point mode decision reason error_class
    manifest_digest policy_id policy_type policy_digest annotators input_identity enforced_identity
    transform_applied result_labels evidence_artefact verification_pointers agent_id session_id tenant_id tool
    caller request_id trace_id span_id duration_us dialect
"""
TIME = "2026-01-02T03:04:05.678901Z"


def line(entry: AuditEntry | ServiceEvent) -> bytes:
    """Give the record's line at index 7."""
    return record_line(entry, LOG, 7, RECORD_ID, TIME)


def members(entry: AuditEntry | ServiceEvent) -> dict[str, Json]:
    """Give the record's members."""
    parsed: dict[str, Json] = orjson.loads(line(entry))
    return parsed


def sha256(text: str) -> str:
    """Give the form in which a record carries a hashed text."""
    return "sha256:" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def test_a_decision_has_exactly_the_fields_of_the_reference() -> None:
    """A record of a decision carries all of section 4.1 and nothing else, absent values as null."""
    assert sorted(members(AuditEntry("deny", "input"))) == sorted(FIELDS.split())


def test_a_decision_is_recorded_as_it_was() -> None:
    """Every field that the service gives arrives in the record under its name."""
    entry = AuditEntry(
        decision="transform",
        intervention_point="output",
        mode="enforce",
        reason="pii_redaction",
        error_class=None,
        dialect="0.4",
        manifest_source="operator",
        manifest_digest="sha256:aa",
        policy_id="redact",
        policy_type="rego",
        policy_digest="sha256:bb",
        annotators=("language", "pii"),
        input_identity="sha256:cc",
        enforced_identity="sha256:dd",
        transform_applied=True,
        result_labels=("gdpr", "pii/email"),
        evidence_artefact="urn:evidence:1",
        verification_pointers={"z": "https://example.com/z", "a": "https://example.com/a"},
        agent_id="agent-7",
        session_id="session-1",
        tenant_id="tenant-1",
        tool="send_mail",
        caller="gateway",
        request_id="request-1",
        trace_id="0af7651916cd43dd8448eb211c80319c",
        span_id="b7ad6b7169203331",
        duration_us=41,
        warnings=("late", "not a code"),
        evidence_truncated=True,
    )
    given_fields = dataclasses.asdict(entry)
    assert given_fields.pop("approval") is None
    assert given_fields.pop("notes") is None
    assert given_fields.pop("stream_span") is None
    given_fields.update(annotators=["language", "pii"], result_labels=["gdpr", "pii/email"])
    given_fields.update(warnings=["late", sha256("not a code")])
    assert members(entry) == {
        "schema": "acs-sidecar/audit/v1",
        "record_id": RECORD_ID,
        "time": TIME,
        "log": LOG,
        "index": 7,
        "event": "decision",
        **given_fields,
    }


def test_an_event_has_its_details() -> None:
    """A record of the service itself carries the header and the details."""
    assert members(ServiceEvent("audit_resumed", {"denials": 3})) == {
        "schema": "acs-sidecar/audit/v1",
        "record_id": RECORD_ID,
        "time": TIME,
        "log": LOG,
        "index": 7,
        "event": "audit_resumed",
        "details": {"denials": 3},
    }


@pytest.mark.parametrize(
    ("reason", "recorded"),
    [
        (None, None),
        ("runtime_error:path_missing", "runtime_error:path_missing"),
        ("a/b.c:D-9_", "a/b.c:D-9_"),
        ("x" * 96, "x" * 96),
        ("x" * 97, "policy_reason"),
        ("", "policy_reason"),
        ("the user asked for secrets", "policy_reason"),
        ("newline\n", "policy_reason"),
        ("é", "policy_reason"),
    ],
)
def test_a_reason_is_recorded_when_it_is_code_shaped(reason: str | None, recorded: str | None) -> None:
    """A reason is at most 96 of the code characters, or the word `policy_reason`."""
    assert members(AuditEntry("deny", "input", reason=reason))["reason"] == recorded


def test_labels_are_code_shaped_or_hashed() -> None:
    """A label that could be content is recorded as its SHA-256."""
    labels = ("pii/email", "my secret is 42", "x" * 97)
    assert members(AuditEntry("allow", "input", result_labels=labels))["result_labels"] == [
        "pii/email",
        sha256("my secret is 42"),
        sha256("x" * 97),
    ]


def test_an_approval_has_a_member_of_its_own() -> None:
    """A decision has none; a resolution that got no evaluation has a null one."""
    assert "approval" not in members(AuditEntry("deny", "input"))
    refused = members(AuditEntry("deny", "input", event="approval"))
    assert (refused["event"], refused["approval"]) == ("approval", None)
    approved = AuditEntry("allow", "input", event="approval", approval={"approver": "alice"})
    assert members(approved)["approval"] == {"approver": "alice"}


@pytest.mark.parametrize("point", [*InterventionPoint, "unknown"])
def test_the_eight_points_are_recorded_by_name(point: str) -> None:
    """A configured point's name is recorded."""
    assert members(AuditEntry("deny", point))["intervention_point"] == point


@pytest.mark.parametrize("point", ["", "Output", "my secret is 42"])
def test_any_other_point_is_unknown(point: str) -> None:
    """A caller's text never becomes a point."""
    assert members(AuditEntry("deny", point))["intervention_point"] == "unknown"


@pytest.mark.parametrize(
    "field", ["agent_id", "session_id", "tenant_id", "tool", "caller", "request_id", "policy_id", "trace_id"]
)
def test_identifiers_longer_than_256_characters_are_hashed(field: str) -> None:
    """256 characters are kept as they are, 257 become their SHA-256."""
    kept, hashed = AuditEntry("deny", "input"), AuditEntry("deny", "input")
    setattr(kept, field, "é" * 256)
    setattr(hashed, field, "é" * 257)
    assert members(kept)[field] == "é" * 256
    assert members(hashed)[field] == sha256("é" * 257)


def test_a_lone_surrogate_is_hashed() -> None:
    """What UTF-8 cannot hold does not stop a record: it is hashed."""
    entry = AuditEntry("deny", "input", agent_id="a\ud800", session_id="s")
    assert members(entry)["agent_id"] == sha256("a\ud800")
    assert members(entry)["session_id"] == "s"


def test_a_record_that_would_be_too_long_has_its_long_values_hashed() -> None:
    """Past 16 KiB, long texts, lists and objects become their SHA-256; short values stay."""
    pointers = {"p": "u" * 3000}
    labels = tuple(f"label-{number}" for number in range(3000))
    entry = AuditEntry(
        "allow",
        "input",
        agent_id="a" * 200,
        tool="short",
        result_labels=labels,
        verification_pointers=pointers,
    )
    recorded = members(entry)
    assert recorded["agent_id"] == sha256("a" * 200)
    assert recorded["tool"] == "short"
    assert recorded["log"] == LOG
    assert recorded["result_labels"] == [sha256(canonical(list(labels)).decode())]
    assert recorded["verification_pointers"] == {"sha256": sha256(canonical(pointers).decode())}


texts = st.one_of(st.none(), st.text(st.characters(), max_size=400), st.just("\x01" * 256))
names = st.lists(st.text(st.characters(), max_size=300), max_size=20).map(tuple)


@given(
    st.builds(
        AuditEntry,
        decision=st.sampled_from(["allow", "deny"]),
        intervention_point=st.text(),
        reason=texts,
        policy_id=texts,
        annotators=names,
        result_labels=names,
        evidence_artefact=st.one_of(st.none(), st.text(st.characters(), max_size=4000)),
        verification_pointers=st.one_of(
            st.none(), st.dictionaries(st.text(max_size=9), st.text(max_size=99))
        ),
        agent_id=texts,
        session_id=texts,
        tenant_id=texts,
        tool=texts,
        caller=texts,
        request_id=texts,
    )
)
def test_a_record_is_always_one_canonical_line_of_at_most_16_kib(entry: AuditEntry) -> None:
    """Whatever comes, the record is canonical JSON without a line break, and bounded."""
    text = line(entry)
    assert len(text) <= MAX_RECORD_BYTES
    assert b"\n" not in text
    assert canonical(orjson.loads(text)) == text


@pytest.mark.slow
@given(st.dictionaries(st.text(), st.recursive(st.text(), lambda inner: st.lists(inner, max_size=40))))
def test_an_event_is_always_one_canonical_line(details: Mapping[str, Json]) -> None:
    """Events keep to the same form and bound."""
    text = line(ServiceEvent("manifests_reloaded", details))
    assert len(text) <= MAX_RECORD_BYTES
    assert canonical(orjson.loads(text)) == text


def test_content_finds_no_place() -> None:
    """Canaries in everything that a policy words freely do not reach the record."""
    canary = "canary words of a user"
    entry = AuditEntry("deny", canary, reason=canary, result_labels=(canary,))
    assert b"canary" not in line(entry)


def test_record_ids_are_uuid7() -> None:
    """A record's ID is a UUIDv7 of its time: version, variant, time and randomness in their places."""
    text = uuid7(0x0123456789AB, bytes(range(10)))
    assert text == "01234567-89ab-7000-9020-304050607080"
    for seed in range(64):
        value = uuid7(1_700_000_000_000, hashlib.sha256(bytes([seed])).digest()[:10])
        assert re.fullmatch(r"018bcfe5-6800-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", value)


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (70_809, "1970-01-01T00:00:00.070809Z"),
        (1_000_007, "1970-01-01T00:00:01.000007Z"),
        (1_767_323_045_678_901, "2026-01-02T03:04:05.678901Z"),
        (1_767_323_045_000_001, "2026-01-02T03:04:05.000001Z"),
    ],
)
def test_times_are_rfc_3339_in_utc_with_microseconds(microseconds: int, text: str) -> None:
    """A time is UTC with six digits of fraction, whatever the host's zone."""
    assert rfc3339(microseconds) == text
