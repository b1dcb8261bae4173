"""The approval: an approver's signed answer to one challenge."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.approval.approvers import Approver, Approvers
from acs_sidecar.approval.challenge import Challenge
from acs_sidecar.approval.clock import CLOCK_LEEWAY_S, is_time, shifted
from acs_sidecar.approval.token import APPROVAL, TokenError, key_id, seal, unseal
from acs_sidecar.audit.format.record import rfc3339
from acs_sidecar.spec.approval import ApprovalOutcome
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

__all__ = ["Approved", "approve", "known_outcome", "verified_approval"]


@dataclass(frozen=True, slots=True)
class Approved:
    """A valid approval of a challenge: approver, outcome and time.

    With a `key_id` the approver signed that, the time included; without, it is the resolver's word.
    """

    outcome: ApprovalOutcome
    approver: str | None
    key_id: str | None
    time: str


def approve(challenge: Challenge, outcome: ApprovalOutcome, now: int, private: Ed25519PrivateKey) -> str:
    """Sign an answer to a challenge. `now` is Unix time in microseconds."""
    body = {
        "challenge": challenge.digest,
        "enforced_identity": challenge.action["enforced_identity"],
        "key_id": key_id(private.public_key().public_bytes_raw()),
        "outcome": outcome.value,
        "time": rfc3339(now),
    }
    return seal(APPROVAL, body, private)


def verified_approval(text: str, challenge: Challenge, approvers: Approvers | None, now: str) -> Approved:
    """Verify an approval (section 19). Each step stops one attack.

    Raises `EvaluationError`: `approval_action_mismatch` when it was given for another action, else
    `approval_resolver_failed`.
    """
    # 1. Something that is not an approval, or one that could be read in two ways.
    try:
        sealed = unseal(APPROVAL, text)
    except TokenError as error:
        raise _failed(str(error)) from None
    # 2. A forger: somebody whom the operator does not trust.
    if approvers is None:
        raise _failed("no approver is trusted: ACS_APPROVAL_TRUST_FILE is not set")
    signers = [approver for approver in approvers.entries if sealed.signed_by(approver.public)]
    if not signers:
        raise _failed("the approval is not signed by a key in ACS_APPROVAL_TRUST_FILE")
    # 3. An approver who is trusted, but not for this, or no more.
    approver = _entitled(signers, challenge, now)
    # 4. An approval of another action.
    body = sealed.body
    if body.get("enforced_identity") != challenge.action["enforced_identity"]:
        raise EvaluationError(
            Reason.APPROVAL_ACTION_MISMATCH, "the approval is for another action: the identities differ"
        )
    # 5. An approval of the same action, asked for at another time, elsewhere, or under other terms.
    if body.get("challenge") != challenge.digest:
        raise _failed("the approval is for another challenge")
    # 6. An answer that nobody foresaw.
    outcome = known_outcome(body.get("outcome"))
    time = body.get("time")
    if not isinstance(time, str) or not is_time(time):
        raise _failed("the approval has no time")
    # 7. A time that nobody can have signed at, and that would stand in the record. One behind the
    # challenge's end is an answer that comes too late.
    if not shifted(challenge.issued, -CLOCK_LEEWAY_S) <= time <= shifted(now, CLOCK_LEEWAY_S):
        raise _failed("the approval's time is before its challenge or in the future: synchronize the clocks")
    return Approved(outcome, approver.name, key_id(approver.public), time)


def known_outcome(outcome: Json) -> ApprovalOutcome:
    """Return the outcome of that name. Raises `EvaluationError` (`approval_resolver_failed`) if unknown."""
    for known in ApprovalOutcome:
        if outcome == known.value:
            return known
    raise _failed("the outcome is not `allow`, `deny` or `suspend`")


def _entitled(signers: list[Approver], challenge: Challenge, now: str) -> Approver:
    faults: list[str] = []
    for approver in signers:
        fault = approver.fault(challenge, now)
        if fault is None:
            return approver
        faults.append(fault)
    raise _failed(faults[0])


def _failed(detail: str) -> EvaluationError:
    return EvaluationError(Reason.APPROVAL_RESOLVER_FAILED, detail)
