"""The output of a 0.4 or 0.5 policy, normalised into a verdict (section 6.4)."""

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.dialects.evidence import EVIDENCE_TRUNCATED, read_evidence
from acs_sidecar.spec.dialects.transform_path import parse_transform_path
from acs_sidecar.spec.reasons import HOST_ERROR_PREFIX, RUNTIME_ERROR_PREFIX
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import (
    Decision,
    Transform,
    Verdict,
    VerdictWarning,
    decision_member,
    invalid_output,
    labels_member,
    text_member,
)

__all__ = ["MAX_APPROVAL_BYTES", "MAX_WARNINGS", "normalise_output"]

MAX_WARNINGS = 64
MAX_APPROVAL_BYTES = 16 * 1024
_RESERVED = (RUNTIME_ERROR_PREFIX, HOST_ERROR_PREFIX)


def normalise_output(output: Json) -> Verdict:
    """Validate the output of a policy and return its verdict.

    A deny with an `approval` is an escalation: a refusal that an approval lifts. Raises `EvaluationError`
    with `policy_output_invalid`, `transform_invalid` or `transform_target_forbidden`.
    """
    if not isinstance(output, dict):
        raise invalid_output("the policy output is not an object")
    decision = decision_member(output)
    reason = _unreserved(text_member(output, "reason"), "`reason`")
    if decision is Decision.WARN and reason == EVIDENCE_TRUNCATED:
        raise invalid_output(f"`reason` of a `warn` is the reserved `{EVIDENCE_TRUNCATED}`")
    approval = None if (told := output.get("approval")) is None else _approval(decision, told)
    warnings = () if (listed := output.get("warnings")) is None else _warnings(listed)
    evidence, cut = (None, None) if (found := output.get("evidence")) is None else read_evidence(found)
    return Verdict(
        Decision.ESCALATE if approval is not None else decision,
        reason,
        text_member(output, "message"),
        _transform(decision, output.get("transform")),
        evidence,
        labels_member(output.get("result_labels")),
        (*warnings, cut) if cut else warnings,
        approval,
    )


def _unreserved(reason: str | None, subject: str) -> str | None:
    if reason is not None and reason.startswith(_RESERVED):
        prefix = next(prefix for prefix in _RESERVED if reason.startswith(prefix))
        raise invalid_output(f"{subject} starts with the reserved `{prefix}`")
    return reason


def _warnings(warnings: Json) -> tuple[VerdictWarning, ...]:
    if not isinstance(warnings, list):
        raise invalid_output("`warnings` is not a list")
    if len(warnings) > MAX_WARNINGS:
        raise invalid_output(f"`warnings` has more than {MAX_WARNINGS} items")
    return tuple(_warning(warning) for warning in warnings)


def _warning(warning: Json) -> VerdictWarning:
    if not isinstance(warning, dict):
        raise invalid_output("an item of `warnings` is not an object")
    reason, message = warning.get("reason"), warning.get("message")
    if not isinstance(reason, str | None) or not isinstance(message, str | None):
        raise invalid_output("`reason` or `message` of a warning is not a string")
    if reason == EVIDENCE_TRUNCATED:
        raise invalid_output(f"`reason` of a warning is the reserved `{EVIDENCE_TRUNCATED}`")
    return VerdictWarning(_unreserved(reason, "`reason` of a warning"), message)


def _approval(decision: Decision, approval: Json) -> JsonObject:
    if decision not in {Decision.DENY, Decision.ESCALATE}:
        raise invalid_output("`approval` is only allowed with the decisions `deny` and `escalate`")
    if not isinstance(approval, dict):
        raise invalid_output("`approval` is not an object")
    if len(canonical(approval)) > MAX_APPROVAL_BYTES:
        raise invalid_output(f"`approval` exceeds {MAX_APPROVAL_BYTES} bytes")
    return approval


def _transform(decision: Decision, body: Json) -> Transform | None:
    if decision is not Decision.TRANSFORM:
        if body is None:
            return None
        raise invalid_output("`transform` is only allowed with the `transform` decision")
    if not isinstance(body, dict) or not isinstance(text := body.get("path"), str):
        raise invalid_output("the `transform` decision needs a `transform` with a string `path` and `value`")
    path = parse_transform_path(text)
    if "value" not in body:
        raise invalid_output("the `transform` decision needs a `transform` with a string `path` and `value`")
    return Transform(path, body["value"])
