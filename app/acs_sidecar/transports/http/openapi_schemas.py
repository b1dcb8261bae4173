"""JSON Schemas of requests to the decision routes and of their responses (section 2.1).

The other routes have pydantic models.
"""

from collections.abc import Iterable
from typing import Any

from acs_sidecar.audit.format.receipt import RECEIPT_SCHEMA
from acs_sidecar.decision.request import INCLUDES, MAX_BATCH, MAX_REQUEST_ID
from acs_sidecar.spec.approval import ApprovalOutcome
from acs_sidecar.spec.points import InterventionPoint, Mode
from acs_sidecar.spec.reasons import RUNTIME_ERROR_PREFIX
from acs_sidecar.spec.verdict import Decision

__all__ = [
    "COUNT",
    "EVALUATE",
    "NULLABLE_DIGEST",
    "SCHEMAS",
    "JsonSchema",
    "names",
    "nullable",
    "open_object",
    "reference",
    "request_object",
]

JsonSchema = dict[str, Any]

_ANY_OBJECT: JsonSchema = {"type": "object", "additionalProperties": True}
_STRINGS: JsonSchema = {"type": "array", "items": {"type": "string"}}
NULLABLE_DIGEST: JsonSchema = {"type": ["string", "null"], "pattern": "^sha256:[0-9a-f]{64}$"}
COUNT: JsonSchema = {"type": "integer", "minimum": 0}
_MICROSECONDS: JsonSchema = {"type": "number", "minimum": 0, "description": "microseconds"}


def reference(name: str) -> JsonSchema:
    """Return the reference to a component schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def nullable(name: str, description: str) -> JsonSchema:
    """Return a reference, or null."""
    return {"anyOf": [reference(name), {"type": "null"}], "description": description}


def open_object(description: str, required: JsonSchema, optional: JsonSchema | None = None) -> JsonSchema:
    """Return an object that may gain members in later versions."""
    return {
        "type": "object",
        "description": description,
        "required": list(required),
        "properties": required | (optional or {}),
    }


def _when(member: str, value: object, required: str) -> JsonSchema:
    """Require a member exactly where another has a value."""
    return {
        "if": {"properties": {member: {"const": value}}},
        "then": {"required": [required]},
        "else": {"not": {"required": [required]}},
    }


def names(values: Iterable[str]) -> JsonSchema:
    """Return a text that is one of some."""
    return {"type": "string", "enum": [str(value) for value in values]}


_VERDICT = open_object(
    "What the host must do. `deny` is also what every failure becomes.",
    {
        "decision": names(Decision),
        "result_labels": _STRINGS | {"description": "empty when the policy gave none"},
    },
    {
        "reason": {
            "type": "string",
            "description": f"the policy's, or a reserved one that begins with `{RUNTIME_ERROR_PREFIX}`",
        },
        "message": {"type": "string"},
        "transform": reference("Transform") | {"description": "with the decision `transform` alone"},
        "evidence": reference("Evidence"),
    },
) | _when("decision", Decision.TRANSFORM.value, "transform")

_DENIAL = open_object(
    "The verdict of a request that was not evaluated.",
    {
        "decision": {"type": "string", "const": Decision.DENY.value},
        "result_labels": _STRINGS | {"maxItems": 0},
        "reason": {"type": "string", "pattern": f"^{RUNTIME_ERROR_PREFIX}[a-z_]+$"},
        "message": {"type": "string"},
    },
)

_TRANSFORM = open_object(
    "Which part of the policy target is replaced by which value.",
    {
        "path": {"type": "string", "description": "begins with `$policy_target`"},
        "value": {"description": "any JSON value"},
    },
)

_EVIDENCE: JsonSchema = {
    "type": "object",
    "description": "What a policy can point to; members of its own are allowed.",
    "properties": {
        "artefact": {"type": ["string", "null"]},
        "verification_pointers": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
        "approvers": {
            "description": "with `escalate`: the names and groups of the approvers who alone may approve; "
            "if it is not a list of names, nobody may"
        },
    },
    "additionalProperties": True,
}

EVALUATE: JsonSchema = {
    "snapshot": _ANY_OBJECT | {"description": "what the host knows at this point of its loop"},
    "mode": reference("Mode") | {"default": Mode.ENFORCE.value},
    "manifest": {
        "anyOf": [_ANY_OBJECT, {"type": "string"}],
        "description": "the manifest itself, where accepted: an object, or YAML or JSON text",
    },
    "manifest_signature": reference("Signature") | {"description": "with `manifest` alone"},
    "manifest_ref": {"type": "string", "description": "name or digest of a loaded manifest"},
    "request_id": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_REQUEST_ID,
        "description": "printable characters; echoed and recorded",
    },
    "include": {
        "type": "array",
        "uniqueItems": True,
        "items": reference("Include"),
        "description": "what to add to the response",
    },
}


def request_object(description: str, required: list[str], members: JsonSchema) -> JsonSchema:
    """Return an object of a request, which has no other members."""
    return {
        "type": "object",
        "description": description,
        "required": required,
        "properties": members,
        "additionalProperties": False,
    }


_DECISION_MEMBERS: JsonSchema = {
    "verdict": reference("Verdict"),
    "transformed_policy_target_applied": {"type": "boolean"},
    "intervention_point": {"type": "string", "description": "as in the request, known or not"},
    "mode": reference("Mode"),
    "policy_id": {"type": ["string", "null"], "description": "the manifest's name of the policy"},
    "manifest_digest": NULLABLE_DIGEST,
    "input_identity": NULLABLE_DIGEST | {"description": "null after a runtime error"},
    "enforced_identity": NULLABLE_DIGEST | {"description": "null after a runtime error"},
    "audit": nullable("AuditPosition", "where the record is; null where no audit log is kept"),
}
_DECISION_OPTIONS: JsonSchema = {
    "transformed_policy_target": {"description": "any JSON value; present only when applied, may be null"},
    "request_id": {"type": "string"},
    "detail": {"type": "string", "description": "of a runtime error, for the person who debugs"},
    "policy_input": reference("PolicyInput") | {"description": "with `include`, when it was built"},
    "trace": reference("Trace") | {"description": "with `include`"},
    "receipt": reference("Receipt") | {"description": "with `include`, where an audit log is kept"},
    "explain": reference("Explanation") | {"description": "with `include`"},
}
_APPLIED = _when("transformed_policy_target_applied", True, "transformed_policy_target")

_POLICY_INPUT = open_object(
    "Exactly what the policy was given.",
    {
        "intervention_point": reference("InterventionPoint"),
        "policy_target": reference("PolicyTarget"),
        "snapshot": _ANY_OBJECT,
        "annotations": _ANY_OBJECT | {"description": "by annotator"},
        "tool": {"type": ["object", "null"], "additionalProperties": True},
    },
)

_POLICY_TARGET = open_object(
    "The part of the snapshot that the policy is about.",
    {
        "kind": {"type": ["string", "null"]},
        "path": {"type": "string"},
        "value": {"description": "any JSON value"},
    },
)

_TRACE_STEP = open_object("One step.", {"step": {"type": "string"}, "duration_us": _MICROSECONDS})

_TRACE: JsonSchema = {
    **open_object(
        "How the decision was made. Policy types add members of their own.",
        {
            "steps": {"type": "array", "items": reference("TraceStep"), "description": "in order"},
            "annotators": {"type": "object", "additionalProperties": _MICROSECONDS},
            "policy_type": {"type": ["string", "null"]},
        },
        {
            "query": {"type": "string", "description": "of `rego`"},
            "determining": _STRINGS | {"description": "of `cedar`: the ids of the policies that decided"},
        },
    ),
    "additionalProperties": True,
}

_EXPLANATION: JsonSchema = {
    **open_object(
        "Why the decision is as it is, for people: members may be added from version to version.",
        {
            "policy": {
                "anyOf": [reference("PolicyExplanation"), {"type": "null"}],
                "description": "null where the policy was not asked, or explains nothing",
            },
            "annotators": {
                "type": "array",
                "items": _ANY_OBJECT,
                "description": "`annotator`, `type`, `from`, `outcome`, and `findings` with their `text`",
            },
            "remedy": {
                "type": ["string", "null"],
                "description": "what to change, after a runtime error",
            },
        },
    ),
    "additionalProperties": True,
}

_POLICY_EXPLANATION: JsonSchema = {
    "type": "object",
    "description": "What a policy says of an evaluation, at most 64 KiB, or why it is `unavailable`.",
    "properties": {
        "kind": {"type": "string", "description": "`rego`, `cedar`, `agt_rules`, `combine`, or an adapter's"},
        "unavailable": {"type": "string"},
    },
    "additionalProperties": True,
}

_RECEIPT = open_object(
    "Proves offline that a record is in the audit log.",
    {
        "schema": {"type": "string", "const": RECEIPT_SCHEMA},
        "record": {"type": "string", "description": "the exact line"},
        "index": COUNT,
        "proof": _STRINGS | {"description": "inclusion proof (RFC 9162), hashes in base64"},
        "checkpoint": {"type": "string", "description": "signed note that covers the record"},
    },
)

_OFFER = open_object(
    "How an escalation can be approved; without a challenge nobody can.",
    {
        "resolver": {"type": "string"},
        "type": {"type": ["string", "null"], "description": "of the resolver; null when it is not declared"},
        "timeout_seconds": {"type": "integer", "minimum": 1},
        "on_timeout": names(ApprovalOutcome),
        "expires": {"type": ["string", "null"], "format": "date-time"},
        "challenge": {"type": ["string", "null"], "description": "to be sent back with the approval"},
    },
    {"detail": {"type": "string", "description": "why nobody can approve it"}},
)

_OUTCOME = open_object(
    "What became of an escalation, and who decided it.",
    {
        "outcome": names([*ApprovalOutcome, "pending"]),
        "by": {
            "type": "string",
            "enum": ["approver", "resolver", "host", "timeout", "policy", "service"],
        },
        "resolver": {"type": ["string", "null"]},
        "approver": {"type": ["string", "null"]},
        "expires": {"type": ["string", "null"], "format": "date-time"},
        "escalation": nullable("AuditPosition", "where the escalation is recorded"),
    },
)

_PROBLEM_MEMBERS: JsonSchema = {
    "type": {"type": "string", "format": "uri-reference"},
    "title": {"type": "string"},
    "status": {"type": "integer", "minimum": 400, "maximum": 599},
    "detail": {"type": "string", "description": "what is wrong and what to do, without request content"},
}

SCHEMAS: JsonSchema = {
    "InterventionPoint": names(InterventionPoint),
    "Mode": names(Mode),
    "Include": names(sorted(INCLUDES)),
    "Verdict": _VERDICT,
    "Denial": _DENIAL,
    "Transform": _TRANSFORM,
    "Evidence": _EVIDENCE,
    "EvaluateAtRequest": request_object(
        "One evaluation; the intervention point is in the path and may be repeated here.",
        ["snapshot"],
        EVALUATE | {"intervention_point": reference("InterventionPoint")},
    ),
    "EvaluateRequest": request_object(
        "One evaluation.",
        ["intervention_point", "snapshot"],
        {"intervention_point": reference("InterventionPoint")} | EVALUATE,
    ),
    "BatchRequest": request_object(
        "Many evaluations.",
        ["requests"],
        {"requests": {"type": "array", "maxItems": MAX_BATCH, "items": reference("EvaluateRequest")}},
    ),
    "ResolveRequest": request_object(
        "The evaluation that escalated, and what is known about its approval.",
        ["intervention_point", "snapshot"],
        {"intervention_point": reference("InterventionPoint")}
        | EVALUATE
        | {
            "mode": {"type": "string", "enum": [Mode.ENFORCE.value], "default": Mode.ENFORCE.value},
            "challenge": {"type": ["string", "null"], "description": "as it came with the escalation"},
            "approval": {"type": "string", "description": "what an approver signed"},
            "outcome": {
                "type": "string",
                "enum": [ApprovalOutcome.DENY.value, ApprovalOutcome.SUSPEND.value],
                "description": "instead of `approval`: what the host itself has decided",
            },
        },
    ),
    "Decision": open_object(
        "The answer to an evaluation that ran, whatever came of it.",
        _DECISION_MEMBERS,
        _DECISION_OPTIONS
        | {
            "approval": reference("ApprovalOffer")
            | {"description": "with `escalate` in `enforce` mode, where the manifest names a resolver"}
        },
    )
    | _APPLIED,
    "Resolution": open_object(
        "The decision that follows from an approval.",
        _DECISION_MEMBERS | {"approval": reference("ApprovalResult")},
        _DECISION_OPTIONS,
    )
    | _APPLIED,
    "BatchResponse": open_object(
        "The answers, in the order of the requests.",
        {
            "results": {
                "type": "array",
                "maxItems": MAX_BATCH,
                "items": {"oneOf": [reference("Decision"), reference("DecisionProblem")]},
            }
        },
    ),
    "AuditPosition": open_object(
        "Where a record is in the audit log.",
        {"log": {"type": "string"}, "index": COUNT, "record_id": {"type": "string", "format": "uuid"}},
    ),
    "ApprovalOffer": _OFFER,
    "ApprovalResult": _OUTCOME,
    "PolicyInput": _POLICY_INPUT,
    "PolicyTarget": _POLICY_TARGET,
    "Trace": _TRACE,
    "TraceStep": _TRACE_STEP,
    "Receipt": _RECEIPT,
    "Explanation": _EXPLANATION,
    "PolicyExplanation": _POLICY_EXPLANATION,
    "Problem": open_object("Problem details (RFC 9457).", _PROBLEM_MEMBERS),
    "DecisionProblem": open_object(
        "Problem details (RFC 9457) of a request for a decision: they carry a deny.",
        _PROBLEM_MEMBERS | {"verdict": reference("Denial")},
        {"request_id": {"type": "string"}},
    ),
}
"""The component schemas by name."""
