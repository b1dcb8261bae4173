"""Runs a point's annotators: concurrently, with an outcome that never depends on timing (section 1.6)."""

import asyncio
from collections.abc import Mapping
from typing import TypeGuard

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.model import AnnotatorUse
from acs_sidecar.spec.ports import Annotator
from acs_sidecar.spec.reasons import RUNTIME_ERROR_PREFIX, EvaluationError, Reason
from acs_sidecar.spec.trace import AnnotatorOutcome, Trace
from acs_sidecar.spec.values import Json, deeper_than

__all__ = ["AnnotatorRunner"]


class AnnotatorRunner:
    """The annotators of one point, in ascending name order."""

    def __init__(self, annotators: tuple[tuple[AnnotatorUse, Annotator], ...], limits: Limits) -> None:
        self._annotators = annotators
        self._limits = limits

    async def __call__(self, preliminary: Mapping[str, Json], trace: Trace) -> dict[str, Json]:
        """Annotate the preliminary policy input: name → result.

        Raises the first failure in name order, whichever happened first.
        """
        allowed = self._limits.max_annotators_per_point
        if len(self._annotators) > allowed:
            raise EvaluationError(
                Reason.RESOURCE_LIMIT_EXCEEDED,
                f"the point has more annotators than `max_annotators_per_point` ({allowed})",
            )
        running: list[tuple[str, asyncio.Task[Json]]] = []
        unresolved: EvaluationError | None = None
        try:
            for use, annotator in self._annotators:
                try:
                    value = use.source.resolve(preliminary)
                except EvaluationError as error:
                    unresolved = error
                    break
                call = self._annotate(use.name, annotator, value, trace)
                running.append((use.name, asyncio.create_task(call)))
            results = {name: await task for name, task in running}
        finally:
            await _cancel([task for _, task in running])
        if unresolved:
            raise unresolved
        return results

    async def _annotate(self, name: str, annotator: Annotator, value: Json, trace: Trace) -> Json:
        started = trace.now()
        outcome: AnnotatorOutcome = "failed"
        try:
            result = await annotator.annotate(value)
            problem = self._problem(result)
            if problem:
                raise EvaluationError(Reason.ANNOTATION_FAILED, f"the result of annotator `{name}` {problem}")
            outcome = "ok"
        except EvaluationError as error:
            outcome = "timeout" if error.reason is Reason.ANNOTATION_TIMEOUT else "failed"
            raise
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            trace.annotated(name, started, outcome)
        return result

    def _problem(self, result: Json) -> str | None:
        """Return the problem of an annotator's output, or `None`."""
        limits = self._limits
        if deeper_than(result, limits.max_policy_input_depth):
            return f"exceeds `max_policy_input_depth` ({limits.max_policy_input_depth})"
        try:
            size = len(canonical(result))
        except TypeError:
            return "is not JSON"
        if size > limits.max_annotator_output_bytes:
            return f"exceeds `max_annotator_output_bytes` ({limits.max_annotator_output_bytes})"
        if _forges_reason(result):
            return f"carries a `reason` that starts with the reserved `{RUNTIME_ERROR_PREFIX}`"
        return None


def _forges_reason(result: Json) -> bool:
    pending = [result]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if _is_reserved(value.get("reason")):
                return True
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
    return False


def _is_reserved(reason: Json) -> TypeGuard[str]:
    return isinstance(reason, str) and reason.startswith(RUNTIME_ERROR_PREFIX)


async def _cancel(tasks: list[asyncio.Task[Json]]) -> None:
    """End what still runs after a failure, and take every outcome so that none is reported as lost."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
