"""One stream: each span is evaluated behind all text before it, and the end is recorded (section 6.9)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.audit.format.record import ServiceEvent
from acs_sidecar.audit.format.stream_record import opened_event
from acs_sidecar.decision.admission import Admission
from acs_sidecar.decision.answer import Recorded, refused_span_json, span_json
from acs_sidecar.decision.boundary import invalid_manifest, no_point
from acs_sidecar.decision.caller import Sender
from acs_sidecar.decision.refusal import Cause, RefusalError, Refused
from acs_sidecar.decision.request import EvaluateRequest
from acs_sidecar.decision.settlement import Ending, Settlement
from acs_sidecar.decision.streams.intake import ArrivedSpan, Intake
from acs_sidecar.decision.streams.lines import End, StreamFailureError
from acs_sidecar.decision.streams.opening import StreamOpening, TrackOpening
from acs_sidecar.spec.dialects.dialect import Vocabulary
from acs_sidecar.spec.manifest.compiled import CompiledManifest, InvalidManifest
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.streams.vocabulary import FailureCause, SettlementKind, StreamSpan, TrackName, settles
from acs_sidecar.spec.values import Json

__all__ = ["Emit", "StreamExchange", "StreamService", "admitted_manifest"]

Emit = Callable[[list[dict[str, Json]]], Awaitable[None]]
"""Sends lines of an answer and returns when more may be sent.

MAY raise `TimeoutError` for a peer that reads nothing.
"""


_FAULT = Ending(SettlementKind.FAILED, cause=FailureCause.FAULT, detail="internal error")


class StreamService(Protocol):
    """What a stream asks of the decision service."""

    async def decide(self, request: EvaluateRequest, sender: Sender) -> Recorded | Refused:
        """Decide on one span. Never raises."""
        ...

    async def refuse(
        self,
        error: RefusalError,
        point: str,
        sender: Sender,
        event: str = ...,
        stream_span: StreamSpan | None = None,
    ) -> Refused:
        """Record and report a span that is not evaluated."""
        ...

    async def opened(self, event: ServiceEvent, request_id: str | None) -> None:
        """Record a stream that opens. Raises `RefusalError` where it cannot be recorded."""
        ...

    async def settled(self, settlement: Settlement) -> AuditPosition | None:
        """Record and report a stream that ended. Raises `RefusalError` where it cannot be recorded."""
        ...

    def fault(self, error: Exception) -> None:
        """Report an internal error."""
        ...


class _Track:
    """The text of one track so far, how much of it is cleared, and the bytes of its snapshot with it."""

    __slots__ = ("cleared", "opening", "size", "text")

    def __init__(self, opening: TrackOpening) -> None:
        self.opening = opening
        self.text = ""
        self.cleared = opening.start
        self.size = opening.size

    @property
    def untouched(self) -> bool:
        """True if nothing of the whole text is cleared yet."""
        return self.cleared == 0

    def add(self, text: str, stream: str) -> StreamSpan:
        """Return the span that a text is."""
        start = self.opening.start + len(self.text)
        self.text += text
        return StreamSpan(stream, self.opening.name, start, start + len(text))


class StreamExchange:
    """A stream that is admitted. `manifest` is what all of it is evaluated against.

    `counted` counts a span as one request while it is evaluated. `clock` gives nanoseconds. `vocabulary` is
    that of the answer where the opening or the operator names one.
    """

    __slots__ = (
        "_asked_vocabulary", "_clock", "_counted", "_evaluated_bytes", "_intake", "_manifest", "_opening",
        "_sender", "_service", "_spans", "_stream", "_tracks", "_vocabulary",
    )  # fmt: skip

    def __init__(
        self,
        stream: str,
        opening: StreamOpening,
        *,
        manifest: CompiledManifest,
        sender: Sender,
        service: StreamService,
        intake: Intake,
        counted: AbstractContextManager[None],
        vocabulary: Vocabulary | None,
        clock: Callable[[], int],
    ) -> None:
        self._stream = stream
        self._opening = opening
        self._manifest = manifest
        self._sender = sender
        self._service = service
        self._intake = intake
        self._counted = counted
        self._asked_vocabulary = vocabulary
        self._vocabulary = vocabulary or manifest.dialect.vocabulary
        self._clock = clock
        self._tracks = {track.name: _Track(track) for track in opening.tracks}
        self._spans = 0
        self._evaluated_bytes = 0

    async def run(self, emit: Emit) -> None:
        """Answer the stream to its end. That it opens, and however it ends, is recorded before it is said.

        Raises `RefusalError`, with nothing said, where it cannot be recorded that it opens.
        """
        started = self._clock()
        ending = _FAULT
        try:
            await self._service.opened(self._opened_event(), self._opening.request_id)
            self._intake.begin({track: self._most_text(track) for track in self._tracks})
            await emit([self._opened()])
            while (ended := await self._answer(emit)) is None:
                await self._intake.change()
            ending = ended
        except StreamFailureError as failure:
            ending = _failed(failure.cause, failure.detail)
        except RefusalError as error:
            ending = _failed(FailureCause.UNRECORDED, error.detail)
            raise
        except TimeoutError:
            ending = _failed(FailureCause.LIMIT, "the client did not read the answer in time")
        except asyncio.CancelledError:
            ending = _failed(FailureCause.SHUTDOWN, "the service shut down")
            raise
        except Exception as error:  # noqa: BLE001  # the last resort: no stream ends without a record
            self._service.fault(error)
        finally:
            settlement = self._settlement(ending, self._clock() - started)
            last = await self._recorded(settlement)
        await emit([last])

    async def _answer(self, emit: Emit) -> Ending | None:
        """Evaluate what has arrived, span after span; `None` unless the stream ends.

        Raises `StreamFailureError`. Nothing of it is kept while the stream waits.
        """
        while (span := await self._intake.next()) is not None:
            if isinstance(span, End):
                return Ending(SettlementKind.COMPLETE)
            lines, ending = await self._decide(span)
            self._intake.evaluated()
            await emit(lines)
            if ending is not None:
                return ending
            await asyncio.sleep(0)  # others take their turn, also where nothing was waited for
        return None

    async def _decide(self, arrived: ArrivedSpan) -> tuple[list[dict[str, Json]], Ending | None]:
        """Evaluate one span: the lines that answer it, and how it ends the stream, if it does."""
        track = self._tracks[arrived.track]
        track.size += arrived.size * len(track.opening.places)
        self._evaluated_bytes += track.size
        if self._evaluated_bytes > self._intake.limits.evaluated_bytes:
            mib = self._intake.limits.evaluated_bytes >> 20
            raise StreamFailureError(
                FailureCause.LIMIT, f"more than {mib} MiB of snapshots would be evaluated: cut less often"
            )
        span = track.add(arrived.text, self._stream)
        self._spans += 1
        answer = await self._evaluate(track, span)
        if isinstance(answer, Refused):
            denied = _span_line(span, refused_span_json(answer.error, self._vocabulary))
            return [denied], Ending(SettlementKind.DENIED, span)
        line = _span_line(span, span_json(answer))
        kind = settles(answer.decision.verdict.decision, self._opening.level, untouched=track.untouched)
        if kind is None:
            track.cleared = span.end
            return [line, {"watermark": {"track": span.track, "offset": span.end}}], None
        if kind is SettlementKind.FAILED:
            return [line], _failed(FailureCause.TRANSFORM, self._untransformable())
        return [line], Ending(kind, span)

    async def _evaluate(self, track: _Track, span: StreamSpan) -> Recorded | Refused:
        opened = track.opening.request
        request = EvaluateRequest(
            point=opened.point,
            snapshot=track.opening.snapshot_with(track.text),
            nesting=opened.nesting,
            request_id=opened.request_id,
            vocabulary=self._asked_vocabulary,
            admitted=self._manifest,
            stream_span=span,
        )
        try:
            with self._counted:
                return await self._service.decide(request, self._sender)
        except RefusalError as overload:
            return await self._service.refuse(overload, opened.point, self._sender, stream_span=span)

    def _untransformable(self) -> str:
        if not self._opening.level.withholds:
            return "the policy transforms text that was emitted as it arrived"
        return "the policy transforms text of which a part is cleared or was delivered before"

    async def _recorded(self, settlement: Settlement) -> dict[str, Json]:
        """Record how the stream ended and return its last line; unrecorded, it failed."""
        try:
            return settlement.as_json(await self._service.settled(settlement))
        except RefusalError as error:
            ending = _failed(FailureCause.UNRECORDED, error.detail)
            return self._settlement(ending, settlement.duration_ns).as_json(None)

    def _settlement(self, ending: Ending, duration_ns: int) -> Settlement:
        return Settlement(
            stream=self._stream,
            ending=ending,
            watermarks={name: track.cleared for name, track in self._tracks.items()},
            spans=self._spans,
            manifest_digest=self._manifest.digest,
            request_id=self._opening.request_id,
            vocabulary=self._vocabulary,
            sender=self._sender,
            duration_ns=duration_ns,
        )

    def _opened_event(self) -> ServiceEvent:
        return opened_event(
            self._stream,
            {name.value: track.opening.start for name, track in self._tracks.items()},
            {
                "manifest_digest": self._manifest.digest,
                "caller": self._sender.name,
                "request_id": self._opening.request_id,
            },
        )

    def _opened(self) -> dict[str, Json]:
        tracks: dict[str, Json] = {
            name.value: {
                "intervention_point": track.opening.request.point,
                "policy_id": self._manifest.points[track.opening.request.point].config.policy,
                "manifest_digest": self._manifest.digest,
            }
            for name, track in self._tracks.items()
        }
        members: dict[str, Json] = {"stream": self._stream, "tracks": tracks}
        if self._asked_vocabulary or self._vocabulary is not Vocabulary.FIVE_DECISIONS:
            members["dialect"] = self._vocabulary
        return {"opened": members}

    def _most_text(self, track: TrackName) -> int:
        point = self._tracks[track].opening.request.point
        return self._manifest.points[point].limits.max_snapshot_bytes


async def admitted_manifest(admission: Admission, opening: StreamOpening, sender: Sender) -> CompiledManifest:
    """Admit each track and return the manifest of all. Raises `RefusalError`."""
    first, *others = opening.tracks
    manifest = await admission.admit(first.request, sender)
    for track in others:
        await admission.admit(replace(track.request, admitted=manifest), sender)
    if isinstance(manifest, InvalidManifest):
        raise _refused(invalid_manifest(manifest), opening)
    for track in opening.tracks:
        if track.request.point not in manifest.points:
            raise _refused(no_point(track.request.point, manifest), opening)
    return manifest


def _refused(error: EvaluationError, opening: StreamOpening) -> RefusalError:
    return RefusalError(Cause.MALFORMED, error.detail, reason=error.reason, request_id=opening.request_id)


def _span_line(span: StreamSpan, decided: Mapping[str, Json]) -> dict[str, Json]:
    return {"span": {"track": span.track, "start": span.start, "end": span.end, **decided}}


def _failed(cause: FailureCause, detail: str) -> Ending:
    return Ending(SettlementKind.FAILED, cause=cause, detail=detail)
