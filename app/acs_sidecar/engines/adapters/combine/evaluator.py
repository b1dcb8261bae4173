"""Asks every policy of a combination on one input, and gives the strictest verdict (section 17.2)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter_ns

from acs_sidecar.engines.adapters.combine.strictest import strictest
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.explanation import MAX_EXPLANATION_BYTES, fitting, unavailable
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.combination import COMBINE
from acs_sidecar.spec.policy_statement import DecisionNotes
from acs_sidecar.spec.ports import Evaluator, ExplainingEvaluator, PolicyInput, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import (
    MAX_EVIDENCE_BYTES,
    Normalise,
    Verdict,
    apply_transform,
    check_output,
    normalise,
)

__all__ = ["CombinedEvaluator"]

_ROOM_BYTES = 8_192
"""What an explanation takes besides those of the members."""


@dataclass(frozen=True, slots=True)
class CombinedEvaluator:
    """The policies of a combination, bound to one point; outputs are read as the manifest's dialect says."""

    names: Sequence[str]
    evaluators: Sequence[Evaluator]
    limits: Limits
    normalised: Normalise = normalise

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Ask every member; the failure of any is the outcome."""
        limits = self.limits
        verdicts: list[Verdict] = []
        values: list[Json] = []
        logged: list[str] = []
        failures: dict[int, EvaluationError] = {}
        times = [perf_counter_ns()]
        for evaluator in self.evaluators:
            try:
                output = evaluator.evaluate(policy_input)
                if output.notes:
                    logged += output.notes.get("logged", ())
                if output.failure is not None:
                    raise output.failure
                check_output(output.value, limits)
                verdict = self.normalised(output.value)
                if verdict.transform is not None:
                    apply_transform(verdict.transform, _target(policy_input))
                verdicts.append(verdict)
                values.append(output.value)
            except EvaluationError as error:
                failures[len(times) - 1] = error
            times.append(perf_counter_ns())
        trace = _CombinedTrace(self.names, verdicts, failures, times)
        if failures:
            first = min(failures)
            return PolicyOutput(None, trace, _notes(self.names[first], logged), failures[first])
        try:
            verdict, place = strictest(verdicts, _target(policy_input))
            decided, decided_by = (None, None) if place is None else (verdicts[place], self.names[place])
            if place is not None and verdict is decided:
                notes = _notes(decided_by, logged)
                return PolicyOutput(values[place], trace, notes, verdict=verdict)
            value = verdict.as_json()
            check_output(value, limits)
            if decided is not None and verdict.evidence is not decided.evidence:
                _check_evidence(verdict, decided_by)
        except EvaluationError as error:
            return PolicyOutput(None, trace, _notes(None, logged), error)
        return PolicyOutput(value, trace, _notes(decided_by, logged), verdict=verdict)

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

    __slots__ = ("_failures", "_names", "_times", "_verdicts")

    def __init__(
        self,
        names: Sequence[str],
        verdicts: Sequence[Verdict],
        failures: Mapping[int, EvaluationError],
        times: Sequence[int],
    ) -> None:
        """`verdicts` are those of the members that did not fail, in order; `failures` are by place."""
        self._names = names
        self._verdicts = verdicts
        self._failures = failures
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
        verdicts = iter(self._verdicts)
        for place, name in enumerate(self._names):
            shown: dict[str, Json] = {"policy": name}
            if failure := self._failures.get(place):
                shown["error"] = failure.reason.value
            else:
                shown["decision"] = next(verdicts).decision.value
            yield {**shown, "duration_us": (self._times[place + 1] - self._times[place]) / 1_000}


def _check_evidence(verdict: Verdict, decided_by: str | None) -> None:
    """Raise `EvaluationError` where approvers of other policies make the evidence too long."""
    if verdict.evidence is not None and len(canonical(verdict.evidence)) > MAX_EVIDENCE_BYTES:
        message = (
            f"the evidence of `{decided_by}` exceeds {MAX_EVIDENCE_BYTES} bytes with the approvers of the "
            "combined policies"
        )
        raise EvaluationError(Reason.POLICY_OUTPUT_INVALID, message)


def _notes(decided_by: str | None, logged: list[str]) -> DecisionNotes:
    return {"decided_by": decided_by, "logged": logged} if logged else {"decided_by": decided_by}


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
