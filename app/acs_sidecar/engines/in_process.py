"""Evaluation in this process: the boundary behind which an engine may fail as it likes (section 1.7)."""

from acs_sidecar.spec.ports import Evaluator, PolicyInput, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason

__all__ = ["InProcess", "invoke", "is_engine_fault"]


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


def is_engine_fault(error: BaseException) -> bool:
    """True if an engine raised this, and not somebody who ends the process or the task.

    Every native module has a panic type of its own, outside `Exception` and not importable.
    """
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


class InProcess:
    """The `PolicyDispatch` that calls an evaluator directly; it blocks the event loop meanwhile."""

    __slots__ = ("_evaluator",)

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    async def dispatch(self, policy_input: PolicyInput) -> PolicyOutput:
        """Evaluate once. Raises `EvaluationError`."""
        return invoke(self._evaluator, policy_input)
