"""The records of a stream, and what a log says of those that did not end (section 6.9)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from acs_sidecar.audit.format.record import ServiceEvent, bounded, parse_record
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.streams.vocabulary import FailureCause, SettlementKind, StreamSpan
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Decision

__all__ = ["opened_event", "settled_event", "unsettled_streams"]

_MARK = b'"stream":"'
_CLEARING = frozenset({Decision.ALLOW.value, Decision.WARN.value})


def opened_event(
    stream: str, starts: Mapping[str, int], facts: Mapping[str, Json] | None = None
) -> ServiceEvent:
    """Return the record of a stream that opens; `starts` is where each track goes on, by its name."""
    details: dict[str, Json] = {"stream": stream, "starts": dict(starts)}
    return ServiceEvent("stream_opened", details | _bounded(facts))


def settled_event(
    stream: str,
    kind: SettlementKind,
    watermarks: Mapping[str, int],
    *,
    cause: FailureCause | None = None,
    span: StreamSpan | None = None,
    facts: Mapping[str, Json] | None = None,
) -> ServiceEvent:
    """Return the record of a settled stream.

    `watermarks` are by track, `span` is the one that settled it, `facts` is what else is known.
    """
    details: dict[str, Json] = {
        "stream": stream,
        "kind": kind.value,
        "clean": kind is SettlementKind.COMPLETE,
        "watermarks": dict(watermarks),
    }
    if kind is SettlementKind.FAILED:
        details["reason"] = Reason.STREAMING_UNSUPPORTED.value
    if cause is not None:
        details["cause"] = cause.value
    if span is not None:
        details |= {"track": span.track.value, "start": span.start, "end": span.end}
    return ServiceEvent("stream_settled", details | _bounded(facts))


def unsettled_streams(lines: Iterable[bytes], log: str) -> Iterator[ServiceEvent]:
    """Yield the record of each stream that is among the records of a log that crashed, and has no end."""
    open_streams: dict[str, dict[str, int]] = {}
    spans: Counter[str] = Counter()
    for line in lines:
        if _MARK not in line or (record := parse_record(line)) is None:
            continue
        details = record.get("details")
        if record.get("event") == "stream_settled" and isinstance(details, dict):
            open_streams.pop(str(details.get("stream")), None)
        elif record.get("event") == "stream_opened" and isinstance(details, dict):
            starts = details.get("starts")
            known = starts.items() if isinstance(starts, dict) else ()
            open_streams[str(details.get("stream"))] = {
                track: start for track, start in known if isinstance(start, int)
            }
        elif isinstance(stream := record.get("stream"), str):
            watermarks = open_streams.setdefault(stream, {})
            spans[stream] += 1
            _count(watermarks, record)
    for stream, watermarks in open_streams.items():
        yield settled_event(
            stream,
            SettlementKind.FAILED,
            watermarks,
            cause=FailureCause.CRASHED,
            facts={"spans": spans[stream], "log": log},
        )


def _bounded(facts: Mapping[str, Json] | None) -> dict[str, Json]:
    return {
        name: bounded(value) if isinstance(value, str) else value for name, value in (facts or {}).items()
    }


def _count(watermarks: dict[str, int], record: Mapping[str, Json]) -> None:
    """Raise the watermark of the track of a span that was cleared."""
    track, start, end = record.get("track"), record.get("start"), record.get("end")
    if isinstance(track, str) and isinstance(start, int) and isinstance(end, int):
        cleared = end if record.get("decision") in _CLEARING else start
        watermarks[track] = max(watermarks.get(track, 0), cleared)
