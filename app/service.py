"""One decision, from a request to a recorded verdict. The flow of the product is `decide`."""

from collections.abc import Callable
from typing import Protocol

from app.catalog import AnyManifest
from app.core.compiled import CompiledPoint, InvalidManifest
from app.core.decision import Decision
from app.core.errors import EvaluationError, Reason
from app.core.evaluation import Evaluation, evaluate
from app.core.trace import Trace
from app.wire.problems import ProblemError
from app.wire.requests import EvaluateRequest

__all__ = ["DecisionService", "DecisionSink", "ManifestSource"]


class ManifestSource(Protocol):
    """Where the compiled manifest of a request comes from."""

    async def find(self, request: EvaluateRequest) -> AnyManifest:
        """Find it. Raises `ProblemError` where the caller may not use it or it does not exist."""
        ...


class DecisionSink(Protocol):
    """What learns of decisions after they are made. MUST NOT raise, block, or change anything."""

    def decided(self, decision: Decision) -> None:
        """Take a decision."""
        ...

    def refused(self, status: int, reason: Reason, detail: str) -> None:
        """Take a request that got no evaluation."""
        ...

    def fault(self, error: Exception) -> None:
        """Take an error that no part foresaw; the decision has become a deny."""
        ...


class DecisionService:
    """Turns requests into decisions. `clock` gives nanoseconds and is used for durations alone."""

    def __init__(self, manifests: ManifestSource, sink: DecisionSink, clock: Callable[[], int]) -> None:
        self._manifests = manifests
        self._sink = sink
        self._clock = clock

    async def decide(self, request: EvaluateRequest) -> Decision:
        """Decide on one request. Raises `ProblemError` for one that cannot be evaluated at all."""
        started = self._clock()
        trace = Trace(self._clock if "trace" in request.include else None)
        manifest = await self._manifests.find(request)
        point = None if isinstance(manifest, InvalidManifest) else manifest.points.get(request.point)
        outcome = await self._outcome(manifest, point, request, trace)
        decision = Decision(
            request.point,
            request.mode,
            manifest,
            point,
            outcome,
            trace,
            request.snapshot,
            request.request_id,
            self._clock() - started,
        )
        self._sink.decided(decision)
        return decision

    def refuse(self, problem: ProblemError) -> None:
        """Account for a request that got no evaluation."""
        self._sink.refused(problem.status, problem.reason, problem.detail)

    def fault(self, error: Exception) -> None:
        """Account for an error that no part foresaw."""
        self._sink.fault(error)

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
            return EvaluationError(Reason.POLICY_INVOCATION_FAILED, "the evaluation failed unexpectedly")


def _invalid(manifest: InvalidManifest) -> EvaluationError:
    """Name the first finding by its rule and member; its message may quote an engine and stays inside."""
    first = next(finding for finding in manifest.error.diagnostics if finding.severity == "error")
    place = f" at `{first.path}`" if first.path else ""
    return EvaluationError(
        manifest.error.reason,
        f"the manifest is invalid{place}: {first.code}; validating it shows every finding",
    )
