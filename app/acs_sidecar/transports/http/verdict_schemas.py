"""JSON Schemas of verdicts, in both vocabularies (sections 2.1, 6.6)."""

from acs_sidecar.spec.reasons import RUNTIME_ERROR_PREFIX, Reason
from acs_sidecar.spec.verdict import Decision
from acs_sidecar.transports.http.schema_parts import (
    ANY_OBJECT,
    STRINGS,
    JsonSchema,
    names,
    open_object,
    reference,
    when,
)

__all__ = ["VERDICT_SCHEMAS"]

_VERDICT = open_object(
    "What the host must do. `deny` is also what every failure becomes. In the vocabulary `0.4` the decisions "
    "are `allow`, `deny` and `transform`, and what is absent or empty is left out.",
    {"decision": names(Decision)},
    {
        "result_labels": STRINGS | {"description": "in `0.3` always there: empty when the policy gave none"},
        "warnings": {
            "type": "array",
            "items": reference("Warning"),
            "description": "in `0.4`: what the policy remarks upon",
        },
        "approval": ANY_OBJECT
        | {"description": "in `0.4`: an approval lifts this `deny`; members are the policy's"},
        "reason": {
            "type": "string",
            "description": f"the policy's, or a reserved one that begins with `{RUNTIME_ERROR_PREFIX}`",
        },
        "message": {"type": "string"},
        "transform": reference("Transform") | {"description": "with the decision `transform` alone"},
        "evidence": reference("Evidence"),
    },
) | when("decision", Decision.TRANSFORM.value, "transform")

_DENIAL = open_object(
    "The verdict of a request that was not evaluated.",
    {
        "decision": {"type": "string", "const": Decision.DENY.value},
        "result_labels": STRINGS | {"maxItems": 0},
        "reason": {"type": "string", "pattern": f"^{RUNTIME_ERROR_PREFIX}[a-z_]+$"},
        "message": {"type": "string"},
    },
)

_TRANSFORM = open_object(
    "Which part of the policy target is replaced by which value.",
    {
        "path": {"type": "string", "description": "begins with `$policy_target`, in `0.4` with `$target`"},
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

_WARNING = open_object(
    "A remark of a verdict that decides nothing.",
    {},
    {"reason": {"type": "string"}, "message": {"type": "string"}},
)

_AGENT_VERDICT = open_object(
    "The verdict of AGENT-HOOKS-0.1, with nothing around it.",
    {"decision": {"type": "string", "enum": ["allow", "deny", "transform"]}},
    {
        "reason": {"type": "string", "pattern": "^(?!host_error:)"},
        "message": {"type": "string"},
        "warnings": {"type": "array", "items": reference("Warning")},
        "approval": ANY_OBJECT
        | {
            "description": "the policy's members, and `acs`, the `approval` of an ordinary response, where "
            "the manifest names a resolver"
        },
        "transform": reference("Transform"),
        "evidence": reference("Evidence"),
        "result_labels": STRINGS,
    },
) | when("decision", Decision.TRANSFORM.value, "transform")

_INTERCEPT_DENIAL = open_object(
    "The verdict on what was not evaluated.",
    {
        "decision": {"type": "string", "const": Decision.DENY.value},
        "reason": {"type": "string", "const": Reason.REQUEST_INVALID.value},
    },
)

_AGENT_CONTEXT: JsonSchema = {
    "type": "object",
    "description": "An agent context of AGENT-HOOKS-0.1: the members of its point and any others.",
    "required": ["spec", "interception_point", "timestamp", "sequence", "agent", "session", "target"],
    "properties": {
        "spec": {"type": "string", "pattern": "^agent-hooks/[0-9]+\\.[0-9]+$"},
        "interception_point": reference("InterventionPoint"),
        "timestamp": {"type": "string", "minLength": 1},
        "sequence": {"type": "integer", "minimum": 0},
        "agent": ANY_OBJECT | {"description": "`id` and `framework`"},
        "session": ANY_OBJECT | {"description": "`id`"},
        "target": {"description": "equal to the value that it repeats at the point"},
    },
    "additionalProperties": True,
}

VERDICT_SCHEMAS: JsonSchema = {
    "AgentContext": _AGENT_CONTEXT,
    "AgentVerdict": _AGENT_VERDICT,
    "InterceptDenial": _INTERCEPT_DENIAL,
    "Verdict": _VERDICT,
    "Denial": _DENIAL,
    "Warning": _WARNING,
    "Transform": _TRANSFORM,
    "Evidence": _EVIDENCE,
}
"""Their component schemas by name."""
