"""Asks every policy of a combination on one input, and gives the strictest verdict (section 17.2)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter_ns

from acs_sidecar.engines.adapters.combine.strictest import strictest
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.dialects.evidence import MAX_EVIDENCE_BYTES as MAX_POINTED_EVIDENCE_BYTES
from acs_sidecar.spec.dialects.policy_output import MAX_APPROVAL_BYTES
from acs_sidecar.spec.explanation import MAX_EXPLANATION_BYTES, fitting, unavailable
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.combination import COMBINE
from acs_sidecar.spec.policy_statement import DecisionNotes
from acs_sidecar.spec.ports import Evaluator, ExplainingEvaluator, PolicyInput, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import (
    MAX_EVIDENCE_BYTES,
    Normalise,
    Verdict,
    check_output,
    check_transform,
    checked_verdict,
    normalise,
    runtime_error_verdict,
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
        outputs: list[Json] = []
        failures: dict[int, EvaluationError] = {}
        logged: list[str] = []
        times = [perf_counter_ns()]
        for evaluator in self.evaluators:
            try:
                output = evaluator.evaluate(policy_input)
                if output.notes:
                    logged += output.notes.get("logged", ())
                if output.failure is not None:
                    raise output.failure
                outputs.append(output.value)
            except EvaluationError as error:
                failures[len(outputs)] = error
                outputs.append(None)
            times.append(perf_counter_ns())
        target = _target(policy_input)
        try:
            size = check_output(outputs, self.limits)  # what is within the limits together is so each
            verdicts = [*map(self.normalised, outputs)]
            for verdict in verdicts:
                if verdict.transform is not None:
                    check_transform(verdict.transform, target)
        except EvaluationError:
            verdicts = self._read_each(outputs, failures, target)
            size = self.limits.max_policy_output_bytes + 1
        trace = _CombinedTrace(self.names, verdicts, failures, times)
        notes: DecisionNotes = {"decided_by": None, "logged": logged} if logged else {"decided_by": None}
        if failures:
            first = min(failures)
            notes["decided_by"] = name = self.names[first]
            failure = failures[first]
            if len(self.names) > 1:
                failure = EvaluationError(failure.reason, f"policy `{name}`: {failure.detail}")
            return PolicyOutput(None, trace, notes, failure)
        try:
            verdict, decider = strictest(verdicts, target)
            if decider is None:
                return PolicyOutput(None, trace, notes, None, verdict)
            decided = verdicts[decider]
            if len(verdicts) > 1:
                self._check_sizes(verdicts, verdict, decided, size, target)
        except EvaluationError as error:
            return PolicyOutput(None, trace, notes, error)
        notes["decided_by"] = self.names[decider]
        return PolicyOutput(outputs[decider] if verdict is decided else None, trace, notes, None, verdict)

    def _read_each(
        self, outputs: list[Json], failures: dict[int, EvaluationError], target: Json
    ) -> list[Verdict]:
        """Make a verdict of each output, as if it stood alone, and add the failures of those that are none.

        The verdict of a failure is that of a runtime error.
        """
        verdicts: list[Verdict] = []
        for place, value in enumerate(outputs):
            try:
                verdict = checked_verdict(value, self.limits, self.normalised)
                if verdict.transform is not None:
                    check_transform(verdict.transform, target)
            except EvaluationError as error:
                verdict = runtime_error_verdict(failures.setdefault(place, error).reason)
            verdicts.append(verdict)
        return verdicts

    def _check_sizes(
        self, verdicts: Sequence[Verdict], united: Verdict, decided: Verdict, size: int, target: Json
    ) -> None:
        """Check that what others add leaves a verdict within the limits. Raises `EvaluationError`.

        But for a united transform it holds nothing but what the outputs hold, which have `size` bytes
        together; what is added to evidence may stand there twice, and a second time as JSON in a text.
        The order does not tell: where one of the strictest would be too long, the outcome is a failure.
        """
        most = size * 3
        if united.transform is not None and united.transform is not decided.transform:
            most += check_output([[united.transform.value]], self.limits)
        if most <= MAX_EVIDENCE_BYTES:
            return
        for place, first in enumerate(verdicts):
            others = [*verdicts[:place], *verdicts[place + 1 :]]
            would_be, decider = strictest([first, *others], target)
            if decider == 0 and would_be is not first:
                self._check_united(would_be, first, self.names[place])

    def _check_united(self, united: Verdict, decided: Verdict, decided_by: str) -> None:
        check_output(united.as_json(), self.limits)
        bound = MAX_EVIDENCE_BYTES if self.normalised is normalise else MAX_POINTED_EVIDENCE_BYTES
        _check_added("evidence", united.evidence, decided.evidence, bound, decided_by)
        _check_added("approval", united.approval, decided.approval, MAX_APPROVAL_BYTES, decided_by)

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
        """`failures` are by the place of the member."""
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
        for place, name in enumerate(self._names):
            shown: dict[str, Json] = {"policy": name}
            if failure := self._failures.get(place):
                shown["error"] = failure.reason.value
            else:
                shown["decision"] = self._verdicts[place].decision.value
            yield {**shown, "duration_us": (self._times[place + 1] - self._times[place]) / 1_000}


def _check_added(
    member: str, members: JsonObject | None, own: JsonObject | None, most_bytes: int, decided_by: str | None
) -> None:
    """Raise `EvaluationError` where approvers or counters of other policies make a member too long."""
    if members is not own and len(canonical(members)) > most_bytes:
        message = (
            f"the {member} of `{decided_by}` exceeds {most_bytes} bytes with the approvers and counters of "
            "the combined policies"
        )
        raise EvaluationError(Reason.POLICY_OUTPUT_INVALID, message)


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
