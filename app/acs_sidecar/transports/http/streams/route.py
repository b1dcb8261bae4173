"""The route of streams: lines in, lines out, both at once (section 6.9)."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from http import HTTPStatus
from typing import Protocol

import orjson

from acs_sidecar.decision.admission import require_scope
from acs_sidecar.decision.caller import Caller, Sender
from acs_sidecar.decision.refusal import Cause, RefusalError, Refused
from acs_sidecar.decision.request import DuplicateMembers
from acs_sidecar.decision.service import DecisionService
from acs_sidecar.decision.streams.intake import Intake, StreamLimits
from acs_sidecar.decision.streams.lines import StreamFailureError
from acs_sidecar.decision.streams.opening import StreamOpening, read_opening
from acs_sidecar.spec.owner import NOBODY
from acs_sidecar.spec.streams.vocabulary import FailureCause
from acs_sidecar.spec.trace_context import Span, parse_traceparent
from acs_sidecar.spec.values import Json
from acs_sidecar.telemetry.http_metrics import HttpMetrics
from acs_sidecar.telemetry.tracing import ServerSpan, Tracer
from acs_sidecar.transports.http.exchange import (
    Headers,
    Receive,
    Send,
    check_arrival,
    check_codings,
    check_query,
    refusal_reply,
    send_reply,
)
from acs_sidecar.transports.http.in_flight import InFlight
from acs_sidecar.transports.http.problems import HeaderPairs
from acs_sidecar.transports.http.streams.accept import prefers
from acs_sidecar.transports.http.streams.line_reader import (
    BodyEndedError,
    ClientGoneError,
    LineReader,
    LongLineError,
)

__all__ = ["EVENT_STREAM", "NDJSON", "STREAM", "StreamRoute"]

STREAM = "/v1/evaluate:stream"
NDJSON = "application/x-ndjson"
EVENT_STREAM = "text/event-stream"


class Connection(Protocol):
    """What a server lets a stream do with the connection that carries it."""

    def begin(self, stop: Callable[[], None]) -> None:
        """Lift the bounds of a body; `stop` ends the stream when the server shuts down."""
        ...

    def flush(self) -> None:
        """Write what was sent so far."""
        ...

    def abort(self) -> None:
        """Drop the connection."""
        ...


class StreamRoute:
    """Answers streams. `at_once` counts them, `in_flight` their spans while they are evaluated.

    `timeout_s` is how long a client may take to read the last line.
    """

    def __init__(
        self,
        service: DecisionService,
        limits: StreamLimits,
        at_once: InFlight,
        in_flight: InFlight,
        duplicates: DuplicateMembers,
        metrics: HttpMetrics,
        tracer: Tracer | None,
        timeout_s: float,
    ) -> None:
        self._service = service
        self._limits = limits
        self._at_once = at_once
        self._in_flight = in_flight
        self._duplicates = duplicates
        self._metrics = metrics
        self._tracer = tracer
        self._timeout_s = timeout_s

    async def answer(
        self,
        method: str,
        pairs: Iterable[tuple[bytes, bytes]],
        headers: Headers,
        caller: Caller | None,
        receive: Receive,
        send: Send,
    ) -> None:
        """Answer one request: with a stream, or with the refusal of it."""
        sender = Sender(caller, self._span(method, headers), headers.state.get("connection", NOBODY))
        reader = LineReader(receive, self._limits.line_bytes, headers.state)
        answer = _StreamAnswer(send, headers.state.get("stream"), _wants_events(pairs))
        point = ""
        refused: Refused | None
        try:
            with self._in_flight:
                require_scope(caller)
                _check(method, headers)
                first, following = await _first_line(reader, headers)
                opening = read_opening(first, self._duplicates)
                point = opening.point
            with self._at_once:
                refused = await self._stream(opening, sender, reader, following, answer)
        except ClientGoneError:
            return
        except RefusalError as error:
            refused = await self._service.refuse(error, point, sender)
        except Exception as error:  # noqa: BLE001  # the last resort: no answer is without a verdict
            refused = await self._service.fail(error, point, sender)
        status = HTTPStatus.OK
        if refused is not None:
            reply = refusal_reply(refused.error, verdict=True)
            status = reply.status
            if not answer.begun:
                await send_reply(send, reply)
        self._metrics.answered(STREAM, status)
        if self._tracer and isinstance(sender.span, ServerSpan):
            self._tracer.end(sender.span, STREAM, status)

    async def _stream(
        self,
        opening: StreamOpening,
        sender: Sender,
        reader: LineReader,
        following: list[bytes],
        answer: "_StreamAnswer",
    ) -> Refused | None:
        """Answer an opening, while what follows it is read."""
        intake = Intake(self._limits, time.perf_counter_ns, self._duplicates)
        reading: asyncio.Task[None] | None = None

        async def emit(lines: list[dict[str, Json]]) -> None:
            nonlocal reading
            async with asyncio.timeout(max(intake.seconds_left, self._timeout_s)):
                await answer.write(lines)
            if reading is None:
                answer.begin_exchange(intake)
                reading = asyncio.create_task(self._read(reader, following, intake))

        try:
            refused = await self._service.stream(opening, sender, intake, self._in_flight, emit)
            if refused is None:
                async with asyncio.timeout(self._timeout_s):
                    await answer.finish()
        except TimeoutError:
            answer.abort()
            return None
        finally:
            if reading is not None:
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    await reading
        return refused

    async def _read(self, reader: LineReader, following: list[bytes], intake: Intake) -> None:
        """Pass on what arrives, and notice when the client is gone."""
        try:
            try:
                lines = following
                while True:
                    for line in lines:
                        intake.take(line)
                    lines = await reader.lines()
            except LongLineError:
                intake.fail(
                    StreamFailureError(FailureCause.LIMIT, f"a line exceeds {reader.most_bytes} bytes")
                )
            except BodyEndedError:
                intake.close()
            await reader.until_gone()
            intake.stop(FailureCause.CLIENT_GONE, "the client closed the connection")
        except ClientGoneError:
            intake.stop(FailureCause.CLIENT_GONE, "the client closed the connection")
        except Exception as error:  # noqa: BLE001  # the last resort: no stream waits for a reader that failed
            self._service.fault(error)
            intake.stop(FailureCause.FAULT, "internal error; see the service log")

    def _span(self, method: str, headers: Headers) -> Span | None:
        if self._tracer:
            return self._tracer.begin(method, headers.traceparent)
        return parse_traceparent(headers.traceparent) if headers.traceparent else None


class _StreamAnswer:
    """The answer to one stream: its head leaves with its first line."""

    def __init__(self, send: Send, connection: Connection | None, events: bool) -> None:
        self.begun = False
        self._send = send
        self._connection = connection
        self._events = events

    async def write(self, lines: list[dict[str, Json]]) -> None:
        """Send lines now."""
        if not self.begun:
            await self._send(
                {"type": "http.response.start", "status": HTTPStatus.OK, "headers": self._headers}
            )
            self.begun = True
        body = b"".join(self._encoded(orjson.dumps(line)) for line in lines)
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        if self._connection:
            self._connection.flush()

    def begin_exchange(self, intake: Intake) -> None:
        """Lift the bounds of a body: from here the stream's own limits hold."""
        if self._connection:
            self._connection.begin(lambda: intake.stop(FailureCause.SHUTDOWN, "the service is shutting down"))

    async def finish(self) -> None:
        """End the answer."""
        await self._send({"type": "http.response.body", "body": b""})

    def abort(self) -> None:
        """Drop the connection of a client that does not read."""
        if self._connection:
            self._connection.abort()

    @property
    def _headers(self) -> list[tuple[bytes, bytes]]:
        media_type = EVENT_STREAM if self._events else NDJSON
        unbuffered: HeaderPairs = ((b"cache-control", b"no-store"), (b"x-accel-buffering", b"no"))
        return [(b"content-type", media_type.encode()), *unbuffered]

    def _encoded(self, line: bytes) -> bytes:
        return b"data: " + line + b"\n\n" if self._events else line + b"\n"


def _wants_events(pairs: Iterable[tuple[bytes, bytes]]) -> bool:
    accept = ",".join(value.decode("latin-1") for name, value in pairs if name == b"accept")
    return prefers(accept, EVENT_STREAM, NDJSON)


def _check(method: str, headers: Headers) -> None:
    """Raise `RefusalError` unless this is a POST of lines."""
    if method != "POST":
        raise RefusalError(Cause.METHOD, "only POST is allowed")
    if headers.content_type.partition(b";")[0].strip().lower() != NDJSON.encode():
        raise RefusalError(Cause.MEDIA_TYPE, f"the Content-Type must be {NDJSON}: one JSON object a line")
    check_codings(headers)
    check_query(headers)


async def _first_line(reader: LineReader, headers: Headers) -> tuple[bytes, list[bytes]]:
    """Return the first line, and those that came with it. Raises `RefusalError`, `ClientGoneError`."""
    try:
        first, *following = await reader.lines()
    except LongLineError:
        raise RefusalError(Cause.TOO_LONG, f"the first line exceeds {reader.most_bytes} bytes") from None
    except BodyEndedError:
        first, following = b"", []
    if "late" in headers.state:
        raise RefusalError(Cause.LATE, "the first line did not arrive in time")
    if not first:
        check_arrival(headers)
        raise RefusalError(Cause.MALFORMED, "the first line must be `open`, and the body is empty")
    return first, following
