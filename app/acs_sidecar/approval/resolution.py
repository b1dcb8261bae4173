"""From an escalation to its outcome: challenges for what escalates, and their resolution (section 19)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from acs_sidecar.approval.approval import Approved, known_outcome, verified_approval
from acs_sidecar.approval.challenge import Challenge, action_of, issue, read_challenge
from acs_sidecar.approval.clock import CLOCK_LEEWAY_S, SECOND, unix_microseconds
from acs_sidecar.approval.fatigue import fatigue
from acs_sidecar.approval.ports import ApproversInForce, KeyInForce, KeysUnavailableError
from acs_sidecar.approval.token import TokenError, request_signature
from acs_sidecar.audit.format.ports import AuditPosition
from acs_sidecar.audit.format.record import bounded, rfc3339
from acs_sidecar.spec.approval import (
    ApprovalOutcome,
    ApprovalPlan,
    Question,
    ResolverAnswer,
    ResolverError,
    named_approvers,
    naming,
)
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.points import Mode
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import JsonObject
from acs_sidecar.spec.verdict import Decision, Verdict

__all__ = ["ApprovalClaim", "Approvals", "Offer", "Resolution"]

_DENIED = "The action was not approved."
_NOBODY = "`approvers` of the policy names nobody: no approver can answer"

Clock: TypeAlias = Callable[[], int]
"""Unix time in microseconds."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The `approval` of an escalation: how to approve it, or why not (`challenge` is `None`)."""

    plan: ApprovalPlan
    challenge: Challenge | None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class ApprovalClaim:
    """The claim of a host: its challenge, and an approval or the outcome of its own resolver."""

    challenge: str | None = None
    approval: str | None = None
    outcome: str | None = None


@dataclass(slots=True)
class Resolution:
    """A resolved escalation. `decision` is the new evaluation with the resulting verdict.

    `outcome` is `allow`, `deny` or `suspend`, or `pending` while nobody has answered; `by` is who
    decided: `approver`, `resolver`, `host`, `timeout`, `policy` or `service`.
    """

    decision: PolicyDecision
    outcome: str
    by: str
    plan: ApprovalPlan | None = None
    challenge: Challenge | None = None
    approved: Approved | None = None


class Approvals:
    """Issues challenges and resolves them, without state in between.

    `service` names the deployment: a challenge of another one is worth nothing here.
    """

    def __init__(self, service: str, key: KeyInForce, approvers: ApproversInForce, now: Clock) -> None:
        self._service = service
        self._key = key
        self._approvers = approvers
        self._now = now

    def offer(self, decision: PolicyDecision, position: AuditPosition | None) -> Offer | None:
        """Return the challenge of a recorded escalation; `None` if the manifest names no resolver."""
        plan = _plan(decision)
        if plan is None or decision.mode is not Mode.ENFORCE:
            return None
        if why := _unanswerable(plan, decision):
            return Offer(plan, None, why)
        try:
            private = self._key().private
        except KeysUnavailableError as error:
            return Offer(plan, None, str(error))
        challenge = issue(decision, position, plan, self._service, now=self._now(), private=private)
        return Offer(plan, challenge)

    async def resolve(self, decision: PolicyDecision, claim: ApprovalClaim) -> Resolution:
        """Resolve the approval of an action that `decision` has evaluated again."""
        verdict = decision.verdict
        if verdict.decision is Decision.DENY:
            # The policy, or a failure, denies by now: no approval lifts that.
            return Resolution(decision, ApprovalOutcome.DENY, "policy", _plan(decision))
        resolution = Resolution(decision, ApprovalOutcome.DENY, "service", _plan(decision))
        try:
            await self._resolve(resolution, verdict, claim)
        except EvaluationError as error:
            resolution.outcome = ApprovalOutcome.DENY
            resolution.decision = replace(decision, outcome=error)
        return resolution

    async def _resolve(self, resolution: Resolution, verdict: Verdict, claim: ApprovalClaim) -> None:
        """Go through what could make this another action than the approved one, or the approval void.

        Raises `EvaluationError` at the first that does.
        """
        decision, plan = resolution.decision, resolution.plan
        # 1. The action needs no approval any more: then it is not the one that was escalated.
        if verdict.decision is not Decision.ESCALATE:
            raise _mismatch("the action no longer escalates: request a new verdict")
        # 2. Nobody is there to be asked.
        if plan is None:
            raise _missing("the manifest names no `approval.default_resolver`")
        if why := _unanswerable(plan, decision):
            raise _missing(why) if plan.type is None else _failed(why)
        # 3. A challenge that this deployment never gave, or that was changed.
        challenge = resolution.challenge = self._read(claim.challenge)
        if challenge.service != self._service:
            raise _failed("the challenge was issued by another service")
        # 4. An approval for one action that is used for another.
        _require_same(action_of(decision), challenge, plan)
        # 5. What was issued in the future, or has been over for long.
        now = self._now()
        if rfc3339(now + CLOCK_LEEWAY_S * SECOND) < challenge.issued:
            raise _failed("the challenge was issued in the future: synchronize the clocks of the replicas")
        if rfc3339(now - plan.timeout_seconds * SECOND) >= challenge.expires:
            raise _failed("the challenge expired too long ago")
        # 6. An answer, or the proof that there was none in time.
        answer = await self._answer(resolution, plan, challenge, claim, decision)
        expired = rfc3339(self._now()) >= challenge.expires
        if expired and answer in {None, ApprovalOutcome.ALLOW}:
            _time_out(resolution, plan, challenge)
        elif answer is None:
            resolution.outcome = "pending"
        else:
            _conclude(resolution, answer)

    def _read(self, text: str | None) -> Challenge:
        if text is None:
            raise _failed("`challenge` is missing: send the one returned with the `escalate` verdict")
        try:
            return read_challenge(text, self._key().trusted)
        except (KeysUnavailableError, TokenError) as error:
            raise _failed(str(error)) from None

    async def _answer(
        self,
        resolution: Resolution,
        plan: ApprovalPlan,
        challenge: Challenge,
        claim: ApprovalClaim,
        decision: PolicyDecision,
    ) -> ApprovalOutcome | None:
        """Return the outcome that the claim carries or the resolver decides; `None` while it is pending."""
        now = self._now()
        if claim.outcome is not None:
            resolution.by = "host"
            outcome = known_outcome(claim.outcome)
            if outcome is ApprovalOutcome.ALLOW:
                raise _failed("an `outcome` of `allow` needs an approver's signature: send `approval`")
            return outcome
        if claim.approval is not None:
            return self._approver_outcome(resolution, claim.approval, challenge, now)
        policy_input = decision.trace.policy_input
        if rfc3339(now) >= challenge.expires or plan.resolver is None or policy_input is None:
            return None
        question = Question(
            challenge=challenge.text,
            terms=challenge.terms,
            policy_input=policy_input,
            seconds_left=(unix_microseconds(challenge.expires) - now) / SECOND,
            sign=self._sign,
        )
        try:
            answer = await plan.resolver.ask(question)
        except ResolverError as error:
            if rfc3339(self._now()) >= challenge.expires:
                return None
            raise _failed(str(error)) from None
        return None if answer is None else self._resolver_outcome(resolution, answer, challenge)

    def _sign(self, content: bytes) -> str:
        try:
            return request_signature(content, self._key().private)
        except KeysUnavailableError as error:
            raise ResolverError(str(error)) from None

    def _approver_outcome(
        self, resolution: Resolution, text: str, challenge: Challenge, now: int
    ) -> ApprovalOutcome:
        resolution.by = "approver"
        resolution.approved = verified_approval(text, challenge, self._approvers(), rfc3339(now))
        return resolution.approved.outcome

    def _resolver_outcome(
        self, resolution: Resolution, answer: ResolverAnswer, challenge: Challenge
    ) -> ApprovalOutcome:
        if answer.approval is not None:
            return self._approver_outcome(resolution, answer.approval, challenge, self._now())
        resolution.by = "resolver"
        if challenge.named_approvers is not None:
            raise _failed("the policy names who may approve: the resolver's response must be signed by one")
        outcome = known_outcome(answer.outcome)
        if (
            outcome is not ApprovalOutcome.DENY
            and answer.enforced_identity != challenge.action["enforced_identity"]
        ):
            raise _mismatch("the resolver's response does not repeat the action's identity")
        named = answer.approver if isinstance(answer.approver, str) else None
        resolution.approved = Approved(outcome, bounded(named), None, rfc3339(self._now()))
        return outcome


def _plan(decision: PolicyDecision) -> ApprovalPlan | None:
    return decision.manifest.approval if isinstance(decision.manifest, CompiledManifest) else None


def _unanswerable(plan: ApprovalPlan, decision: PolicyDecision) -> str | None:
    """Return why nobody can approve an escalation, or `None` where somebody can."""
    if plan.resolver is None:
        return plan.fault
    if tired := fatigue(plan, decision.snapshot.get("envelope")):
        return tired
    return _NOBODY if named_approvers(naming(decision.verdict)) == () else None


def _require_same(action: JsonObject, challenge: Challenge, plan: ApprovalPlan) -> None:
    if challenge.resolver != plan.name:
        raise _mismatch("`resolver` differs from the challenge")
    if challenge.named_approvers != named_approvers(action):
        raise _mismatch("`approvers` differs from the challenge")
    if challenge.action.keys() != action.keys():
        raise _failed("the challenge has other members than this version issues")
    for name, value in action.items():
        if challenge.action[name] != value:
            raise _mismatch(f"`{name}` differs from the challenge")


def _time_out(resolution: Resolution, plan: ApprovalPlan, challenge: Challenge) -> None:
    """Do what the manifest says for a challenge that has expired by our own signature's word."""
    resolution.by = "timeout"
    resolution.approved = None
    if plan.on_timeout is ApprovalOutcome.DENY:
        raise _failed("the challenge expired before it was approved")
    if plan.on_timeout is ApprovalOutcome.ALLOW and challenge.named_approvers is not None:
        raise _failed("the policy names who may approve: `on_timeout: allow` does not count")
    _conclude(resolution, plan.on_timeout)


def _conclude(resolution: Resolution, outcome: ApprovalOutcome) -> None:
    """Return the verdict of an outcome; that of `suspend` stays `escalate`, which carries out nothing."""
    resolution.outcome = outcome
    evaluation = resolution.decision.evaluation
    if outcome is ApprovalOutcome.SUSPEND or evaluation is None:
        return
    reason = "approval_timeout" if resolution.by == "timeout" else "approved"
    if outcome is ApprovalOutcome.ALLOW:
        verdict = replace(
            evaluation.verdict, decision=Decision.ALLOW, reason=reason, message=None, approval=None
        )
    else:
        verdict = replace(
            evaluation.verdict,
            decision=Decision.DENY,
            reason="approval_denied",
            message=_DENIED,
            approval=None,
        )
    resolution.decision = replace(resolution.decision, outcome=replace(evaluation, verdict=verdict))


def _failed(detail: str) -> EvaluationError:
    return EvaluationError(Reason.APPROVAL_RESOLVER_FAILED, detail)


def _missing(detail: str) -> EvaluationError:
    return EvaluationError(Reason.APPROVAL_RESOLVER_MISSING, detail)


def _mismatch(detail: str) -> EvaluationError:
    return EvaluationError(Reason.APPROVAL_ACTION_MISMATCH, detail)
