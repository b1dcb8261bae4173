"""Dispatch in this process: every failure of an engine is one of the policy (sections 1.7, 1.12)."""

import asyncio
import threading
from typing import Any

import pytest
import regorus

from acs_sidecar.engines.in_process import InProcess
from acs_sidecar.spec.ports import PolicyInput, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from tests.sandbox.sandboxes import policy_input


class _Raises:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        raise self.error


class _Panics:
    """Uses an engine that belongs to the thread that made it: in any other, the engine panics."""

    def __init__(self) -> None:
        self.engine = regorus.Engine()

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        return PolicyOutput(self.engine.eval_query("1"))


def test_an_output_passes_as_it_is() -> None:
    """The evaluator's own object is what the service gets."""
    output = PolicyOutput({"decision": "allow"}, {"query": "data.a"})

    class Gives:
        def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
            return output

    assert asyncio.run(InProcess(Gives()).dispatch(policy_input())) is output


def test_a_foreseen_failure_passes_as_it_is() -> None:
    """An `EvaluationError` keeps its reason and detail."""
    error = EvaluationError(Reason.PATH_MISSING, "`$snap.a` has no value at `a`")
    with pytest.raises(EvaluationError) as raised:
        asyncio.run(InProcess(_Raises(error)).dispatch(policy_input()))
    assert raised.value is error


@pytest.mark.parametrize("error", [ValueError("a secret"), RecursionError(), MemoryError(), KeyError("k")])
def test_any_other_failure_is_the_policys_and_tells_nothing(error: Exception) -> None:
    """What an engine raises becomes `policy_invocation_failed`, without its text (1.7, 2.1)."""
    with pytest.raises(EvaluationError) as raised:
        asyncio.run(InProcess(_Raises(error)).dispatch(policy_input()))
    assert raised.value.reason == Reason.POLICY_INVOCATION_FAILED
    assert raised.value.detail == "the policy failed while it was evaluated"
    assert raised.value.__cause__ is None


def test_a_panic_of_a_native_engine_is_the_policys() -> None:
    """A panic derives from `BaseException`; it must not end the service (1.7)."""
    panics = _Panics()
    raised: list[BaseException] = []

    def use() -> None:
        try:
            asyncio.run(InProcess(panics).dispatch(policy_input()))
        except EvaluationError as error:
            raised.append(error)
        try:
            panics.evaluate(policy_input())
        except BaseException as error:  # noqa: BLE001  # a panic is what is looked for
            raised.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    failure, panic = raised
    assert isinstance(failure, EvaluationError)
    assert failure.reason == Reason.POLICY_INVOCATION_FAILED
    assert failure.detail == "the policy failed while it was evaluated"
    assert type(panic).__name__ == "PanicException"
    assert not isinstance(panic, Exception)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(), asyncio.CancelledError(), GeneratorExit()]
)
def test_what_ends_a_process_or_a_task_passes(error: BaseException) -> None:
    """Nothing that is not the engine's fault is swallowed."""

    async def dispatch() -> bool:
        try:
            await InProcess(_Raises(error)).dispatch(policy_input())
        except BaseException as raised:  # noqa: BLE001  # the very object must come through
            return raised is error
        return False

    assert asyncio.run(dispatch())


class _Explains(_Raises):
    """Explains itself by a given value, or fails."""

    def __init__(self, told: object) -> None:
        super().__init__(ValueError())
        self.told = told

    def explain(self, policy_input: PolicyInput) -> Any:
        if isinstance(self.told, BaseException):
            raise self.told
        return self.told


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"kind": "x"}, {"kind": "x"}),
        ({"kind": "x" * 70_000}, {"unavailable": "the explanation exceeds 65536 bytes"}),
        ({"kind": object()}, {"unavailable": "the policy failed while it was explained"}),
        (["kind"], {"unavailable": "the policy failed while it was explained"}),
        (RecursionError("a secret"), {"unavailable": "the policy failed while it was explained"}),
        (EvaluationError(Reason.PATH_MISSING, "`a` is missing"), {"unavailable": "`a` is missing"}),
    ],
)
def test_an_explanation_fails_for_itself(told: object, expected: dict[str, Any]) -> None:
    """What an evaluator explains is bounded JSON; whatever else it does is said in its place (2.7)."""
    assert asyncio.run(InProcess(_Explains(told)).explain(policy_input())) == expected


def test_an_evaluator_that_explains_nothing() -> None:
    """The method is optional."""
    assert asyncio.run(InProcess(_Raises(ValueError())).explain(policy_input())) is None


def test_what_ends_a_process_ends_it_from_an_explanation_too() -> None:
    """Only faults of engines are taken for such."""
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(InProcess(_Explains(KeyboardInterrupt())).explain(policy_input()))
