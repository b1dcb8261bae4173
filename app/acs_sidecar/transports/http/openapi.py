"""The decision routes in the OpenAPI document; they are plain ASGI and described by hand (section 2)."""

from typing import Any

from fastapi import FastAPI

from acs_sidecar.decision.request import INCLUDES, MAX_BATCH, MAX_REQUEST_ID
from acs_sidecar.spec.approval import ApprovalOutcome
from acs_sidecar.spec.points import InterventionPoint, Mode
from acs_sidecar.spec.verdict import Decision
from acs_sidecar.transports.http.problems import PROBLEM_TYPE

__all__ = ["document_decisions"]

JsonSchema = dict[str, Any]

_OBJECT: JsonSchema = {"type": "object"}
_NULLABLE_DIGEST: JsonSchema = {"type": ["string", "null"], "pattern": "^sha256:[0-9a-f]{64}$"}
_OUTCOMES = [outcome.value for outcome in ApprovalOutcome]
_POINTS = [point.value for point in InterventionPoint]

_VERDICT: JsonSchema = {
    "type": "object",
    "required": ["decision", "result_labels"],
    "properties": {
        "decision": {"enum": [decision.value for decision in Decision]},
        "reason": {"type": "string", "description": "the policy's, or a reserved `runtime_error:…`"},
        "message": {"type": "string"},
        "transform": {
            "type": "object",
            "required": ["path", "value"],
            "properties": {"path": {"type": "string"}, "value": {}},
        },
        "evidence": _OBJECT,
        "result_labels": {"type": "array", "items": {"type": "string"}},
    },
}

_REQUEST: JsonSchema = {
    "type": "object",
    "required": ["snapshot"],
    "additionalProperties": False,
    "properties": {
        "snapshot": {"type": "object", "description": "what the host knows at this point of its loop"},
        "intervention_point": {"enum": _POINTS, "description": "when it is not in the path"},
        "mode": {"enum": [mode.value for mode in Mode], "default": Mode.ENFORCE.value},
        "manifest": {"type": ["object", "string"], "description": "the manifest itself, where accepted"},
        "manifest_signature": {
            "type": "object",
            "required": ["key_id", "signature"],
            "properties": {"key_id": {"type": "string"}, "signature": {"type": "string"}},
        },
        "manifest_ref": {"type": "string", "description": "name or digest of a loaded manifest"},
        "request_id": {"type": "string", "minLength": 1, "maxLength": MAX_REQUEST_ID},
        "include": {"type": "array", "uniqueItems": True, "items": {"enum": sorted(INCLUDES)}},
    },
}

_DECISION: JsonSchema = {
    "type": "object",
    "required": [
        "verdict",
        "transformed_policy_target_applied",
        "intervention_point",
        "mode",
        "policy_id",
        "manifest_digest",
        "input_identity",
        "enforced_identity",
        "audit",
    ],
    "properties": {
        "verdict": {"$ref": "#/components/schemas/Verdict"},
        "transformed_policy_target": {"description": "there only when applied; may be null"},
        "transformed_policy_target_applied": {"type": "boolean"},
        "intervention_point": {"type": "string"},
        "mode": {"enum": [mode.value for mode in Mode]},
        "policy_id": {"type": ["string", "null"]},
        "manifest_digest": _NULLABLE_DIGEST,
        "input_identity": _NULLABLE_DIGEST,
        "enforced_identity": _NULLABLE_DIGEST,
        "request_id": {"type": "string"},
        "detail": {"type": "string", "description": "of a runtime error, for the person who debugs"},
        "audit": {"type": ["object", "null"]},
        "approval": {
            "type": "object",
            "description": "with `escalate`, where the manifest names a resolver",
            "required": ["resolver", "type", "timeout_seconds", "on_timeout", "expires", "challenge"],
            "properties": {
                "resolver": {"type": "string"},
                "type": {"type": ["string", "null"]},
                "timeout_seconds": {"type": "integer"},
                "on_timeout": {"enum": _OUTCOMES},
                "expires": {"type": ["string", "null"], "format": "date-time"},
                "challenge": {"type": ["string", "null"], "description": "null: nobody can approve this"},
                "detail": {"type": "string", "description": "why nobody can"},
            },
        },
        "policy_input": _OBJECT,
        "trace": _OBJECT,
    },
}

_RESOLVE: JsonSchema = {
    **_REQUEST,
    "required": ["intervention_point", "snapshot"],
    "properties": {
        **_REQUEST["properties"],
        "mode": {"enum": [Mode.ENFORCE.value]},
        "challenge": {"type": ["string", "null"], "description": "as it came with the escalation"},
        "approval": {"type": "string", "description": "what an approver signed"},
        "outcome": {"enum": ["deny", "suspend"], "description": "instead: what the host itself says"},
    },
}

_RESOLUTION: JsonSchema = {
    **_DECISION,
    "properties": {
        **_DECISION["properties"],
        "approval": {
            "type": "object",
            "required": ["outcome", "by", "resolver", "approver", "expires", "escalation"],
            "properties": {
                "outcome": {"enum": [*_OUTCOMES, "pending"]},
                "by": {"enum": ["approver", "resolver", "host", "timeout", "policy", "service"]},
                "resolver": {"type": ["string", "null"]},
                "approver": {"type": ["string", "null"]},
                "expires": {"type": ["string", "null"], "format": "date-time"},
                "escalation": {"type": ["object", "null"], "description": "where it is recorded"},
            },
        },
    },
}

_PROBLEM: JsonSchema = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "verdict": {"$ref": "#/components/schemas/Verdict"},
        "request_id": {"type": "string"},
    },
}

_EXAMPLE: JsonSchema = {
    "snapshot": {
        "envelope": {"agent": {"id": "support-1"}},
        "tool_call": {"name": "refund", "args": {"amount_cents": 12_500}},
    },
    "manifest_ref": "support-agent",
}

_PROBLEMS = {
    "400": "the request is malformed; `detail` names the member",
    "401": "no credential, or one that is not known",
    "403": "the caller may not do this",
    "404": "no such route or manifest",
    "405": "only POST",
    "408": "the body did not arrive in time",
    "413": "the body is too long",
    "415": "the body is not JSON",
    "429": "too many requests in flight",
    "503": "starting, shutting down, or the audit log cannot be written",
}


def document_decisions(api: FastAPI) -> None:
    """Add the decision routes and their schemas to the application's OpenAPI document."""
    generate = api.openapi

    def openapi() -> JsonSchema:
        document = generate()
        document["paths"].update(_paths())
        components = document.setdefault("components", {})
        components.setdefault("schemas", {}).update(_schemas())
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        # Whether a credential is needed is the operator's choice.
        document["security"] = [{}, {"token": []}]
        return document

    api.openapi = openapi  # type: ignore[method-assign]  # the framework's documented way to extend it


def _paths() -> JsonSchema:
    point = {
        "name": "intervention_point",
        "in": "path",
        "required": True,
        "schema": {"enum": _POINTS},
        "example": InterventionPoint.PRE_TOOL_CALL.value,
    }
    return {
        "/v1/evaluate/{intervention_point}": {
            "parameters": [point],
            "post": _operation(
                "evaluate_at", "Decide at one intervention point.", "EvaluateRequest", "Decision"
            ),
        },
        "/v1/evaluate": {
            "post": _operation(
                "evaluate", "Decide; the intervention point is in the body.", "EvaluateRequest", "Decision"
            )
        },
        "/v1/evaluate:batch": {
            "post": _operation("evaluate_batch", "Decide many at once.", "BatchRequest", "BatchResponse")
        },
        "/v1/approvals:resolve": {
            "post": _operation(
                "resolve_approval", "Say what became of an escalation.", "ResolveRequest", "Resolution"
            )
        },
    }


def _operation(name: str, summary: str, request: str, response: str) -> JsonSchema:
    content: JsonSchema = {"schema": {"$ref": f"#/components/schemas/{request}"}}
    if name == "evaluate_at":
        content["example"] = _EXAMPLE
    return {
        "tags": ["decisions"],
        "operationId": name,
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": {
                "description": "a verdict, for every evaluation that ran; failures of it are a deny",
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{response}"}}},
            },
            **{
                status: {
                    "description": text,
                    "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
                for status, text in _PROBLEMS.items()
            },
        },
    }


def _schemas() -> JsonSchema:
    item = {"$ref": "#/components/schemas/EvaluateRequest"}
    result = {"anyOf": [{"$ref": "#/components/schemas/Decision"}, {"$ref": "#/components/schemas/Problem"}]}
    return {
        "Verdict": _VERDICT,
        "EvaluateRequest": _REQUEST,
        "Decision": _DECISION,
        "ResolveRequest": _RESOLVE,
        "Resolution": _RESOLUTION,
        "Problem": _PROBLEM,
        "BatchRequest": {
            "type": "object",
            "required": ["requests"],
            "additionalProperties": False,
            "properties": {"requests": {"type": "array", "maxItems": MAX_BATCH, "items": item}},
        },
        "BatchResponse": {
            "type": "object",
            "required": ["results"],
            "properties": {"results": {"type": "array", "items": result}},
        },
    }
