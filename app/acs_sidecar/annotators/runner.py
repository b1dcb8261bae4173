"""Runs a point's annotators: at once, with the outcome of one after the other (sections 1.6 and 6.3)."""

import asyncio
from collections.abc import Mapping
from typing import TypeGuard

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.dialects.annotation_needs import evaluation_order
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.model import AnnotatorUse
from acs_sidecar.spec.ports import Annotator
from acs_sidecar.spec.reasons import RUNTIME_ERROR_PREFIX, EvaluationError, Reason
from acs_sidecar.spec.trace import AnnotatorOutcome, Trace
from acs_sidecar.spec.values import Json, deeper_than

__all__ = ["AnnotatorRunner"]


class _Running(dict[str, asyncio.Task[Json]]):
    """The annotators that were started in one evaluation, in order; `failed` once any of them has."""

    failed = False


class AnnotatorRunner:
    """The annotators of one point, in the order of their evaluation.

    They start in that order, each once what it needs is done. So when one fails, all before it have started:
    the first failure in order is known without starting another.
    """

    def __init__(self, annotators: tuple[tuple[AnnotatorUse, Annotator], ...], limits: Limits) -> None:
        by_name = {use.name: (use, annotator) for use, annotator in annotators}
        order = evaluation_order({use.name: use.needs for use, _ in annotators})
        if len(order) != len(annotators):
            raise ValueError("annotations need one another in a circle, or one that is not there")
        self._annotators = tuple(by_name[name] for name in order)
        self._limits = limits

    @property
    def annotators(self) -> tuple[tuple[AnnotatorUse, Annotator], ...]:
        """The annotators, each with its use, in the order of their evaluation."""
        return self._annotators

    async def __call__(self, preliminary: Mapping[str, Json], trace: Trace) -> dict[str, Json]:
        """Annotate the preliminary policy input: name → result.

        Raises the first failure in order, whichever happened first.
        """
        allowed = self._limits.max_annotators_per_point
        if len(self._annotators) > allowed:
            raise EvaluationError(
                Reason.RESOURCE_LIMIT_EXCEEDED,
                f"the point has more annotators than `max_annotators_per_point` ({allowed})",
            )
        running = _Running()
        unresolved: EvaluationError | None = None
        try:
            for use, annotator in self._annotators:
                if not await _ready(use, running):
                    break
                try:
                    value = use.source.resolve(_seen(use, preliminary, running))
                except EvaluationError as error:
                    unresolved = error
                    break
                call = self._annotate(use.name, annotator, value, trace, running)
                running[use.name] = asyncio.create_task(call)
            results = {name: await task for name, task in running.items()}
        finally:
            await _cancel([*running.values()])
        if unresolved:
            raise unresolved
        return {name: results[name] for name in sorted(results)}

    async def _annotate(
        self, name: str, annotator: Annotator, value: Json, trace: Trace, running: _Running
    ) -> Json:
        if running.failed:
            return None  # the failure is of one before it, and its result counts for nothing
        started = trace.now()
        outcome: AnnotatorOutcome = "failed"
        try:
            result = await annotator.annotate(value)
            problem = self._problem(result)
            if problem:
                raise EvaluationError(Reason.ANNOTATION_FAILED, f"the result of annotator `{name}` {problem}")
            outcome = "ok"
        except Exception as error:
            running.failed = True
            if isinstance(error, EvaluationError) and error.reason is Reason.ANNOTATION_TIMEOUT:
                outcome = "timeout"
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


async def _ready(use: AnnotatorUse, running: _Running) -> bool:
    """Wait for what an annotator needs; false as soon as any that runs has failed."""
    while not running.failed:
        if all(running[need].done() for need in use.needs):
            return True
        waiting = [task for task in running.values() if not task.done()]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    return False


def _seen(use: AnnotatorUse, preliminary: Mapping[str, Json], running: _Running) -> Mapping[str, Json]:
    """Return the policy input as an annotator sees it: with the results of what it needs alone."""
    if not use.needs:
        return preliminary
    return {**preliminary, "annotations": {need: running[need].result() for need in sorted(use.needs)}}


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
