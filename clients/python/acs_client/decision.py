"""A verdict and what came with it, read from a response of the service (section 12.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acs_client.values import SnapshotError, encode, to_json

__all__ = ["PERMITS", "UNAVAILABLE", "Decision", "ProtocolError", "read_bare", "read_decision", "read_denial"]

PERMITS = frozenset({"allow", "warn", "transform"})
DECISIONS = PERMITS | {"deny", "escalate"}
UNAVAILABLE = "runtime_error:policy_invocation_failed"


class ProtocolError(Exception):
    """A response has no usable verdict; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One verdict of the service, or one that the client synthesised because there was none.

    `value` is the policy target to go on with: the transformed one where a transform was applied.
    """

    point: str
    decision: str
    reason: str | None = None
    message: str | None = None
    value: Any = None
    transformed: bool = False
    result_labels: tuple[str, ...] = ()
    transform: Mapping[str, Any] | None = None
    evidence: Mapping[str, Any] | None = None
    mode: str = "enforce"
    policy_id: str | None = None
    manifest_digest: str | None = None
    input_identity: str | None = None
    enforced_identity: str | None = None
    audit: Mapping[str, Any] | None = None
    approval: Mapping[str, Any] | None = None
    request_id: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def allowed(self) -> bool:
        """True for `allow`, `warn` and `transform`."""
        return self.decision in PERMITS


def read_decision(body: Any, point: str, mode: str, request_id: str | None) -> Decision:
    """Return the verdict of a response with status 200.

    Raises `ProtocolError` unless it is a verdict on `point` in `mode` that can be obeyed: one of the five
    decisions and, for a transform in `enforce` mode, the target that the service has transformed.
    """
    verdict = _verdict(body)
    if body.get("intervention_point") != point:
        raise ProtocolError("the verdict is on another intervention point")
    if body.get("mode", mode) != mode:
        raise ProtocolError("the verdict is of another mode")
    if request_id is not None and body.get("request_id", request_id) != request_id:
        raise ProtocolError("the response is to another request")
    if body.get("dialect", "0.3") != "0.3":
        raise ProtocolError("the verdict is in another vocabulary")
    if _object(verdict, "transform") is not None and verdict["decision"] != "transform":
        raise ProtocolError("a transform without the decision `transform`")
    applied = body.get("transformed_policy_target_applied") is True
    if verdict["decision"] == "transform" and mode == "enforce" and not applied:
        raise ProtocolError("a transform was not applied")
    if applied and (verdict["decision"] != "transform" or "transformed_policy_target" not in body):
        raise ProtocolError("the transformed policy target is missing or not asked for")
    try:
        value = to_json(body.get("transformed_policy_target"))
        if applied:
            encode(value)
    except SnapshotError as error:
        raise ProtocolError(f"the transformed policy target is not JSON: {error}") from None
    return Decision(
        point=point,
        decision=verdict["decision"],
        reason=_text(verdict, "reason"),
        message=_text(verdict, "message"),
        value=value,
        transformed=applied,
        result_labels=_labels(verdict),
        transform=_object(verdict, "transform"),
        evidence=_object(verdict, "evidence"),
        mode=mode,
        policy_id=_text(body, "policy_id"),
        manifest_digest=_text(body, "manifest_digest"),
        input_identity=_text(body, "input_identity"),
        enforced_identity=_text(body, "enforced_identity"),
        audit=_object(body, "audit"),
        approval=_object(body, "approval"),
        request_id=_text(body, "request_id") or request_id,
        raw=body,
    )


def read_bare(verdict: Any) -> dict[str, Any]:
    """Return a verdict of the three decisions of Agent Hooks; raise `ProtocolError` for anything else."""
    if not isinstance(verdict, dict) or verdict.get("decision") not in ("allow", "deny", "transform"):
        raise ProtocolError("the verdict is none of the three decisions")
    transform = _object(verdict, "transform")
    if (verdict["decision"] == "transform") != (transform is not None):
        raise ProtocolError("a transform without the decision `transform`, or the reverse")
    if transform is not None and (not isinstance(transform.get("path"), str) or "value" not in transform):
        raise ProtocolError("the transform has no path or no value")
    if _object(verdict, "approval") is not None and verdict["decision"] != "deny":
        raise ProtocolError("an approval of what is not denied")
    _text(verdict, "reason")
    _text(verdict, "message")
    _labels(verdict)
    return verdict


def read_denial(body: Any, point: str, mode: str, request_id: str | None) -> Decision:
    """Return the deny of a problem document; its absence changes nothing, for the status says enough."""
    verdict = body.get("verdict") if isinstance(body, dict) else None
    if not isinstance(verdict, dict) or verdict.get("decision") != "deny":
        verdict = {}
    reason = verdict.get("reason")
    message = body.get("detail") if isinstance(body, dict) else None
    return Decision(
        point=point,
        decision="deny",
        reason=reason if isinstance(reason, str) else UNAVAILABLE,
        message=message if isinstance(message, str) else None,
        mode=mode,
        request_id=request_id,
        raw=body if isinstance(body, dict) else {},
    )


def _verdict(body: Any) -> dict[str, Any]:
    verdict = body.get("verdict") if isinstance(body, dict) else None
    if not isinstance(verdict, dict):
        raise ProtocolError("the response has no verdict")
    decision = verdict.get("decision")
    if not isinstance(decision, str) or decision not in DECISIONS:
        raise ProtocolError("the verdict is none of the five decisions")
    return verdict


def _labels(verdict: Mapping[str, Any]) -> tuple[str, ...]:
    labels = verdict.get("result_labels")
    if labels is None:
        return ()
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ProtocolError("`result_labels` is not a list of texts")
    return tuple(labels)


def _text(container: Mapping[str, Any], name: str) -> str | None:
    value = container.get(name)
    if value is not None and not isinstance(value, str):
        raise ProtocolError(f"`{name}` is not text")
    return value


def _object(container: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    value = container.get(name)
    if value is not None and not isinstance(value, dict):
        raise ProtocolError(f"`{name}` is not an object")
    return value
