"""JSON Schemas of requests to the decision routes and of their responses (section 2.1).

The other routes have pydantic models.
"""

from acs_sidecar.audit.format.receipt import RECEIPT_SCHEMA
from acs_sidecar.decision.request import INCLUDES, MAX_BATCH, MAX_REQUEST_ID
from acs_sidecar.spec.approval import ApprovalOutcome
from acs_sidecar.spec.dialects.dialect import Vocabulary
from acs_sidecar.spec.points import InterventionPoint, Mode
from acs_sidecar.transports.http.schema_parts import (
    ANY_OBJECT,
    COUNT,
    MICROSECONDS,
    NULLABLE_DIGEST,
    STRINGS,
    JsonSchema,
    names,
    nullable,
    open_object,
    reference,
    request_object,
    when,
)
from acs_sidecar.transports.http.verdict_schemas import VERDICT_SCHEMAS

__all__ = ["EVALUATE", "SCHEMAS"]

EVALUATE: JsonSchema = {
    "snapshot": ANY_OBJECT | {"description": "what the host knows at this point of its loop"},
    "mode": reference("Mode") | {"default": Mode.ENFORCE.value},
    "manifest": {
        "anyOf": [ANY_OBJECT, {"type": "string"}],
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
    "dialect": reference("Vocabulary")
    | {"description": "the vocabulary of the verdict; without it that of the manifest"},
    "include": {
        "type": "array",
        "uniqueItems": True,
        "items": reference("Include"),
        "description": "what to add to the response",
    },
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
    "dialect": reference("Vocabulary")
    | {"description": "of the verdict; absent where it is `0.3` and nobody asked"},
    "detail": {"type": "string", "description": "of a runtime error, for the person who debugs"},
    "policy_input": reference("PolicyInput") | {"description": "with `include`, when it was built"},
    "trace": reference("Trace") | {"description": "with `include`"},
    "receipt": reference("Receipt") | {"description": "with `include`, where an audit log is kept"},
    "explain": reference("Explanation") | {"description": "with `include`"},
    "context_identity": NULLABLE_DIGEST
    | {"description": "with `include`: `jcs-sha256` of an agent context; null where it has none"},
}
_LABELLED: JsonSchema = {
    "if": {"properties": {"dialect": {"const": Vocabulary.FIVE_DECISIONS.value}}},
    "then": {"properties": {"verdict": {"required": ["result_labels"]}}},
}
"""Only in the older vocabulary are labels there where there are none."""

_APPLIED = {
    part: schema | _LABELLED if part in {"then", "else"} else schema
    for part, schema in when("transformed_policy_target_applied", True, "transformed_policy_target").items()
}

_POLICY_INPUT = open_object(
    "Exactly what the policy was given.",
    {
        "intervention_point": reference("InterventionPoint"),
        "policy_target": reference("PolicyTarget"),
        "snapshot": ANY_OBJECT,
        "annotations": ANY_OBJECT | {"description": "by annotator"},
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

_TRACE_STEP = open_object("One step.", {"step": {"type": "string"}, "duration_us": MICROSECONDS})

_TRACE: JsonSchema = {
    **open_object(
        "How the decision was made. Policy types add members of their own.",
        {
            "steps": {"type": "array", "items": reference("TraceStep"), "description": "in order"},
            "annotators": {"type": "object", "additionalProperties": MICROSECONDS},
            "policy_type": {"type": ["string", "null"]},
        },
        {
            "query": {"type": "string", "description": "of `rego`"},
            "determining": STRINGS | {"description": "of `cedar`: the ids of the policies that decided"},
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
                "items": ANY_OBJECT,
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
        "proof": STRINGS | {"description": "inclusion proof (RFC 9162), hashes in base64"},
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

SCHEMAS: JsonSchema = VERDICT_SCHEMAS | {
    "InterventionPoint": names(InterventionPoint),
    "Mode": names(Mode),
    "Vocabulary": names(Vocabulary),
    "Include": names(sorted(INCLUDES)),
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
