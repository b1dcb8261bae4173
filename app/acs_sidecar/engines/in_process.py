"""Evaluation in this process: the boundary behind which an engine may fail as it likes (section 1.7)."""

import time
from typing import TYPE_CHECKING

from acs_sidecar.engines.fatal_inputs import EvaluationGuard
from acs_sidecar.spec.canonical import digest_bytes
from acs_sidecar.spec.explanation import fitting, unavailable
from acs_sidecar.spec.ports import Evaluator, ExplainingEvaluator, PolicyInput, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

if TYPE_CHECKING:
    from acs_sidecar.engines.slow_lane import SlowLane

__all__ = ["LONG_EVALUATIONS", "LONG_NS", "InProcess", "explain", "invoke", "is_engine_fault"]

LONG_NS = 1_000_000
"""Nanoseconds from which an evaluation is long."""

LONG_EVALUATIONS = 2
"""Long evaluations in a row after which a policy waits its turn: one alone may have lost the processor."""


def invoke(evaluator: Evaluator, policy_input: PolicyInput) -> PolicyOutput:
    """Evaluate once. Whatever the evaluator raises comes out as an `EvaluationError`.

    A failure that it did not foresee, the panic of a native engine included, is
    `policy_invocation_failed` with none of its text. What ends a process or a task passes through.
    """
    try:
        return evaluator.evaluate(policy_input)
    except EvaluationError:
        raise
    except BaseException as error:
        if not is_engine_fault(error):
            raise
        raise EvaluationError(
            Reason.POLICY_INVOCATION_FAILED, "the policy failed while it was evaluated"
        ) from None


def explain(evaluator: Evaluator, policy_input: PolicyInput) -> dict[str, Json] | None:
    """Ask an evaluator for its explanation, bounded; `None` if it has none. A failure is one that says so."""
    if not isinstance(evaluator, ExplainingEvaluator):
        return None
    try:
        return fitting(evaluator.explain(policy_input))
    except EvaluationError as error:
        return unavailable(error.detail)
    except BaseException as error:
        if not is_engine_fault(error):
            raise
        return unavailable("the policy failed while it was explained")


def is_engine_fault(error: BaseException) -> bool:
    """True if an engine raised this, and not somebody who ends the process or the task.

    Every native module has a panic type of its own, outside `Exception` and not importable.
    """
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


class InProcess:
    """The `PolicyDispatch` that calls an evaluator directly; it blocks the event loop meanwhile.

    With a `guard`, an input that ended workers under the policy of this digest is refused. With a `lane`, a
    policy that took long twice in a row waits there the next time.
    """

    __slots__ = ("_evaluator", "_guard", "_lane", "_long_in_a_row", "_policy_digest")

    def __init__(
        self,
        evaluator: Evaluator,
        policy_digest: str = "",
        guard: EvaluationGuard | None = None,
        lane: "SlowLane | None" = None,
    ) -> None:
        self._evaluator = evaluator
        self._policy_digest = policy_digest
        self._guard = guard
        self._lane = lane
        self._long_in_a_row = 0

    async def dispatch(self, policy_input: PolicyInput) -> PolicyOutput:
        """Evaluate once. Raises `EvaluationError`."""
        if self._long_in_a_row >= LONG_EVALUATIONS and self._lane:
            async with self._lane:
                return self._evaluate(policy_input)
        return self._evaluate(policy_input)

    def _evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Evaluate once, and note whether that took long. Raises `EvaluationError`."""
        guard = self._guard
        if guard is not None:
            guard.begin(self._policy_digest, policy_input.identity)
        started = time.perf_counter_ns()
        try:
            return invoke(self._evaluator, policy_input)
        finally:
            took_long = time.perf_counter_ns() - started >= LONG_NS
            self._long_in_a_row = self._long_in_a_row + 1 if took_long else 0
            if guard is not None:
                guard.end()

    async def explain(self, policy_input: PolicyInput) -> dict[str, Json] | None:
        """Explain how the policy evaluates an input.

        An input that ends workers while it is explained is explained no more, and still evaluated.
        """
        guard = self._guard
        if guard is None:
            return explain(self._evaluator, policy_input)
        try:
            guard.begin(digest_bytes(b"explain " + self._policy_digest.encode()), policy_input.identity)
        except EvaluationError as error:
            return unavailable(error.detail)
        try:
            return explain(self._evaluator, policy_input)
        finally:
            guard.end()
