"""Asks every policy of a combination on one input, and gives the strictest verdict (section 17.2)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter_ns

from acs_sidecar.engines.adapters.combine.strictest import strictest
from acs_sidecar.spec.explanation import MAX_EXPLANATION_BYTES, fitting, unavailable
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.combination import COMBINE
from acs_sidecar.spec.ports import Evaluator, ExplainingEvaluator, PolicyInput, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import Verdict, apply_transform, check_output, normalise

__all__ = ["CombinedEvaluator"]

_ROOM_BYTES = 8_192
"""What an explanation takes besides those of the members."""


@dataclass(frozen=True, slots=True)
class CombinedEvaluator:
    """The policies of a combination, bound to one point."""

    names: Sequence[str]
    evaluators: Sequence[Evaluator]
    limits: Limits

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Ask every member; the failure of any is the outcome."""
        limits, target = self.limits, _target(policy_input)
        verdicts: list[Verdict] = []
        values: list[Json] = []
        outcomes: list[Verdict | EvaluationError] = []
        times = [perf_counter_ns()]
        failure: tuple[str, EvaluationError] | None = None
        for evaluator in self.evaluators:
            try:
                output = evaluator.evaluate(policy_input)
                if output.failure is not None:
                    raise output.failure
                check_output(output.value, limits)
                verdict = normalise(output.value)
                if verdict.transform is not None:
                    apply_transform(verdict.transform, target)
                verdicts.append(verdict)
                values.append(output.value)
                outcomes.append(verdict)
            except EvaluationError as error:
                failure = failure or (self.names[len(outcomes)], error)
                outcomes.append(error)
            times.append(perf_counter_ns())
        trace = _CombinedTrace(self.names, outcomes, times)
        if failure is not None:
            return PolicyOutput(None, trace, {"decided_by": failure[0]}, failure[1])
        try:
            combined = strictest(verdicts, target)
        except EvaluationError as error:
            return PolicyOutput(None, trace, {"decided_by": None}, error)
        place, verdict = combined.decided_by, combined.verdict
        if place is None:
            return PolicyOutput(verdict.as_json(), trace, {"decided_by": None})
        value = values[place] if verdict is verdicts[place] else verdict.as_json()
        return PolicyOutput(value, trace, {"decided_by": self.names[place]})

    def explain(self, policy_input: PolicyInput) -> dict[str, Json]:
        """Return what each member says, with its own explanation; all have an equal share of the room."""
        output = self.evaluate(policy_input)
        share = (MAX_EXPLANATION_BYTES - _ROOM_BYTES) // len(self.names)
        policies: list[Json] = []
        for evaluator, shown in zip(self.evaluators, _shown(output), strict=True):
            told = _explained(evaluator, policy_input)
            policies.append({**shown, "explain": fitting(told, share) or None})
        decided_by = output.notes.get("decided_by") if output.notes else None
        return {"kind": COMBINE, "decided_by": decided_by, "policies": policies}


class _CombinedTrace(Mapping[str, Json]):
    """Each member with its outcome and its time, written out only where somebody reads it."""

    __slots__ = ("_names", "_outcomes", "_times")

    def __init__(
        self, names: Sequence[str], outcomes: Sequence[Verdict | EvaluationError], times: Sequence[int]
    ) -> None:
        self._names = names
        self._outcomes = outcomes
        self._times = times

    def __getitem__(self, member: str) -> Json:
        if member != "policies":
            raise KeyError(member)
        return [*self.policies()]

    def __iter__(self) -> Iterator[str]:
        return iter(("policies",))

    def __len__(self) -> int:
        return 1

    def policies(self) -> Iterator[dict[str, Json]]:
        """Yield the members."""
        spans = zip(self._times, self._times[1:], strict=False)
        for name, outcome, (began, ended) in zip(self._names, self._outcomes, spans, strict=True):
            shown: dict[str, Json] = {"policy": name}
            if isinstance(outcome, EvaluationError):
                shown["error"] = outcome.reason.value
            else:
                shown["decision"] = outcome.decision.value
            yield {**shown, "duration_us": (ended - began) / 1_000}


def _explained(evaluator: Evaluator, policy_input: PolicyInput) -> dict[str, Json]:
    """Return the explanation of a member, empty if it has none; where it fails, why it did."""
    if not isinstance(evaluator, ExplainingEvaluator):
        return {}
    try:
        return dict(evaluator.explain(policy_input))
    except EvaluationError as error:
        return unavailable(error.detail)


def _shown(output: PolicyOutput) -> Sequence[Mapping[str, Json]]:
    return [*output.trace.policies()] if isinstance(output.trace, _CombinedTrace) else []


def _target(policy_input: PolicyInput) -> Json:
    target = policy_input.value["policy_target"]
    return target["value"] if isinstance(target, dict) else None
