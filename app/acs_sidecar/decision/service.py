"""One decision, from a request to a recorded verdict: admit, evaluate, record, tell."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

from acs_sidecar.approval.entry import approval_entry
from acs_sidecar.approval.resolution import ApprovalClaim, Approvals
from acs_sidecar.audit.format.entry import decision_entry, refusal_entry
from acs_sidecar.audit.format.ports import AuditLog, AuditPosition, AuditUnavailableError
from acs_sidecar.audit.format.record import ServiceEvent
from acs_sidecar.decision.admission import Admission
from acs_sidecar.decision.answer import Recorded, Resolved
from acs_sidecar.decision.boundary import evaluation_outcome
from acs_sidecar.decision.caller import Sender
from acs_sidecar.decision.explanation import explanation
from acs_sidecar.decision.ports import DecisionSink, Receipts
from acs_sidecar.decision.refusal import Cause, RefusalError, Refused
from acs_sidecar.decision.request import EvaluateRequest
from acs_sidecar.decision.settlement import Settlement
from acs_sidecar.decision.streams.exchange import StreamExchange, admitted_manifest
from acs_sidecar.decision.streams.intake import Intake
from acs_sidecar.decision.streams.opening import StreamOpening
from acs_sidecar.spec.decision import PolicyDecision
from acs_sidecar.spec.dialects.dialect import Vocabulary
from acs_sidecar.spec.explanation import unavailable
from acs_sidecar.spec.manifest.compiled import InvalidManifest
from acs_sidecar.spec.streams.vocabulary import StreamSpan
from acs_sidecar.spec.trace import Trace
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Decision

__all__ = ["DecisionService"]

_TIMED = frozenset({"trace", "explain"})


class DecisionService:
    """Turns requests into recorded decisions. A caller can skip neither a check nor a record.

    `audit` is `None` where no log is kept, `approvals` where escalations come without a challenge,
    `receipts` where none are given. `clock` gives nanoseconds and is used for durations alone; `timed` is
    whether each step of every evaluation is timed, `vocabulary` how verdicts are told to requests that do not
    say; `None` leaves that to their manifests.
    """

    def __init__(
        self,
        admission: Admission,
        audit: AuditLog | None,
        sink: DecisionSink,
        clock: Callable[[], int],
        *,
        approvals: Approvals | None = None,
        receipts: Receipts | None = None,
        timed: bool = False,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self._admission = admission
        self._audit = audit
        self._sink = sink
        self._clock = clock
        self._approvals = approvals
        self._receipts = receipts
        self._timed = timed
        self._vocabulary = vocabulary

    async def decide(self, request: EvaluateRequest, sender: Sender) -> Recorded | Refused:
        """Decide on one request. Never raises: a request that is not evaluated becomes a recorded refusal."""
        try:
            decision = await self._evaluate(request, sender)
            position = await self._audit.append(decision_entry(decision)) if self._audit else None
            self._sink.decided(decision, position)
            recorded = Recorded(decision, position)
            if decision.verdict.decision is Decision.ESCALATE and self._approvals and not request.stream_span:
                recorded.offer = self._approvals.offer(decision, position)
            if request.include:
                recorded.receipt = await self._receipt(request, position)
                await self._explain(request, decision)
        except Exception as error:  # noqa: BLE001  # the last resort: no answer is without a verdict
            return await self._refused(error, request, sender, "decision")
        return recorded

    async def resolve(
        self, request: EvaluateRequest, claim: ApprovalClaim, sender: Sender
    ) -> Resolved | Refused:
        """Evaluate an escalated action again and apply its approval (section 19).

        Never raises, as `decide`.
        """
        try:
            if self._approvals is None:
                raise RefusalError(Cause.NOT_FOUND, "approvals are not configured")
            resolution = await self._approvals.resolve(await self._evaluate(request, sender), claim)
            position = await self._audit.append(approval_entry(resolution)) if self._audit else None
            self._sink.resolved(resolution, position)
            receipt = await self._receipt(request, position)
            await self._explain(request, resolution.decision)
        except Exception as error:  # noqa: BLE001  # the last resort: no answer is without a verdict
            return await self._refused(error, request, sender, "approval")
        return Resolved(resolution, position, receipt)

    async def stream(
        self,
        opening: StreamOpening,
        sender: Sender,
        intake: Intake,
        counted: AbstractContextManager[None],
    ) -> StreamExchange | Refused:
        """Admit a stream (section 6.9): the exchange that answers it, or the recorded refusal.

        Text arrives through `intake`. Each span passes `decide`, within `counted`.
        """
        try:
            admitted = await admitted_manifest(self._admission, opening, sender)
        except RefusalError as error:
            return await self.refuse(error, opening.point, sender)
        except Exception as error:  # noqa: BLE001  # the last resort: no answer is without a verdict
            return await self.fail(error, opening.point, sender)
        return StreamExchange(
            str(uuid.uuid4()),
            opening,
            manifest=admitted,
            sender=sender,
            service=self,
            intake=intake,
            vocabulary=opening.vocabulary or self._vocabulary,
            counted=counted,
            clock=self._clock,
        )

    async def opened(self, event: ServiceEvent, request_id: str | None) -> None:
        """Record a stream that opens. Raises `RefusalError` where it cannot be recorded."""
        await self._record(event, request_id)

    async def settled(self, settlement: Settlement) -> AuditPosition | None:
        """Record and report a stream that ended. Raises `RefusalError` where it cannot be recorded."""
        position = await self._record(settlement.event(), settlement.request_id)
        self._sink.settled(settlement, position)
        return position

    async def refuse(
        self,
        error: RefusalError,
        point: str,
        sender: Sender,
        event: str = "decision",
        stream_span: StreamSpan | None = None,
    ) -> Refused:
        """Record and report a refusal, made here or by a transport that could not read a request.

        `point` is the intervention point as the caller named it, if at all; `event` is `approval` for
        what was to be resolved; `stream_span` is the part of a stream that was refused.
        """
        self._sink.refused(error, sender.span)
        if self._audit and not isinstance(error, _UnrecordedError):
            entry = refusal_entry(
                point,
                error.reason,
                error.request_id,
                sender.name,
                sender.span,
                event=event,
                stream_span=stream_span,
            )
            try:
                await self._audit.append(entry)
            except AuditUnavailableError:
                return Refused(_UnrecordedError(error.request_id))
        return Refused(error)

    async def fail(
        self,
        error: Exception,
        point: str,
        sender: Sender,
        event: str = "decision",
        stream_span: StreamSpan | None = None,
    ) -> Refused:
        """Refuse a request because of an unexpected error, so that every response has a verdict."""
        self._sink.fault(error)
        refusal = RefusalError(Cause.FAULT, "internal error; see the service log")
        return await self.refuse(refusal, point, sender, event, stream_span)

    def fault(self, error: Exception) -> None:
        """Report an internal error that no decision depends on."""
        self._sink.fault(error)

    async def _evaluate(self, request: EvaluateRequest, sender: Sender) -> PolicyDecision:
        """Admit a request and evaluate it. Raises `RefusalError` when it is not admitted."""
        started = self._clock()
        trace = Trace(self._clock, detailed=self._timed or bool(request.include & _TIMED))
        manifest = await self._admission.admit(request, sender)
        point = None if isinstance(manifest, InvalidManifest) else manifest.points.get(request.point)
        outcome = await evaluation_outcome(manifest, point, request, trace, self._sink.fault)
        trace.ended = self._clock()
        return PolicyDecision(
            request.point,
            request.mode,
            manifest,
            point,
            outcome,
            trace,
            request.snapshot,
            request.request_id,
            trace.ended - started,
            sender.name,
            sender.span,
            request.stream_span,
            request.vocabulary or self._vocabulary,
        )

    async def _record(self, event: ServiceEvent, request_id: str | None) -> AuditPosition | None:
        if self._audit is None:
            return None
        try:
            return await self._audit.append(event)
        except AuditUnavailableError:
            raise _UnrecordedError(request_id) from None

    async def _receipt(self, request: EvaluateRequest, position: AuditPosition | None) -> Json:
        if self._receipts is None or position is None or "receipt" not in request.include:
            return None
        return await self._receipts(position)

    async def _explain(self, request: EvaluateRequest, decision: PolicyDecision) -> None:
        """Explain a decision that is recorded; a failure is the explanation's and reported."""
        if "explain" not in request.include:
            return
        try:
            decision.trace.explanation = await explanation(decision)
        except Exception as error:  # noqa: BLE001  # the verdict is made: it leaves whatever happens here
            self._sink.fault(error)
            decision.trace.explanation = unavailable("internal error; see the service log")

    async def _refused(
        self, error: Exception, request: EvaluateRequest, sender: Sender, event: str
    ) -> Refused:
        """Return the recorded refusal that a request ended in."""
        if isinstance(error, AuditUnavailableError):
            error = _UnrecordedError(request.request_id)
        if isinstance(error, RefusalError):
            return await self.refuse(error, request.point, sender, event, request.stream_span)
        return await self.fail(error, request.point, sender, event, request.stream_span)


class _UnrecordedError(RefusalError):
    """A verdict that may not leave, for its record cannot be written (section 4.2)."""

    def __init__(self, request_id: str | None) -> None:
        super().__init__(Cause.UNAVAILABLE, "the audit log cannot be written", request_id=request_id)
