"""The decision routes as a plain ASGI endpoint: nothing between the bytes and the service (section 2.1)."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import orjson

from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.decision.answer import decision_json, offer_json, resolution_json
from acs_sidecar.decision.caller import Caller, Scope
from acs_sidecar.decision.refusal import ProblemError
from acs_sidecar.decision.request import (
    EvaluateRequest,
    parse_batch,
    parse_evaluate,
    parse_resolve,
    read_evaluate,
)
from acs_sidecar.decision.sender import Sender
from acs_sidecar.decision.service import DecisionService, Recorded
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.trace_context import Span, parse_traceparent
from acs_sidecar.spec.values import Json
from acs_sidecar.telemetry.http_metrics import HttpMetrics
from acs_sidecar.telemetry.tracing import ServerSpan, Tracer
from acs_sidecar.transports.http.access import out_of_scope
from acs_sidecar.transports.http.exchange import Headers, Receive, Send, read_body, send_problem, send_verdict

__all__ = ["PREFIX", "DecisionRoutes", "Receipts", "is_decision"]

PREFIX = "/v1/evaluate"
BATCH = "/v1/evaluate:batch"
POINT = "/v1/evaluate/{intervention_point}"
RESOLVE = "/v1/approvals:resolve"
_STREAMS = frozenset({b"text/event-stream", b"application/x-ndjson", b"application/jsonl"})


Receipts = Callable[[AuditPosition], Awaitable[Json]]
"""Gives the receipt of a record that is in the log (section 4.5)."""


def is_decision(path: str) -> bool:
    """Tell whether every answer to this path carries a verdict."""
    return path.startswith(PREFIX) or path == RESOLVE


class DecisionRoutes:
    """Everything below `/v1/evaluate`, and the resolution of approvals: every answer carries a verdict."""

    def __init__(
        self,
        service: DecisionService,
        receipts: Receipts,
        max_body_bytes: int,
        max_in_flight: int,
        included: frozenset[str],
        metrics: HttpMetrics,
        tracer: Tracer | None,
    ) -> None:
        self._service = service
        self._receipts = receipts
        self._max_body_bytes = max_body_bytes
        self._max_in_flight = max_in_flight
        self._included = included
        self._metrics = metrics
        self._tracer = tracer
        self.in_flight = 0

    async def serve(
        self,
        method: str,
        path: str,
        headers: Headers,
        caller: Caller | None,
        receive: Receive,
        send: Send,
    ) -> None:
        """Answer one request; `caller` is `None` where nobody needs to say who calls."""
        route, point = _route(path), path[len(PREFIX) + 1 :]
        sender = Sender(caller, self._span(method, headers.traceparent))
        if self.in_flight >= self._max_in_flight:
            await self._refuse(send, _too_many(self._max_in_flight), route, point, sender)
            return
        self.in_flight += 1
        self._metrics.in_flight.set(self.in_flight)
        try:
            if caller is not None and Scope.EVALUATE not in caller.scopes:
                raise out_of_scope(Scope.EVALUATE)
            _check_route(method, route, headers)
            body = await read_body(receive, headers, self._max_body_bytes)
            if body is None:
                return
            if path == BATCH:
                answer = await self._batch(body, sender)
            elif path == RESOLVE:
                answer = await self._resolve(body, sender)
            else:
                request = self._permitted(parse_evaluate(body, point or None), sender)
                recorded = await self._service.decide(request)
                answer = orjson.dumps(await self._response(recorded, request.include))
        except ProblemError as problem:
            await self._refuse(send, problem, route, point, sender)
            return
        except Exception as error:  # noqa: BLE001  # the last resort: no answer here is without a verdict
            self._service.fault(error)
            await self._refuse(send, _fault(), route, point, sender)
            return
        finally:
            self.in_flight -= 1
            self._metrics.in_flight.set(self.in_flight)
        self._answered(route, HTTPStatus.OK, sender)
        await send_verdict(send, headers, answer)

    def _span(self, method: str, traceparent: bytes | None) -> Span | None:
        """Give the span of a request: our own where spans are exported, else the caller's."""
        if self._tracer:
            return self._tracer.begin(method, traceparent)
        return parse_traceparent(traceparent) if traceparent else None

    def _answered(self, route: str | None, status: int, sender: Sender) -> None:
        self._metrics.answered(route, status)
        if self._tracer and isinstance(sender.span, ServerSpan):
            self._tracer.end(sender.span, route, status)

    async def _refuse(
        self, send: Send, problem: ProblemError, route: str | None, asked: str, sender: Sender
    ) -> None:
        event = "approval" if route == RESOLVE else "decision"
        problem = await self._service.refuse(problem, asked, sender, event)
        self._answered(route, problem.status, sender)
        await send_problem(send, problem, verdict=True)

    async def _batch(self, body: bytes, sender: Sender) -> bytes:
        items, nesting = parse_batch(body)
        results = await asyncio.gather(*(self._item(item, nesting, sender) for item in items))
        return orjson.dumps({"results": results})

    async def _resolve(self, body: bytes, sender: Sender) -> bytes:
        request, claim = parse_resolve(body)
        resolved = await self._service.resolve(self._permitted(request, sender), claim)
        response = resolution_json(resolved.resolution, resolved.position, request.include)
        await self._add_receipt(response, resolved.position, request.include)
        return orjson.dumps(response)

    async def _item(self, item: Json, nesting: int, sender: Sender) -> dict[str, Json]:
        try:
            request = self._permitted(read_evaluate(item, None, nesting), sender)
            recorded = await self._service.decide(request)
        except ProblemError as problem:
            return (await self._service.refuse(problem, _named_point(item), sender)).as_json()
        return await self._response(recorded, request.include)

    async def _response(self, recorded: Recorded, include: frozenset[str]) -> dict[str, Json]:
        response = decision_json(recorded.decision, recorded.position, include)
        if recorded.offer:
            response["approval"] = offer_json(recorded.offer)
        if include:
            await self._add_receipt(response, recorded.position, include)
        return response

    async def _add_receipt(
        self, response: dict[str, Json], position: AuditPosition | None, include: frozenset[str]
    ) -> None:
        if "receipt" in include and position:
            response["receipt"] = await self._receipts(position)

    def _permitted(self, request: EvaluateRequest, sender: Sender) -> EvaluateRequest:
        caller = sender.caller
        request.span = sender.span
        if caller is not None:
            request.caller = caller
            if not caller.speaks_for(request.snapshot):
                raise ProblemError(
                    HTTPStatus.FORBIDDEN,
                    "this caller is not allowed to act for this agent (`snapshot.envelope.agent.id`)",
                    request_id=request.request_id,
                    cause="agent",
                )
        if request.include <= self._included:
            return request
        name = min(request.include - self._included)
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            f"`include` of `{name}` is disabled by the operator (ACS_INCLUDE)",
            request_id=request.request_id,
        )


def _route(path: str) -> str | None:
    """Give the route that a path below the prefix belongs to; `None` when there is none."""
    rest = path[len(PREFIX) :]
    if not rest or path in {BATCH, RESOLVE}:
        return path
    return POINT if rest[0] == "/" and rest != "/" and "/" not in rest[1:] else None


def _check_route(method: str, route: str | None, headers: Headers) -> None:
    """Raise `ProblemError` (404, 405, 415) unless this is a POST of JSON to a route that is here."""
    if route is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "no such route: POST to /v1/evaluate/{intervention_point}")
    if method != "POST":
        raise ProblemError(
            HTTPStatus.METHOD_NOT_ALLOWED, "only POST is allowed", headers=((b"allow", b"POST"),)
        )
    if headers.content_type != b"application/json":
        _check_media_type(headers.content_type)


def _named_point(item: Json) -> str:
    point = item.get("intervention_point") if isinstance(item, dict) else None
    return point if isinstance(point, str) else ""


def _check_media_type(content_type: bytes) -> None:
    media_type = content_type.partition(b";")[0].strip().lower()
    if media_type in _STREAMS:
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "streams are not supported: send the complete value as application/json",
            reason=Reason.STREAMING_UNSUPPORTED,
        )
    if media_type != b"application/json":
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the Content-Type must be application/json")


def _fault() -> ProblemError:
    return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; see the service log")


def _too_many(limit: int) -> ProblemError:
    return ProblemError(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"more than {limit} requests are in flight",
        headers=((b"retry-after", b"1"),),
    )
