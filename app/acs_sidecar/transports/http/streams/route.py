"""The route of streams: lines in, lines out, both at once (section 6.9)."""

import asyncio
import time
from collections.abc import Iterable
from http import HTTPStatus
from itertools import chain
from typing import Protocol

import orjson

from acs_sidecar.decision.admission import require_scope
from acs_sidecar.decision.caller import Caller, Sender
from acs_sidecar.decision.refusal import Cause, RefusalError, Refused
from acs_sidecar.decision.request import DuplicateMembers
from acs_sidecar.decision.service import DecisionService
from acs_sidecar.decision.streams.intake import Intake, StreamLimits
from acs_sidecar.decision.streams.lines import StreamFailureError
from acs_sidecar.decision.streams.opening import read_opening
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

    def begin(self, body: "_StreamBody") -> None:
        """Lift the bounds of a body, and tell `body` what becomes of it."""
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
        connection: Connection = headers.state["stream"]
        point = ""
        answer: _StreamAnswer | None = None
        refused: Refused | None = None
        try:
            with self._in_flight:
                require_scope(caller)
                _check(method, headers)
                first, following = await _first_line(reader, headers)
                opening = read_opening(first, self._duplicates)
                point = opening.point
            with self._at_once:
                intake = Intake(self._limits, time.perf_counter_ns, self._duplicates)
                body = _StreamBody(reader, following, intake, self._service)
                answer = _StreamAnswer(send, connection, body, self._timeout_s, _wants_events(pairs))
                del pairs, headers, first, following  # not kept while the stream is open
                exchange = await self._service.stream(opening, sender, intake, self._in_flight)
                if isinstance(exchange, Refused):
                    refused = exchange
                else:
                    await exchange.run(answer.write)
                    await answer.finish()
        except ClientGoneError:
            return
        except TimeoutError:
            connection.abort()
        except RefusalError as error:
            refused = await self._service.refuse(error, point, sender)
        except Exception as error:  # noqa: BLE001  # the last resort: no answer is without a verdict
            refused = await self._service.fail(error, point, sender)
        status = HTTPStatus.OK
        if refused is not None:
            reply = refusal_reply(refused.error, verdict=True)
            status = reply.status
            if not (answer and answer.begun):
                await send_reply(send, reply)
        self._metrics.answered(STREAM, status)
        if self._tracer and isinstance(sender.span, ServerSpan):
            self._tracer.end(sender.span, STREAM, status)

    def _span(self, method: str, headers: Headers) -> Span | None:
        if self._tracer:
            return self._tracer.begin(method, headers.traceparent)
        return parse_traceparent(headers.traceparent) if headers.traceparent else None


class _StreamBody:
    """What follows the first line of a stream, passed on as it arrives.

    The connection tells when: it costs no task to wait for it.
    """

    __slots__ = ("_following", "_reader", "_service", "intake")

    def __init__(
        self,
        reader: LineReader,
        following: list[bytes],
        intake: Intake,
        service: DecisionService,
    ) -> None:
        self.intake = intake
        self._reader = reader
        self._following = following
        self._service = service

    def arrived(self) -> None:
        """Pass on what has arrived. Never raises."""
        intake = self.intake
        lines, self._following = self._following, []
        try:
            for line in chain(lines, self._reader.arrived()):
                intake.take(line)
            self._reader.check()
        except LongLineError:
            detail = f"a line exceeds {self._reader.most_bytes} bytes"
            intake.fail(StreamFailureError(FailureCause.LIMIT, detail))
        except BodyEndedError:
            intake.close()
        except ClientGoneError:
            self.gone()
        except Exception as error:  # noqa: BLE001  # the last resort: no stream waits for a reader that failed
            self._service.fault(error)
            intake.stop(FailureCause.FAULT, "internal error; see the service log")

    def gone(self) -> None:
        """End the stream, as the client did."""
        self.intake.stop(FailureCause.CLIENT_GONE, "the client closed the connection")

    def expire(self) -> None:
        """End the stream after too long a silence."""
        self.intake.expire()

    def stop(self) -> None:
        """End the stream, as the service does."""
        self.intake.stop(FailureCause.SHUTDOWN, "the service is shutting down")


class _StreamAnswer:
    """The answer to one stream: its head leaves with its first line, and what follows in `body` is read then.

    Its lines are written in `timeout_s` seconds, or in the time that the stream has left.
    """

    __slots__ = ("_body", "_connection", "_events", "_send", "_timeout_s", "begun")

    def __init__(
        self, send: Send, connection: Connection, body: _StreamBody, timeout_s: float, events: bool
    ) -> None:
        self.begun = False
        self._send = send
        self._connection = connection
        self._body = body
        self._timeout_s = timeout_s
        self._events = events

    async def write(self, lines: list[dict[str, Json]]) -> None:
        """Send lines now. Raises `TimeoutError` for a client that does not read."""
        content = b"".join(self._encoded(orjson.dumps(line)) for line in lines)
        begins = not self.begun
        async with asyncio.timeout(max(self._body.intake.seconds_left, self._timeout_s)):
            if begins:
                await self._send(
                    {"type": "http.response.start", "status": HTTPStatus.OK, "headers": self._headers}
                )
                self.begun = True
            await self._send({"type": "http.response.body", "body": content, "more_body": True})
        self._connection.flush()
        if begins:
            self._connection.begin(self._body)

    async def finish(self) -> None:
        """End the answer. Raises `TimeoutError` as `write`."""
        async with asyncio.timeout(self._timeout_s):
            await self._send({"type": "http.response.body", "body": b""})

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
