"""What an evaluation shows of itself while it runs (contract 2.1, `include`)."""

from collections.abc import Callable, Mapping

from app.core.ports import PolicyInput
from app.core.values import Json

__all__ = ["Trace"]


class Trace:
    """The policy input as far as it was built, and, when `clock` is given, what took how long.

    Everything stays readable after a failure. Times are of `clock`, in nanoseconds.
    """

    __slots__ = ("_clock", "annotators", "dispatch", "policy_input", "steps", "tool")

    def __init__(self, clock: Callable[[], int] | None = None) -> None:
        self._clock = clock
        self.policy_input: PolicyInput | None = None
        self.tool: str | None = None
        self.dispatch: Mapping[str, Json] = {}
        self.annotators: dict[str, int] = {}
        self.steps: list[tuple[str, int]] = [("start", clock())] if clock else []

    def done(self, step: str) -> None:
        """Note that `step` has just ended."""
        if self._clock:
            self.steps.append((step, self._clock()))

    def now(self) -> int:
        """Give the time, or 0 where nothing is timed."""
        return self._clock() if self._clock else 0

    def annotated(self, name: str, started: int) -> None:
        """Note that the annotator `name`, which started at `started`, has answered or failed."""
        if self._clock:
            self.annotators[name] = self._clock() - started

    def as_json(self) -> dict[str, Json]:
        """Give the steps in order and the annotators, in microseconds, with what the policy told."""
        moments = zip(self.steps, self.steps[1:], strict=False)
        return {
            "steps": [
                {"step": step, "duration_us": (ended - begun) / 1000} for (_, begun), (step, ended) in moments
            ],
            "annotators": {name: took / 1000 for name, took in self.annotators.items()},
            **self.dispatch,
        }
