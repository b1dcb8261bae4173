"""Timings and intermediate values of one evaluation (section 2.1, `include`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from acs_sidecar.spec.policy_statement import DecisionNotes
from acs_sidecar.spec.ports import PolicyInput
from acs_sidecar.spec.values import Json

__all__ = ["AnnotatorOutcome", "AnnotatorRun", "Trace"]

AnnotatorOutcome: TypeAlias = Literal["ok", "failed", "timeout", "cancelled"]


@dataclass(frozen=True, slots=True)
class AnnotatorRun:
    """Start, end and outcome of one annotator call."""

    started: int
    ended: int
    outcome: AnnotatorOutcome


class Trace:
    """The policy input as far as it was built, and what took how long; `detailed` adds each step.

    Everything stays readable after a failure. Times are of `clock`, in nanoseconds. `policy` is when
    the policy was asked and when it was done, if it was; `ended` is when the decision was made; `notes` are
    what the policy adds to the record; `explanation` is why the decision is as it is, if asked for.
    """

    __slots__ = (
        "_clock",
        "_detailed",
        "annotators",
        "dispatch",
        "ended",
        "explanation",
        "notes",
        "policy",
        "policy_input",
        "steps",
        "tool",
    )

    def __init__(self, clock: Callable[[], int] | None = None, *, detailed: bool = False) -> None:
        self._clock = clock
        self._detailed = detailed
        self.policy_input: PolicyInput | None = None
        self.tool: str | None = None
        self.dispatch: Mapping[str, Json] = {}
        self.notes: DecisionNotes | None = None
        self.explanation: Mapping[str, Json] | None = None
        self.ended = 0
        self.policy: tuple[int, int] | None = None
        self.annotators: dict[str, AnnotatorRun] = {}
        self.steps: list[tuple[str, int]] = [("start", self.now())] if detailed else []

    def done(self, step: str) -> None:
        """Record the end of `step`."""
        if self._detailed:
            self.steps.append((step, self.now()))

    def now(self) -> int:
        """Return the time in nanoseconds, or 0 if steps are not timed."""
        return self._clock() if self._clock else 0

    def annotated(self, name: str, started: int, outcome: AnnotatorOutcome) -> None:
        """Record that the annotator `name`, started at `started` (nanoseconds), has answered or failed."""
        self.annotators[name] = AnnotatorRun(started, self.now(), outcome)

    def as_json(self) -> dict[str, Json]:
        """Return the steps in order and the annotators, in microseconds, with the policy's own members.

        A member of the policy's never replaces one of these.
        """
        moments = zip(self.steps, self.steps[1:], strict=False)
        return {
            **self.dispatch,
            "steps": [
                {"step": step, "duration_us": (ended - begun) / 1000} for (_, begun), (step, ended) in moments
            ],
            "annotators": {name: (run.ended - run.started) / 1000 for name, run in self.annotators.items()},
        }
