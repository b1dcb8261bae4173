"""The OpenAPI document: FastAPI's, completed with the decision routes and every problem (section 2)."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.transports.http.access import ROUTES, Access
from acs_sidecar.transports.http.openapi_schemas import SCHEMAS
from acs_sidecar.transports.http.problems import PROBLEM_TYPE
from acs_sidecar.transports.http.schema_parts import JsonSchema, reference
from acs_sidecar.transports.http.streams.route import EVENT_STREAM, NDJSON
from acs_sidecar.transports.http.streams.schemas import STREAM_SCHEMAS

__all__ = ["DESCRIPTION", "complete_document"]

DESCRIPTION = """\
Every answer of a decision route carries a verdict, and at every status but 200 that verdict is `deny`.

Objects in responses may gain members in later versions: ignore members that you do not know.

The HTTP parser answers by itself, without JSON, what is not HTTP (400), a head that is too long (431) and
a head that does not arrive in time (408)."""

_EXAMPLE: JsonSchema = {
    "snapshot": {
        "envelope": {"agent": {"id": "support-1"}},
        "tool_call": {"name": "refund", "args": {"amount_cents": 12_500}},
    },
    "manifest_ref": "support-agent",
}

_TEXTS = {
    "400": "the request is malformed; `detail` names the member",
    "401": "no credential, or one that is not known",
    "403": "the caller may not do this, or the request comes from a web page or names another host",
    "404": "there is no such thing here",
    "408": "the body did not arrive in time",
    "413": "the body is too long",
    "415": "the body is not JSON, or is compressed",
    "429": "too many requests are in flight",
    "500": "internal error; see the service log",
    "501": "the transfer coding is not `chunked`",
    "503": "the service cannot answer at present",
}
_HEADERS = {
    "401": {"WWW-Authenticate": "how to authenticate (RFC 6750)"},
    "429": {"Retry-After": "seconds to wait"},
}
_ANYWHERE = ("403", "408", "413", "415", "500", "501")
"""Statuses of every route: the gate, the reading of the body, and the last resort."""


def complete_document(api: FastAPI) -> None:
    """Make the application's OpenAPI document complete: what it describes is all that the service sends."""
    generate = api.openapi

    def openapi() -> JsonSchema:
        if api.openapi_schema is None:
            document = generate()
            document["paths"] |= _pages() | _decision_paths()
            for key, operation in _operations(document):
                operation["summary"] = operation.pop("description", operation["summary"])
                _complete(operation, ROUTES.get(key), _problem(key))
            schemas = document["components"]["schemas"]
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            schemas |= SCHEMAS | STREAM_SCHEMAS
            document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            # Whether a credential is needed is the operator's choice.
            document["security"] = [{}, {"token": []}]
            api.openapi_schema = document
        return api.openapi_schema

    api.openapi = openapi  # type: ignore[method-assign]  # the framework's documented way to extend it


def _operations(document: JsonSchema) -> Iterator[tuple[str, JsonSchema]]:
    for path, item in document["paths"].items():
        for method in ("get", "post"):
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def _problem(key: str) -> JsonSchema:
    """Return what the errors of a route have as content."""
    if key == _INTERCEPT:
        return {"application/json": {"schema": reference("InterceptDenial")}}
    return {PROBLEM_TYPE: {"schema": reference("DecisionProblem" if key in _DECISIONS else "Problem")}}


def _complete(operation: JsonSchema, access: object, problem: JsonSchema) -> None:
    """Describe the problems that a route can answer with, whoever answers for it."""
    responses = operation["responses"]
    if responses.pop("422", None) is not None and _can_be_malformed(operation):
        responses.setdefault("400", {"description": _TEXTS["400"]})
    expected = _ANYWHERE if access is Access.OPEN else (*_ANYWHERE, "401")
    for status in expected:
        responses.setdefault(status, {"description": _TEXTS[status]})
    if access is Access.OPEN:
        operation["security"] = []
    for status, response in responses.items():
        if status >= "400":
            response.setdefault("content", problem)
        if headers := _HEADERS.get(status):
            response["headers"] = {
                name: {"description": text, "schema": {"type": "string"}, "required": True}
                for name, text in headers.items()
            }
    operation["responses"] = dict(sorted(responses.items()))


def _can_be_malformed(operation: JsonSchema) -> bool:
    """True if a value can be refused: any text is a string."""
    schemas = [parameter["schema"] for parameter in operation.get("parameters", ())]
    return "requestBody" in operation or any("integer" in str(schema) for schema in schemas)


def _pages() -> JsonSchema:
    """Return the routes that FastAPI serves without describing them."""
    return {
        "/openapi.json": {
            "get": _page("get_openapi", "Return this document.", "application/json", {"type": "object"})
        },
        "/docs": {"get": _page("get_docs", "Show this document as a page.", "text/html", {"type": "string"})},
        "/docs/oauth2-redirect": {
            "get": _page("get_docs_redirect", "Serve a part of that page.", "text/html", {"type": "string"})
        },
    }


def _page(name: str, summary: str, media_type: str, schema: JsonSchema) -> JsonSchema:
    return {
        "tags": ["operation"],
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": "as it is", "content": {media_type: {"schema": schema}}}},
    }


def _decision_paths() -> JsonSchema:
    point = {
        "name": "intervention_point",
        "in": "path",
        "required": True,
        "schema": reference("InterventionPoint"),
        "example": InterventionPoint.PRE_TOOL_CALL.value,
    }
    return {
        "/v1/evaluate/{intervention_point}": {
            "parameters": [point],
            "post": _decision(
                "evaluate_at",
                "Decide at one intervention point.",
                {"schema": reference("EvaluateAtRequest"), "example": _EXAMPLE},
                "Decision",
            ),
        },
        "/v1/evaluate": {
            "post": _decision(
                "evaluate",
                "Decide; the intervention point is in the body.",
                {"schema": reference("EvaluateRequest")},
                "Decision",
            )
        },
        "/v1/evaluate:batch": {
            "post": _decision(
                "evaluate_batch",
                "Decide many at once.",
                {"schema": reference("BatchRequest")},
                "BatchResponse",
            )
        },
        "/v1/evaluate:stream": {"post": _stream()},
        "/v1/intercept": {"post": _intercept()},
        "/v1/approvals:resolve": {
            "post": _decision(
                "resolve_approval",
                "Decide again on what escalated, with its approval.",
                {"schema": reference("ResolveRequest")},
                "Resolution",
            )
        },
    }


def _decision(name: str, summary: str, content: JsonSchema, response: str) -> JsonSchema:
    responses: dict[str, Any] = {status: {"description": _TEXTS[status]} for status in ("400", "415", "429")}
    if response != "BatchResponse":  # there it is the item that names a manifest
        responses["404"] = {"description": "`manifest_ref` names no loaded manifest"}
    responses["503"] = {"description": "the audit log cannot be written"}
    responses["200"] = {
        "description": "a verdict, for every evaluation that ran; failures of it are a deny",
        "content": {"application/json": {"schema": reference(response)}},
    }
    return {
        "tags": ["decisions"],
        "operationId": name,
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": responses,
    }


def _intercept() -> JsonSchema:
    content = {"schema": reference("AgentContext")}
    operation = _decision("intercept", "Decide on an agent context of Agent Hooks.", content, "AgentVerdict")
    operation["parameters"] = [
        {
            "name": "manifest_ref",
            "in": "query",
            "required": False,
            "schema": {"type": "string"},
            "description": "name or digest of a loaded manifest",
        }
    ]
    operation["responses"]["200"]["headers"] = {
        name: {"description": text, "schema": {"type": "string"}, "required": False}
        for name, text in {
            "x-acs-audit": "the log and the index of the record, `<log>:<index>`",
            "x-acs-input-identity": "absent after a runtime error",
        }.items()
    }
    return operation


def _stream() -> JsonSchema:
    operation = _decision(
        "evaluate_stream", "Decide on text while it arrives, line by line.", {}, "StreamLine"
    )
    schema = {"schema": reference("StreamRequestLine")}
    operation["requestBody"]["content"] = {NDJSON: schema}
    operation["responses"]["200"] = {
        "description": "one JSON object a line, the last one `settled`; an answer without it failed",
        "content": {media_type: {"schema": reference("StreamLine")} for media_type in (NDJSON, EVENT_STREAM)},
    }
    return operation


_INTERCEPT = "POST /v1/intercept"
_DECISIONS = frozenset(f"POST {path}" for path in _decision_paths())
