"""The application: the decision routes behind the gate, FastAPI for everything else."""

from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import acs_sidecar
from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.decision.streams.intake import StreamLimits
from acs_sidecar.runtime import Runtime
from acs_sidecar.telemetry.catalogue import STREAMS
from acs_sidecar.telemetry.http_metrics import HttpMetrics
from acs_sidecar.transports.http import audit, health, manifests, metrics
from acs_sidecar.transports.http.access import Guard, allow_header, route_rules
from acs_sidecar.transports.http.decisions import DecisionRoutes
from acs_sidecar.transports.http.gate import Gate, HostRule
from acs_sidecar.transports.http.in_flight import InFlight
from acs_sidecar.transports.http.openapi import DESCRIPTION, complete_document
from acs_sidecar.transports.http.problems import PROBLEM_TYPE, problem_headers, problem_json, status_of
from acs_sidecar.transports.http.streams.route import StreamRoute

__all__ = ["create_api", "create_app"]


def create_app(runtime: Runtime) -> Gate:
    """Build the ASGI application around a runtime, which must be started.

    Raises `UndeclaredRouteError` for a route that nobody said who may use.
    """
    settings = runtime.settings
    counting = HttpMetrics(runtime.metrics)
    in_flight = InFlight(settings.max_in_flight, runtime.metrics)
    decisions = DecisionRoutes(
        runtime.service,
        settings.max_body_bytes,
        in_flight,
        settings.duplicate_members,
        counting,
        runtime.tracer,
    )
    streams = StreamRoute(
        runtime.service,
        StreamLimits(idle_seconds=settings.stream_idle_s),
        InFlight(settings.stream_max, runtime.metrics, STREAMS, "streams are open (ACS_STREAM_MAX)"),
        in_flight,
        settings.duplicate_members,
        counting,
        runtime.tracer,
        settings.request_timeout_s,
    )
    api = create_api(runtime)
    api.state.in_flight = in_flight
    rules = route_rules(api.routes)
    callers = runtime.access.callers
    guard = Guard(lambda: callers.value, rules) if callers else None
    host_rule = HostRule(settings.allowed_hosts)
    users = frozenset(settings.uds_allowed_uids)
    return Gate(
        decisions,
        streams,
        api,
        host_rule,
        guard,
        users,
        settings.max_body_bytes,
        counting,
        runtime.service.fault,
    )


def create_api(runtime: Runtime | None = None) -> FastAPI:
    """Build the FastAPI half; without a runtime only its OpenAPI document can be used."""

    api = FastAPIOffline(
        title="acs-sidecar",
        version=acs_sidecar.__version__,
        summary="The policy decision sidecar for AI agents.",
        description=DESCRIPTION,
        generate_unique_id_function=lambda route: route.name,
        redoc_url=None,
        redirect_slashes=False,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    api.state.runtime = runtime
    api.include_router(manifests.router)
    api.include_router(audit.router)
    api.include_router(health.router)
    api.include_router(metrics.router)
    api.add_exception_handler(RefusalError, _refusal)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(RequestValidationError, _invalid_request)
    api.add_exception_handler(Exception, _fault)
    complete_document(api)
    return api


def _respond(status: HTTPStatus, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(problem_json(status, detail), status, headers=headers, media_type=PROBLEM_TYPE)


def _refusal(_: Request, error: Exception) -> Response:
    if not isinstance(error, RefusalError):
        return _fault(_, error)
    headers = {name.decode(): value.decode() for name, value in problem_headers(error)}
    return _respond(status_of(error.cause), error.answer, headers)


def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return _fault(_, error)
    details = {404: "no such route", 405: "method not allowed"}
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers) if error.headers else {}
    if "Allow" in headers:
        headers["Allow"] = allow_header(headers["Allow"].split(", "))
    return _respond(status, details.get(status, status.phrase), headers)


def _invalid_request(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        return _fault(_, error)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return _respond(HTTPStatus.BAD_REQUEST, "the body is not valid JSON")
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    detail = f"`{place}`: {first['msg']}" if place else "the body is not a JSON object"
    return _respond(HTTPStatus.BAD_REQUEST, detail)


def _fault(_: Request, _error: Exception) -> Response:
    return _respond(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; see the service log")
