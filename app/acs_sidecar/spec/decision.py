"""A decision: the verdict with everything that a response, a record or an event reports."""

from dataclasses import dataclass

from acs_sidecar.spec.dialects.dialect import Vocabulary
from acs_sidecar.spec.evaluation import Evaluation
from acs_sidecar.spec.manifest.compiled import CompiledManifest, CompiledPoint, InvalidManifest, Provenance
from acs_sidecar.spec.points import Mode
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.streams.vocabulary import StreamSpan
from acs_sidecar.spec.trace import Trace
from acs_sidecar.spec.trace_context import Span
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Verdict, apply_transform, runtime_error_verdict

__all__ = ["PolicyDecision"]


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles its cost
class PolicyDecision:
    """One evaluation that ran: `outcome` is its result or its failure.

    `intervention_point` is the intervention point as the caller wrote it; `point` is there when the manifest
    configures it. `duration_ns` ends before the decision is recorded; `caller` is the name of who asked,
    `span` the one in a distributed trace that its record and its events name; `stream_span` the part of a
    stream that was evaluated; `asked_vocabulary` that of the response where the request or the operator names
    one.
    """

    intervention_point: str
    mode: Mode
    manifest: CompiledManifest | InvalidManifest
    point: CompiledPoint | None
    outcome: Evaluation | EvaluationError
    trace: Trace
    snapshot: dict[str, Json]
    request_id: str | None
    duration_ns: int
    caller: str | None = None
    span: Span | None = None
    stream_span: StreamSpan | None = None
    asked_vocabulary: Vocabulary | None = None

    @property
    def verdict(self) -> Verdict:
        """The verdict of the policy, or the deny that represents the failure."""
        if isinstance(self.outcome, EvaluationError):
            return runtime_error_verdict(self.outcome.reason)
        return self.outcome.verdict

    @property
    def evaluation(self) -> Evaluation | None:
        """The result of the evaluation; `None` if it failed."""
        return None if isinstance(self.outcome, EvaluationError) else self.outcome

    @property
    def error(self) -> EvaluationError | None:
        """The failure of the evaluation; `None` if it succeeded."""
        return self.outcome if isinstance(self.outcome, EvaluationError) else None

    @property
    def policy_id(self) -> str | None:
        """The name of the policy bound to the point."""
        return self.point.config.policy if self.point else None

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary in which the verdict is told."""
        return self.asked_vocabulary or self.manifest.dialect.vocabulary

    def transformed_target(self) -> Json:
        """Return the target with the transform of the verdict, where it is applied and where it is not."""
        evaluation, policy_input = self.evaluation, self.trace.policy_input
        if evaluation is None or evaluation.verdict.transform is None or policy_input is None:
            raise ValueError("nothing is transformed")
        if evaluation.applied:
            return evaluation.transformed_target
        target = policy_input.value["policy_target"]
        before = target["value"] if isinstance(target, dict) else None
        return apply_transform(evaluation.verdict.transform, before)

    @property
    def manifest_source(self) -> Provenance:
        """The provenance of the manifest."""
        return self.manifest.provenance
