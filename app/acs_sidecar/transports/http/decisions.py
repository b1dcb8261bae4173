"""The decision routes: nothing between the bytes and the service (section 2.1)."""

import asyncio
import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache, partial
from http import HTTPStatus

import orjson

from acs_sidecar.decision.admission import require_scope
from acs_sidecar.decision.answer import Recorded, recorded_json, resolved_json
from acs_sidecar.decision.caller import Caller, Sender
from acs_sidecar.decision.intercept import INTERCEPT_REFUSAL, intercept_json
from acs_sidecar.decision.refusal import Cause, RefusalError, Refused
from acs_sidecar.decision.request import DuplicateMembers, has_exact_integers, read_evaluate
from acs_sidecar.decision.service import DecisionService
from acs_sidecar.spec.owner import NOBODY
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.trace_context import Span, parse_traceparent
from acs_sidecar.spec.values import Json
from acs_sidecar.telemetry.http_metrics import HttpMetrics
from acs_sidecar.telemetry.tracing import ServerSpan, Tracer
from acs_sidecar.transports.http.bodies import (
    identifiable,
    parse_batch,
    parse_evaluate,
    parse_intercept,
    parse_resolve,
)
from acs_sidecar.transports.http.exchange import (
    JSON_HEADERS,
    Headers,
    Receive,
    Reply,
    check_query,
    checked_body,
    read_body,
    refusal_reply,
)
from acs_sidecar.transports.http.in_flight import InFlight
from acs_sidecar.transports.http.problems import problem_headers, refusal_json, status_of

__all__ = ["PREFIX", "DecisionRoutes", "decision_refusal", "is_decision", "is_evaluation"]

PREFIX = "/v1/evaluate"
BATCH = "/v1/evaluate:batch"
POINT = "/v1/evaluate/{intervention_point}"
RESOLVE = "/v1/approvals:resolve"
INTERCEPT = "/v1/intercept"
_OTHERS = frozenset({RESOLVE, INTERCEPT})
_NEAR = {"/v1/approvals": RESOLVE, INTERCEPT: INTERCEPT, PREFIX: POINT}
_EVALUATION = re.compile(rb"/v1/evaluate(?:/[a-z_]+)?")
_STREAMS = frozenset({b"text/event-stream", b"application/x-ndjson", b"application/jsonl"})


def is_decision(path: str) -> bool:
    """True if every answer to this path carries a verdict: also where it only begins as a route's does."""
    return path.startswith(tuple(_NEAR))


@lru_cache(maxsize=256)
def is_evaluation(method: bytes, target: bytes) -> bool:
    """True if a request line asks for one decision, in the way that hosts write it."""
    return method == b"POST" and _EVALUATION.fullmatch(target) is not None


class DecisionRoutes:
    """Everything below `/v1/evaluate`, and the resolution of approvals: every answer carries a verdict."""

    def __init__(
        self,
        service: DecisionService,
        max_body_bytes: int,
        in_flight: InFlight,
        duplicates: DuplicateMembers,
        metrics: HttpMetrics,
        tracer: Tracer | None,
    ) -> None:
        self._service = service
        self._max_body_bytes = max_body_bytes
        self._in_flight = in_flight
        self._duplicates = duplicates
        self._metrics = metrics
        self._tracer = tracer

    async def answer(
        self, method: str, path: str, headers: Headers, caller: Caller | None, body: bytes | Receive
    ) -> Reply | None:
        """Answer one request; `None` when the client went away.

        `caller` is `None` where nobody needs to say who calls; `body` is where it comes from, or itself.
        """
        route, point = _route(path), path[len(PREFIX) + 1 :] if path.startswith(PREFIX) else ""
        answer: bytes | Reply | Refused
        connection = headers.state.get("connection", NOBODY)
        sender = Sender(caller, self._span(method, headers.traceparent), connection)
        event = "approval" if route == RESOLVE else "decision"
        try:
            with self._in_flight:
                try:
                    require_scope(caller)
                    if route is None:
                        near = next(route for start, route in _NEAR.items() if path.startswith(start))
                        raise RefusalError(Cause.NOT_FOUND, f"no such route: POST to {near}")
                    _check_route(method, route, headers)
                    if isinstance(body, bytes):
                        content: bytes | None = checked_body(body, headers, self._max_body_bytes)
                    else:
                        content = await read_body(body, headers, self._max_body_bytes)
                    if content is None:
                        return None
                    if path == INTERCEPT:
                        answer = await self._intercept(content, headers.query, sender)
                    else:
                        answer = await self._answer(path, point, content, sender)
                except RefusalError as error:
                    answer = await self._service.refuse(error, point, sender, event)
                except Exception as error:  # noqa: BLE001  # the last resort: no answer is without a verdict
                    answer = await self._service.fail(error, point, sender, event)
        except RefusalError as overload:
            answer = await self._service.refuse(overload, point, sender, event)
        if isinstance(answer, Refused):
            reply = decision_refusal(path, answer.error)
        else:
            reply = answer if isinstance(answer, Reply) else Reply(HTTPStatus.OK, answer)
        self._answered(route, reply.status, sender)
        return reply

    def _span(self, method: str, traceparent: bytes | None) -> Span | None:
        """Return the span of a request: our own where spans are exported, else the caller's."""
        if self._tracer:
            return self._tracer.begin(method, traceparent)
        return parse_traceparent(traceparent) if traceparent else None

    def _answered(self, route: str | None, status: int, sender: Sender) -> None:
        self._metrics.answered(route, status)
        if self._tracer and isinstance(sender.span, ServerSpan):
            self._tracer.end(sender.span, route, status)

    async def _answer(self, path: str, point: str, body: bytes, sender: Sender) -> bytes | Refused:
        """Return the body of the answer. Raises `RefusalError` for a body that is no request."""
        if path == BATCH:
            return await self._batch(body, sender)
        if path == RESOLVE:
            return await self._resolve(body, sender)
        request = parse_evaluate(body, point or None, self._duplicates)
        recorded = await self._service.decide(request, sender)
        if isinstance(recorded, Refused):
            return recorded
        return orjson.dumps(recorded_json(recorded, request.include, exact_integers=request.exact_integers))

    async def _batch(self, body: bytes, sender: Sender) -> bytes:
        items, nesting = parse_batch(body, self._duplicates)
        exact_integers = cache(partial(has_exact_integers, body))
        results = await asyncio.gather(*(self._item(item, nesting, exact_integers, sender) for item in items))
        return orjson.dumps({"results": results})

    async def _item(
        self, item: Json, nesting: int, exact_integers: Callable[[], bool], sender: Sender
    ) -> dict[str, Json]:
        try:
            request = identifiable(read_evaluate(item, None, nesting), exact_integers)
        except RefusalError as error:
            return refusal_json((await self._service.refuse(error, _named_point(item), sender)).error)
        recorded = await self._service.decide(request, sender)
        if isinstance(recorded, Refused):
            return refusal_json(recorded.error)
        return recorded_json(recorded, request.include, exact_integers=request.exact_integers)

    async def _resolve(self, body: bytes, sender: Sender) -> bytes | Refused:
        request, claim = parse_resolve(body, self._duplicates)
        resolved = await self._service.resolve(request, claim, sender)
        if isinstance(resolved, Refused):
            return resolved
        return orjson.dumps(resolved_json(resolved, request.include, exact_integers=request.exact_integers))

    async def _intercept(self, body: bytes, query: bytes, sender: Sender) -> Reply | Refused:
        """Answer an agent context with a bare verdict; where its record is stands in the headers."""
        request = parse_intercept(body, query, self._duplicates)
        recorded = await self._service.decide(request, sender)
        if isinstance(recorded, Refused):
            return recorded
        return Reply(
            HTTPStatus.OK, orjson.dumps(intercept_json(recorded)), (*JSON_HEADERS, *_positions(recorded))
        )


def decision_refusal(path: str, error: RefusalError) -> Reply:
    """Return the answer of a decision route to a request that is not evaluated."""
    if path != INTERCEPT:
        return refusal_reply(error, verdict=True)
    headers = (*JSON_HEADERS, *problem_headers(error))
    return Reply(status_of(error.cause), orjson.dumps(INTERCEPT_REFUSAL), headers)


def _positions(recorded: Recorded) -> Iterator[tuple[bytes, bytes]]:
    evaluation = recorded.decision.evaluation
    if position := recorded.position:
        yield b"x-acs-audit", f"{position.log}:{position.index}".encode()
    if evaluation:
        yield b"x-acs-input-identity", evaluation.input_identity.encode()


@lru_cache(maxsize=256)
def _route(path: str) -> str | None:
    """Return the route that a path below the prefix belongs to; `None` when there is none."""
    if path in _OTHERS or path in (PREFIX, BATCH):
        return path
    rest = path.removeprefix(PREFIX)
    return POINT if rest != path and rest[0] == "/" and rest != "/" and "/" not in rest[1:] else None


def _check_route(method: str, route: str, headers: Headers) -> None:
    """Raise `RefusalError` unless this is a POST of JSON, with no query to ignore."""
    if method != "POST":
        raise RefusalError(Cause.METHOD, "only POST is allowed")
    if headers.content_type != b"application/json":
        _check_media_type(headers.content_type)
    if route != INTERCEPT:
        check_query(headers)


def _named_point(item: Json) -> str:
    point = item.get("intervention_point") if isinstance(item, dict) else None
    return point if isinstance(point, str) else ""


def _check_media_type(content_type: bytes) -> None:
    media_type = content_type.partition(b";")[0].strip().lower()
    if media_type in _STREAMS:
        raise RefusalError(
            Cause.MEDIA_TYPE,
            "send the complete value as application/json, or text as it comes to /v1/evaluate:stream",
            reason=Reason.STREAMING_UNSUPPORTED,
        )
    if media_type != b"application/json":
        raise RefusalError(Cause.MEDIA_TYPE, "the Content-Type must be application/json")
