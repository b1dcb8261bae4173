"""One decision, from a request to a recorded verdict. The flow of the product is `decide`."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from acs_sidecar.approval.entry import approval_entry
from acs_sidecar.approval.resolution import Approvals, Claim, Offer, Resolution
from acs_sidecar.audit.format.entry import decision_entry, refusal_entry
from acs_sidecar.audit.format.ports import AuditLog, AuditPosition, AuditUnavailableError
from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.decision.refusal import ProblemError
from acs_sidecar.decision.request import EvaluateRequest
from acs_sidecar.decision.sender import Sender
from acs_sidecar.spec.decision import Decision
from acs_sidecar.spec.evaluation import Evaluation, evaluate
from acs_sidecar.spec.manifest.compiled import AnyManifest, CompiledPoint, InvalidManifest
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.trace import Trace
from acs_sidecar.spec.trace_context import Span
from acs_sidecar.spec.verdict import Decision as Decided

__all__ = [
    "DecisionService",
    "DecisionSink",
    "ManifestSource",
    "Recorded",
    "Resolved",
    "UnrecordedError",
]


class ManifestSource(Protocol):
    """Where the compiled manifest of a request comes from."""

    async def find(self, request: EvaluateRequest) -> AnyManifest:
        """Find it. Raises `ProblemError` where the caller may not use it or it does not exist."""
        ...


class DecisionSink(Protocol):
    """What learns of decisions after they are made. MUST NOT raise, block, or change anything."""

    def decided(self, decision: Decision, position: AuditPosition | None) -> None:
        """Take a decision; `position` is where its record is."""
        ...

    def resolved(self, resolution: Resolution, position: AuditPosition | None) -> None:
        """Take what became of an escalation; `position` is where its record is."""
        ...

    def refused(self, status: int, cause: str, reason: Reason, detail: str, span: Span | None) -> None:
        """Take a request that got no evaluation; `cause` is one of few, `detail` the service's own text."""
        ...

    def fault(self, error: Exception) -> None:
        """Take an error that no part foresaw; the decision has become a deny."""
        ...


class UnrecordedError(ProblemError):
    """A verdict that may not leave, for its record cannot be written (section 4.2)."""

    def __init__(self, request_id: str | None) -> None:
        super().__init__(
            HTTPStatus.SERVICE_UNAVAILABLE, "the audit log cannot be written", request_id=request_id
        )


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles its cost
class Recorded:
    """A decision and where its record is, `None` where no audit log is kept.

    `offer` says how an escalation can be approved.
    """

    decision: Decision
    position: AuditPosition | None
    offer: Offer | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What became of an escalation, and where its record is."""

    resolution: Resolution
    position: AuditPosition | None


class DecisionService:
    """Turns requests into recorded decisions.

    `audit` is `None` where no log is kept, `approvals` where escalations come without a challenge;
    `clock` gives nanoseconds and is used for durations alone; `timed` is whether each step of every
    evaluation is timed.
    """

    def __init__(
        self,
        manifests: ManifestSource,
        audit: AuditLog | None,
        sink: DecisionSink,
        clock: Callable[[], int],
        approvals: Approvals | None = None,
        *,
        timed: bool = False,
    ) -> None:
        self._manifests = manifests
        self._audit = audit
        self._sink = sink
        self._clock = clock
        self._approvals = approvals
        self._timed = timed

    async def decide(self, request: EvaluateRequest) -> Recorded:
        """Decide on one request and record it.

        Raises `ProblemError` for a request that cannot be evaluated at all, which is then for
        `refuse` to record, and for a decision that cannot be recorded (503).
        """
        decision = await self._decision(request)
        position = await self._append(self._audit, decision_entry(decision)) if self._audit else None
        self._sink.decided(decision, position)
        if decision.verdict.decision is Decided.ESCALATE and self._approvals:
            return Recorded(decision, position, self._approvals.offer(decision, position))
        return Recorded(decision, position)

    async def resolve(self, request: EvaluateRequest, claim: Claim) -> Resolved:
        """Decide again on an action that escalated, and say what the approval makes of it (section 19).

        Raises `ProblemError` as `decide` does.
        """
        if self._approvals is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "approvals are not configured")
        decision = await self._decision(request)
        resolution = await self._approvals.resolve(decision, claim)
        position = await self._append(self._audit, approval_entry(resolution)) if self._audit else None
        self._sink.resolved(resolution, position)
        return Resolved(resolution, position)

    async def _decision(self, request: EvaluateRequest) -> Decision:
        started = self._clock()
        trace = Trace(self._clock, detailed=self._timed or "trace" in request.include)
        manifest = await self._manifests.find(request)
        point = None if isinstance(manifest, InvalidManifest) else manifest.points.get(request.point)
        outcome = await self._outcome(manifest, point, request, trace)
        trace.ended = self._clock()
        return Decision(
            request.point,
            request.mode,
            manifest,
            point,
            outcome,
            trace,
            request.snapshot,
            request.request_id,
            trace.ended - started,
            request.caller.name if request.caller else None,
            request.span,
        )

    async def refuse(
        self, problem: ProblemError, asked: str, sender: Sender, event: str = "decision"
    ) -> ProblemError:
        """Record a request that got no evaluation; give the problem to answer with.

        `asked` is the intervention point as the caller named it, if at all; `event` is `approval` for
        what was to be resolved.
        """
        self._sink.refused(problem.status, problem.cause, problem.reason, problem.detail, sender.span)
        if self._audit and not isinstance(problem, UnrecordedError):
            try:
                caller = sender.caller.name if sender.caller else None
                entry = refusal_entry(
                    asked, problem.reason, problem.request_id, caller, sender.span, event=event
                )
                await self._audit.append(entry)
            except AuditUnavailableError:
                return UnrecordedError(problem.request_id)
        return problem

    def fault(self, error: Exception) -> None:
        """Account for an error that no part foresaw."""
        self._sink.fault(error)

    @staticmethod
    async def _append(audit: AuditLog, entry: AuditEntry) -> AuditPosition | None:
        try:
            return await audit.append(entry)
        except AuditUnavailableError:
            raise UnrecordedError(entry.request_id) from None

    async def _outcome(
        self, manifest: AnyManifest, point: CompiledPoint | None, request: EvaluateRequest, trace: Trace
    ) -> Evaluation | EvaluationError:
        """Evaluate; the one boundary at which every failure becomes a deny with a reserved reason."""
        try:
            if isinstance(manifest, InvalidManifest):
                raise _invalid(manifest)
            if point is None:
                raise EvaluationError(
                    Reason.INTERVENTION_POINT_UNKNOWN,
                    "the manifest does not configure this intervention point",
                )
            return await evaluate(point, request.snapshot, request.nesting, request.mode, trace)
        except EvaluationError as error:
            return error
        except Exception as error:  # noqa: BLE001  # fail closed: whatever it was, the answer is deny
            self.fault(error)
            return EvaluationError(
                Reason.POLICY_INVOCATION_FAILED, "the evaluation failed with an internal error"
            )


def _invalid(manifest: InvalidManifest) -> EvaluationError:
    """Name the first finding by its rule and member; its message may quote an engine and stays inside."""
    first = next(finding for finding in manifest.error.diagnostics if finding.severity == "error")
    place = f" at `{first.path}`" if first.path else ""
    return EvaluationError(
        manifest.error.reason,
        f"the manifest is invalid{place}: {first.code}; run `acs-sidecar validate` for all findings",
    )
