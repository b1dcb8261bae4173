"""JSON Schemas of the lines of a stream and of its answer (section 6.9)."""

from acs_sidecar.decision.streams.opening import MAX_START
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.streams.vocabulary import SOURCES, TRACK_POINTS, SafetyLevel, SettlementKind, TrackName
from acs_sidecar.transports.http.openapi_schemas import EVALUATE
from acs_sidecar.transports.http.schema_parts import (
    COUNT,
    NULLABLE_DIGEST,
    JsonSchema,
    names,
    nullable,
    open_object,
    reference,
    request_object,
)

__all__ = ["STREAM_SCHEMAS"]

_OPENING = ("dialect", "manifest", "manifest_signature", "manifest_ref", "request_id")
_TRACK_NAME = names(TrackName)
_OFFSET = COUNT | {"description": "in Unicode scalar values"}


def _track(name: TrackName) -> JsonSchema:
    point: InterventionPoint = TRACK_POINTS[name]
    return reference("StreamTrack") | {"description": f"evaluated at `{point}`"}


def _line(description: str, member: str, schema: str) -> JsonSchema:
    return open_object(description, {member: reference(schema)}) | {"additionalProperties": False}


_OPEN = request_object(
    "What the stream is evaluated against, and which texts will arrive: at least one.",
    ["safety_level"],
    {name: EVALUATE[name] for name in _OPENING}
    | {
        "safety_level": names(SafetyLevel)
        | {"description": "`deferred`: the host emits text as it comes; else only what is cleared"}
    }
    | {name.value: _track(name) for name in TrackName},
)

_STREAM_TRACK = request_object(
    "One text.",
    ["snapshot", "text"],
    {
        "snapshot": EVALUATE["snapshot"],
        "text": {"type": "string", "description": "the path of a string in the snapshot, which it replaces"},
        "start": _OFFSET | {"default": 0, "maximum": MAX_START},
        "tail": {"type": "string", "description": "with `start`: the end of what was delivered before"},
    },
)

_TEXT = request_object(
    "Text that arrived.",
    ["text", "source"],
    {
        "text": {"type": "string"},
        "source": names(SOURCES),
        "cut": {"type": "boolean", "default": True, "description": "ends a span, which is evaluated"},
    },
)

_OPENED_TRACK = open_object(
    "What decides on the spans of a track.",
    {
        "intervention_point": reference("InterventionPoint"),
        "policy_id": {"type": "string"},
        "manifest_digest": NULLABLE_DIGEST,
    },
)

_SPAN = open_object(
    "The decision on a span.",
    {
        "track": _TRACK_NAME,
        "start": _OFFSET,
        "end": _OFFSET,
        "verdict": reference("Verdict"),
        "input_identity": NULLABLE_DIGEST | {"description": "null after a runtime error"},
        "audit": nullable("AuditPosition", "where the record is"),
    },
    {
        "detail": {"type": "string", "description": "of a runtime error"},
        "transformed_policy_target": {"description": "any JSON value; with a transform"},
    },
)

_WATERMARK = open_object(
    "Text below `offset` may be emitted and stored. It only rises.",
    {"track": _TRACK_NAME, "offset": _OFFSET},
)

_SETTLED = open_object(
    "How the stream ended: the last line. An answer without it failed.",
    {
        "kind": names(SettlementKind),
        "clean": {"type": "boolean", "description": "true for `complete` alone"},
        "watermarks": {"type": "object", "additionalProperties": _OFFSET, "description": "by track"},
        "audit": nullable("AuditPosition", "where it is recorded"),
    },
    {
        "reason": {"type": "string", "description": "with `failed` alone"},
        "detail": {"type": "string", "description": "with `failed`: what to do"},
        "track": _TRACK_NAME | {"description": "of the span that settled it"},
        "start": _OFFSET,
        "end": _OFFSET,
    },
)

STREAM_SCHEMAS: JsonSchema = {
    "StreamRequestLine": {
        "description": "One line of a stream: `open` is the first, `end` the last.",
        "oneOf": [
            request_object("The first line.", ["open"], {"open": reference("StreamOpen")}),
            reference("StreamText"),
            request_object("There is no more text.", ["end"], {"end": {"type": "boolean", "const": True}}),
        ],
    },
    "StreamOpen": _OPEN,
    "StreamTrack": _STREAM_TRACK,
    "StreamText": _TEXT,
    "StreamLine": {
        "description": "One line of the answer; with `text/event-stream`, the `data` of one event.",
        "oneOf": [
            _line("The first line.", "opened", "StreamOpened"),
            _line("One per span.", "span", "StreamSpan"),
            _line("Behind a span that is cleared.", "watermark", "StreamWatermark"),
            _line("The last line.", "settled", "StreamSettled"),
        ],
    },
    "StreamOpened": open_object(
        "The stream has begun.",
        {
            "stream": {"type": "string", "format": "uuid", "description": "its name in records"},
            "tracks": {"type": "object", "additionalProperties": reference("StreamOpenedTrack")},
        },
        {"dialect": reference("Vocabulary") | {"description": "the vocabulary of the answer"}},
    ),
    "StreamOpenedTrack": _OPENED_TRACK,
    "StreamSpan": _SPAN,
    "StreamWatermark": _WATERMARK,
    "StreamSettled": _SETTLED,
}
"""The component schemas by name."""
