"""How a stream ended: its record and the last line of its answer (section 6.9)."""

from collections.abc import Mapping
from dataclasses import dataclass

from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.audit.format.record import ServiceEvent
from acs_sidecar.audit.format.stream_record import settled_event
from acs_sidecar.decision.answer import position_json
from acs_sidecar.decision.caller import Sender
from acs_sidecar.spec.dialects.dialect import Vocabulary
from acs_sidecar.spec.dialects.vocabulary import told_failure
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.streams.vocabulary import FailureCause, SettlementKind, StreamSpan, TrackName
from acs_sidecar.spec.values import Json

__all__ = ["Ending", "Settlement"]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a stream ends: by a verdict on `span`, at its end, or by a failure with its `cause`."""

    kind: SettlementKind
    span: StreamSpan | None = None
    cause: FailureCause | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A stream that ended.

    `watermarks` is where each track is cleared up to; `duration_ns` in nanoseconds.
    """

    stream: str
    ending: Ending
    watermarks: Mapping[TrackName, int]
    spans: int
    manifest_digest: str | None
    request_id: str | None
    vocabulary: Vocabulary
    sender: Sender
    duration_ns: int

    @property
    def reason(self) -> Reason | None:
        """The reserved reason of a failure."""
        return Reason.STREAMING_UNSUPPORTED if self.ending.kind is SettlementKind.FAILED else None

    def event(self) -> ServiceEvent:
        """Return what is recorded."""
        span = self.sender.span
        return settled_event(
            self.stream,
            self.ending.kind,
            {str(track): offset for track, offset in self.watermarks.items()},
            cause=self.ending.cause,
            span=self.ending.span,
            facts={
                "spans": self.spans,
                "manifest_digest": self.manifest_digest,
                "caller": self.sender.name,
                "request_id": self.request_id,
                "trace_id": span.trace_id if span else None,
                "span_id": span.span_id if span else None,
                "duration_us": self.duration_ns // 1_000,
            },
        )

    def as_json(self, position: AuditPosition | None) -> dict[str, Json]:
        """Return the last line of the answer; `position` is that of the record."""
        ending = self.ending
        members: dict[str, Json] = {"kind": ending.kind}
        if self.reason is not None:
            members["reason"] = told_failure(self.reason, self.vocabulary)
        if ending.span is not None:
            members |= {"track": ending.span.track, "start": ending.span.start, "end": ending.span.end}
        if ending.detail is not None:
            members["detail"] = ending.detail
        members["clean"] = ending.kind is SettlementKind.COMPLETE
        members["watermarks"] = {track.value: offset for track, offset in self.watermarks.items()}
        members["audit"] = None if position is None else position_json(position)
        return {"settled": members}
