"""The challenge: what exactly is to be approved, signed by the service and expiring (section 19)."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.approval.token import CHALLENGE, Sealed, TokenError, key_id, seal, unseal
from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.audit.format.record import bounded, rfc3339
from acs_sidecar.spec.approval import ApprovalPlan, named_approvers, naming
from acs_sidecar.spec.codes import reason_code
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.dialects.subject import subject_of
from acs_sidecar.spec.values import Json

__all__ = ["Challenge", "action_of", "inspect_challenge", "issue", "read_challenge"]

_TEXTS = ("resolver", "service", "issued", "expires", "key_id", "enforced_identity")
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge that this service signed.

    `action` is everything that must be the same when the approval is used; `audit` is where the
    escalation is recorded, `None` where no log is kept. Times are in the form of a record's `time`.
    """

    text: str
    digest: str
    action: dict[str, Json]
    resolver: str
    service: str
    issued: str
    expires: str
    audit: dict[str, Json] | None

    @property
    def named_approvers(self) -> tuple[str, ...] | None:
        """Who alone may approve; `None` where every approver may that the operator trusts."""
        return named_approvers(self.action)

    @property
    def terms(self) -> dict[str, Json]:
        """The content of the challenge, for resolvers and approvers."""
        return {
            **self.action,
            "audit": self.audit,
            "expires": self.expires,
            "issued": self.issued,
            "resolver": self.resolver,
            "service": self.service,
        }


def action_of(decision: PolicyDecision) -> dict[str, Json]:
    """Return everything that an approval of an escalation is bound to.

    The identity is over the whole policy input; the others say under which manifest and policy it was
    escalated, and for whom.
    """
    evaluation, point = decision.evaluation, decision.point
    named = named_approvers(naming(decision.verdict))
    subject = subject_of(decision.snapshot, decision.manifest.dialect)
    return {
        "agent_id": bounded(subject.agent),
        **({} if named is None else {"approvers": [*named]}),
        "caller": bounded(decision.caller),
        "intervention_point": decision.intervention_point,
        "manifest_digest": decision.manifest.digest,
        "manifest_name": decision.manifest.name,
        "manifest_source": decision.manifest.provenance.value,
        "policy_digest": point.policy_digest if point else None,
        "policy_id": bounded(decision.policy_id),
        "reason": reason_code(decision.verdict.reason),
        "session_id": bounded(subject.session),
        "tenant_id": bounded(subject.tenant),
        "tool": bounded(decision.trace.tool),
        # Last, for it differs whenever another does that says more.
        "enforced_identity": evaluation.enforced_identity if evaluation else None,
    }


def issue(
    decision: PolicyDecision,
    position: AuditPosition | None,
    plan: ApprovalPlan,
    service: str,
    *,
    now: int,
    private: Ed25519PrivateKey,
) -> Challenge:
    """Sign the challenge of an escalation. `now` is Unix time in microseconds.

    It is a function of its arguments: the record that it names makes it unique.
    """
    action = action_of(decision)
    audit: dict[str, Json] | None = None
    if position is not None:
        audit = {"index": position.index, "log": position.log, "record_id": position.record_id}
    terms: dict[str, Json] = {
        "audit": audit,
        "expires": rfc3339(now + plan.timeout_seconds * _MICROSECONDS),
        "issued": rfc3339(now),
        "key_id": key_id(private.public_key().public_bytes_raw()),
        "resolver": plan.name,
        "service": service,
    }
    return inspect_challenge(seal(CHALLENGE, {**action, **terms}, private))


def read_challenge(text: str, trusted: tuple[bytes, ...]) -> Challenge:
    """Parse a challenge and verify that a key of `trusted` signed it. Raises `TokenError`."""
    sealed = unseal(CHALLENGE, text)
    if not any(sealed.signed_by(public) for public in trusted):
        raise TokenError("the challenge is not signed by this service's key")
    return _challenge(text, sealed)


def inspect_challenge(text: str) -> Challenge:
    """Parse a challenge without verifying its signature. Raises `TokenError`."""
    return _challenge(text, unseal(CHALLENGE, text))


def _challenge(text: str, sealed: Sealed) -> Challenge:
    body = dict(sealed.body)
    if not all(isinstance(body.get(name), str) for name in _TEXTS) or "audit" not in body:
        raise TokenError("the challenge lacks members")
    audit = body.pop("audit")
    texts = {name: str(body.pop(name)) for name in ("resolver", "service", "issued", "expires", "key_id")}
    del texts["key_id"]
    return Challenge(
        text=text,
        digest=sealed.digest,
        action=body,
        audit=audit if isinstance(audit, dict) else None,
        **texts,
    )
