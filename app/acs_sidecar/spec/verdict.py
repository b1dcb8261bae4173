"""A policy's output, normalised into a verdict (section 1.10)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.limits import Limits, exceeded
from acs_sidecar.spec.path import Path, PathSyntaxError, Root, parse_path
from acs_sidecar.spec.reasons import RUNTIME_ERROR_PREFIX, EvaluationError, Reason
from acs_sidecar.spec.values import Json, JsonObject, deeper_than, nesting_bound

__all__ = [
    "APPROVERS",
    "MAX_EVIDENCE_BYTES",
    "Decision",
    "Normalise",
    "Transform",
    "Verdict",
    "VerdictWarning",
    "apply_transform",
    "check_output",
    "check_transform",
    "checked_verdict",
    "decision_member",
    "invalid_output",
    "labels_member",
    "normalise",
    "runtime_error_verdict",
    "text_member",
]

MAX_EVIDENCE_BYTES = 4096
APPROVERS = "approvers"
"""The member in which a policy names who alone may approve (section 19.7)."""


class Decision(StrEnum):
    """The five decisions; every failure becomes `deny`."""

    ALLOW = "allow"
    DENY = "deny"
    WARN = "warn"
    ESCALATE = "escalate"
    TRANSFORM = "transform"


@dataclass(slots=True)  # not frozen, as a verdict
class Transform:
    """The replacement of one value: `path` starts at the policy target."""

    path: Path
    value: Json


@dataclass(frozen=True, slots=True)
class VerdictWarning:
    """Something that a verdict remarks upon without deciding otherwise (section 6.4)."""

    reason: str | None = None
    message: str | None = None

    def as_json(self) -> dict[str, Json]:
        """Return the members that are there."""
        members: dict[str, Json] = {}
        if self.reason is not None:
            members["reason"] = self.reason
        if self.message is not None:
            members["message"] = self.message
        return members


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles its cost
class Verdict:
    """A normalised verdict. Members that are absent or null in the policy output are `None`.

    `warnings` and `approval`, what a policy says of a refusal that can be lifted, are there from 0.4 on.
    """

    decision: Decision
    reason: str | None = None
    message: str | None = None
    transform: Transform | None = None
    evidence: JsonObject | None = None
    result_labels: tuple[str, ...] = ()
    warnings: tuple[VerdictWarning, ...] = ()
    approval: JsonObject | None = None

    def as_json(self) -> dict[str, Json]:
        """Return the verdict in the words of the policy: the `verdict` of a response under 0.3."""
        members: dict[str, Json] = {
            "decision": self.decision,
            "result_labels": list(self.result_labels),
        }
        if self.reason is not None:
            members["reason"] = self.reason
        if self.message is not None:
            members["message"] = self.message
        if self.transform is not None:
            members["transform"] = {"path": self.transform.path.text, "value": self.transform.value}
        if self.evidence is not None:
            members["evidence"] = dict(self.evidence)
        if self.warnings:
            members["warnings"] = [warning.as_json() for warning in self.warnings]
        if self.approval is not None:
            members["approval"] = dict(self.approval)
        return members


Normalise: TypeAlias = Callable[[Json], Verdict]
"""Validates the output of a policy and returns its verdict. Raises `EvaluationError`."""


_DECISIONS: Mapping[str, Decision] = {decision.value: decision for decision in Decision}


def runtime_error_verdict(reason: Reason) -> Verdict:
    """Return the deny for a failure, with the reserved reason and its fixed message (section 1.12)."""
    return Verdict(Decision.DENY, reason.value, reason.message)


def normalise(output: Json) -> Verdict:
    """Validate the output of a policy and return its verdict.

    Raises `EvaluationError` with `policy_output_invalid`, `transform_invalid` or
    `transform_target_forbidden`. Whether the transform fits the target is `apply_transform`'s to say.
    """
    if not isinstance(output, dict):
        raise invalid_output("the policy output is not an object")
    decision = decision_member(output)
    reason = text_member(output, "reason")
    if reason is not None and reason.startswith(RUNTIME_ERROR_PREFIX):
        raise invalid_output(f"`reason` starts with the reserved `{RUNTIME_ERROR_PREFIX}`")
    return Verdict(
        decision,
        reason,
        text_member(output, "message"),
        _transform(decision, output.get("transform")),
        _evidence(output.get("evidence")),
        labels_member(output.get("result_labels")),
    )


def decision_member(output: JsonObject) -> Decision:
    """Read the decision of an output. Raises `EvaluationError` where it has none, or effects."""
    decision = _DECISIONS.get(decided) if isinstance(decided := output.get("decision"), str) else None
    if decision is None:
        raise invalid_output("`decision` is not one of " + ", ".join(f"`{name}`" for name in _DECISIONS))
    if "effects" in output:
        raise invalid_output("`effects` is not part of this specification: use the `transform` decision")
    return decision


def checked_verdict(output: Json, limits: Limits, normalised: Normalise = normalise) -> Verdict:
    """Return the verdict of a policy's output that is within the limits. Raises `EvaluationError`.

    `normalised` is how the dialect of the manifest reads an output.
    """
    check_output(output, limits)
    return normalised(output)


def check_output(output: Json, limits: Limits) -> int:
    """Check that the output of a policy is JSON within the limits. Raises `EvaluationError`.

    Returns its size in bytes.
    """
    depth = limits.max_policy_input_depth
    try:
        text = canonical(output)
    except TypeError:
        if deeper_than(output, depth):
            raise exceeded("the policy output", "max_policy_input_depth", limits) from None
        raise EvaluationError(Reason.POLICY_OUTPUT_INVALID, "the policy output is not JSON") from None
    if len(text) > 2 * depth and nesting_bound(text) > depth and deeper_than(output, depth):
        raise exceeded("the policy output", "max_policy_input_depth", limits)
    if len(text) > limits.max_policy_output_bytes:
        raise exceeded("the policy output", "max_policy_output_bytes", limits)
    return len(text)


def check_transform(transform: Transform, target: Json) -> None:
    """Check that `apply_transform` can replace in the target. Raises `EvaluationError` as it does."""
    try:
        transform.path.walk(target)
    except EvaluationError:
        raise _unresolved() from None


def apply_transform(transform: Transform, target: Json) -> Json:
    """Replace in a copy of the target; the path must resolve there, for a transform never adds.

    Raises `EvaluationError` with `transform_invalid`.
    """
    try:
        return transform.path.replace(target, transform.value)
    except EvaluationError:
        raise _unresolved() from None


def _unresolved() -> EvaluationError:
    return EvaluationError(Reason.TRANSFORM_INVALID, "`transform.path` does not resolve in the policy target")


def text_member(output: JsonObject, name: str) -> str | None:
    """Read a member that is a string, absent or null. Raises `EvaluationError`."""
    value = output.get(name)
    if value is None or isinstance(value, str):
        return value
    raise invalid_output(f"`{name}` is not a string")


def _transform(decision: Decision, body: Json) -> Transform | None:
    if decision is not Decision.TRANSFORM:
        if body is None:
            return None
        raise invalid_output("`transform` is only allowed with the `transform` decision")
    if not isinstance(body, dict) or not isinstance(text := body.get("path"), str):
        raise invalid_output("the `transform` decision needs a `transform` with a string `path`")
    try:
        path = parse_path(text)
    except PathSyntaxError:
        raise EvaluationError(Reason.TRANSFORM_INVALID, "`transform.path` is not a path") from None
    if path.root is not Root.POLICY_TARGET:
        raise EvaluationError(
            Reason.TRANSFORM_TARGET_FORBIDDEN, f"`transform.path` does not start at `{Root.POLICY_TARGET}`"
        )
    if "value" not in body:
        raise EvaluationError(Reason.TRANSFORM_INVALID, "`transform.value` is missing")
    return Transform(path, body["value"])


def _evidence(evidence: Json) -> JsonObject | None:
    if evidence is None:
        return None
    if not isinstance(evidence, dict):
        raise invalid_output("`evidence` is not an object")
    artefact = evidence.get("artefact")
    if artefact is not None and not isinstance(artefact, str):
        raise invalid_output("`evidence.artefact` is not a string")
    pointers = evidence.get("verification_pointers")
    if pointers is not None and not (
        isinstance(pointers, dict) and all(isinstance(pointer, str) for pointer in pointers.values())
    ):
        raise invalid_output("`evidence.verification_pointers` does not map names to strings")
    if len(canonical(evidence)) > MAX_EVIDENCE_BYTES:
        raise invalid_output(f"`evidence` exceeds {MAX_EVIDENCE_BYTES} bytes")
    return evidence


def labels_member(labels: Json) -> tuple[str, ...]:
    """Read the labels of an output. Raises `EvaluationError`."""
    if labels is None:
        return ()
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise invalid_output("`result_labels` is not a list of strings")
    return tuple(str(label) for label in labels)


def invalid_output(detail: str) -> EvaluationError:
    """Return the failure of a policy output that breaks a rule."""
    return EvaluationError(Reason.POLICY_OUTPUT_INVALID, detail)
