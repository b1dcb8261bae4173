"""Streams of text: tracks, levels, spans, and what a verdict means for one (section 6.9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.verdict import Decision

__all__ = [
    "SOURCES",
    "TRACK_POINTS",
    "FailureCause",
    "SafetyLevel",
    "SettlementKind",
    "StreamSpan",
    "TrackName",
    "settles",
]


class TrackName(StrEnum):
    """One of the two texts of a stream, each with its own offsets and watermark."""

    REQUEST = "request"
    RESPONSE = "response"


TRACK_POINTS: Final[Mapping[TrackName, InterventionPoint]] = {
    TrackName.REQUEST: InterventionPoint.INPUT,
    TrackName.RESPONSE: InterventionPoint.POST_MODEL_CALL,
}
"""Where the spans of a track are evaluated."""

SOURCES: Final[Mapping[str, TrackName]] = {
    "user_request": TrackName.REQUEST,
    "model_generated": TrackName.RESPONSE,
}
"""The `source` of a text and the track that it belongs to."""


class SafetyLevel(StrEnum):
    """When the host emits text: `deferred` as it comes, the others only what is cleared."""

    BLOCKING = "blocking"
    COMPLETE = "complete"
    DEFERRED = "deferred"

    @property
    def withholds(self) -> bool:
        """True if nothing is emitted before it is cleared."""
        return self is not SafetyLevel.DEFERRED


class SettlementKind(StrEnum):
    """How a stream ends."""

    COMPLETE = "complete"
    DENIED = "denied"
    REWRITTEN = "rewritten"
    FAILED = "failed"


class FailureCause(StrEnum):
    """Why a stream failed: the word of records, events and metrics."""

    TRANSFORM = "transform"
    AFTER_END = "after_end"
    NO_END = "no_end"
    MALFORMED = "malformed"
    LIMIT = "limit"
    IDLE = "idle"
    SHUTDOWN = "shutdown"
    CLIENT_GONE = "client_gone"
    UNRECORDED = "unrecorded"
    CRASHED = "crashed"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class StreamSpan:
    """The part `[start, end)` of a track's text, in Unicode scalar values."""

    stream: str
    track: TrackName
    start: int
    end: int


def settles(decision: Decision, level: SafetyLevel, *, untouched: bool) -> SettlementKind | None:
    """Return how the verdict on a span ends its stream; `None` where the span is cleared.

    `untouched` is whether the track began at 0 and nothing of it is cleared: only then can the host still
    replace all of it.
    """
    match decision:
        case Decision.ALLOW | Decision.WARN:
            return None
        case Decision.DENY | Decision.ESCALATE:
            return SettlementKind.DENIED
        case Decision.TRANSFORM:
            replaceable = untouched and level.withholds
            return SettlementKind.REWRITTEN if replaceable else SettlementKind.FAILED
        case _:
            assert_never(decision)
