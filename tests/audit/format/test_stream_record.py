"""Section 6.9.4: the record of a stream that ended, and what a log says of those that did not."""

from typing import Any

import orjson

from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent, record_line
from acs_sidecar.audit.format.stream_record import opened_event, settled_event, unsettled_streams
from acs_sidecar.spec.streams.vocabulary import FailureCause, SettlementKind, StreamSpan, TrackName


def _lines(*entries: AuditEntry | ServiceEvent) -> list[bytes]:
    return [record_line(entry, "log", index, "id", "time") for index, entry in enumerate(entries)]


def _span(stream: str, start: int, end: int, decision: str = "allow", **members: Any) -> AuditEntry:
    track = members.pop("track", TrackName.RESPONSE)
    return AuditEntry(decision, "output", stream_span=StreamSpan(stream, track, start, end), **members)


def _settled(stream: str) -> ServiceEvent:
    return settled_event(stream, SettlementKind.COMPLETE, {"response": 1})


def test_a_span_says_where_it_is_in_its_stream() -> None:
    """The record of a decision has members for its span where it has one, and else none."""
    span, whole = map(orjson.loads, _lines(_span("s", 2, 5), AuditEntry("allow", "output")))
    assert {name: span[name] for name in ("stream", "track", "start", "end")} == {
        "stream": "s",
        "track": "response",
        "start": 2,
        "end": 5,
    }
    assert whole.keys().isdisjoint({"stream", "track", "start", "end"})
    assert orjson.dumps(span, option=orjson.OPT_SORT_KEYS) == _lines(_span("s", 2, 5))[0]


def test_a_settlement_has_no_free_text() -> None:
    """A long fact becomes its hash, and a failure has reason and cause."""
    event = settled_event(
        "s",
        SettlementKind.FAILED,
        {"response": 4},
        cause=FailureCause.IDLE,
        span=StreamSpan("s", TrackName.RESPONSE, 1, 2),
        facts={"caller": "x" * 300, "spans": 1, "request_id": None},
    )
    assert event.event == "stream_settled"
    assert str(event.details["caller"]).startswith("sha256:")
    assert {name: event.details[name] for name in event.details if name != "caller"} == {
        "stream": "s",
        "kind": "failed",
        "clean": False,
        "watermarks": {"response": 4},
        "reason": "runtime_error:streaming_unsupported",
        "cause": "idle",
        "track": "response",
        "start": 1,
        "end": 2,
        "spans": 1,
        "request_id": None,
    }


def test_streams_without_an_end_are_found() -> None:
    """Each stream that opened, or has a span, and no end is settled where its last clearance is, and no other."""
    lines = _lines(
        opened_event("silent", {"response": 4, "request": 0}),
        opened_event("done", {"response": 0}),
        opened_event("open", {"response": 0}),
        _span("done", 0, 1),
        _span("open", 0, 3),
        _span("open", 3, 5, "warn"),
        _settled("done"),
        AuditEntry("allow", "output", request_id='"stream":"forged"'),
        _span("open", 5, 9, "deny"),
        _span("open", 0, 4, track=TrackName.REQUEST),
        _span("resumed", 7, 9, "escalate"),
    )
    events = [*unsettled_streams(lines, "acs/host/0/x")]
    assert [event.event for event in events] == ["stream_settled"] * 3
    assert [event.details for event in events] == [
        {
            "stream": stream,
            "kind": "failed",
            "clean": False,
            "watermarks": watermarks,
            "reason": "runtime_error:streaming_unsupported",
            "cause": "crashed",
            "spans": spans,
            "log": "acs/host/0/x",
        }
        for stream, watermarks, spans in (
            ("silent", {"response": 4, "request": 0}, 0),
            ("open", {"response": 5, "request": 4}, 4),
            ("resumed", {"response": 7}, 1),
        )
    ]


def test_what_is_no_record_settles_nothing() -> None:
    """A line that is not canonical, or whose members have other types, is no span."""
    lines = [
        b'{"stream":"a", "track":1}',
        b'{"stream":"b"',
        b'{"end":"x","start":0,"stream":"c","track":1}',
        b'{"details":{"starts":{"response":"x"},"stream":"d"},"event":"stream_opened"}',
        b'{"details":{"stream":"e"},"event":"stream_opened"}',
        b'{"details":"stream","stream":"","event":"stream_opened"}',
    ]
    events = [event.details for event in unsettled_streams(lines, "log")]
    assert [(event["stream"], event["watermarks"]) for event in events] == [("c", {}), ("d", {}), ("e", {})]
