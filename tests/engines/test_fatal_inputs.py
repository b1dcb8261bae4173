"""What ended workers is refused, within bounds (section 2.6); tests/server has the processes."""

import asyncio

import pytest

from acs_sidecar.engines.fatal_inputs import (
    DEATHS,
    MOST_REFUSED,
    MOST_SUSPECTED,
    EvaluationGuard,
    FatalInputs,
)
from acs_sidecar.engines.in_process import InProcess
from acs_sidecar.spec.canonical import digest_bytes
from acs_sidecar.spec.ports import PolicyInput, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from tests.sandbox.sandboxes import policy_input

POLICY = digest_bytes(b"policy")
OTHER = digest_bytes(b"other policy")


def _identity(number: int) -> str:
    return digest_bytes(b"%d" % number)


def _kill(inputs: FatalInputs, worker: int, number: int, times: int = DEATHS) -> None:
    for _ in range(times):
        inputs.guard(worker).begin(POLICY, _identity(number))
        inputs.worker_died(worker)


def _refused(guard: EvaluationGuard, number: int, policy: str = POLICY) -> bool:
    try:
        guard.begin(policy, _identity(number))
    except EvaluationError:
        return True
    guard.end()
    return False


def test_two_deaths_refuse_the_third_in_every_worker() -> None:
    """Deaths add up over workers; the refusal names no content and is one of the policy (1.7)."""
    inputs = FatalInputs(2)
    guards = [inputs.guard(0), inputs.guard(1)]
    deaths = []
    for worker in (0, 1):
        guards[worker].begin(POLICY, _identity(1))
        found = inputs.worker_died(worker)
        assert found
        deaths.append((found.policy_digest, found.input_identity, found.deaths))
    assert deaths == [(POLICY, _identity(1), 1), (POLICY, _identity(1), 2)]
    for guard in guards:
        with pytest.raises(EvaluationError) as raised:
            guard.begin(POLICY, _identity(1))
        assert raised.value.reason is Reason.POLICY_INVOCATION_FAILED
        assert raised.value.detail == (
            "this input ended 2 worker processes under this policy and is no longer evaluated"
        )
        assert (guard.refused, guard.refusals) == (1, 1)


def test_other_inputs_and_other_policies_are_evaluated() -> None:
    """A corrected policy evaluates what the faulty one could not."""
    inputs = FatalInputs(1)
    _kill(inputs, 0, 1)
    guard = inputs.guard(0)
    assert _refused(guard, 1)
    assert not _refused(guard, 2)
    assert not _refused(guard, 1, OTHER)


def test_a_worker_that_dies_idle_accuses_nothing() -> None:
    """Only what was being evaluated counts; what was refused or done was not."""
    inputs = FatalInputs(1)
    assert inputs.worker_died(0) is None
    guard = inputs.guard(0)
    guard.begin(POLICY, _identity(1))
    guard.end()
    assert inputs.worker_died(0) is None
    _kill(inputs, 0, 2)
    assert _refused(guard, 2)
    assert inputs.worker_died(0) is None
    _kill(inputs, 0, 3, times=DEATHS - 1)
    assert not _refused(guard, 3)


def test_both_lists_are_bounded_and_the_newest_stay() -> None:
    """However many inputs end workers, memory and the time to read the list stay the same."""
    inputs = FatalInputs(1)
    guard = inputs.guard(0)
    for number in range(MOST_REFUSED + 1):
        _kill(inputs, 0, number)
    assert guard.refused == MOST_REFUSED
    assert [_refused(guard, number) for number in (0, 1, MOST_REFUSED)] == [False, True, True]

    _kill(inputs, 0, 5_000, times=1)
    for number in range(10_000, 10_000 + MOST_SUSPECTED):
        _kill(inputs, 0, number, times=1)
    _kill(inputs, 0, 5_000, times=1)
    assert not _refused(guard, 5_000)


@pytest.mark.parametrize("error", [None, ValueError(), KeyboardInterrupt()])
def test_whatever_an_evaluation_ends_in_is_over(error: BaseException | None) -> None:
    """An exception is no death."""

    class Evaluates:
        def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
            if error:
                raise error
            return PolicyOutput({})

    inputs = FatalInputs(1)
    policy = InProcess(Evaluates(), POLICY, inputs.guard(0))
    coroutine = policy.dispatch(policy_input())
    with pytest.raises(BaseException) as raised:  # a coroutine that returns raises StopIteration
        coroutine.send(None)
    expected = {
        "NoneType": StopIteration,
        "ValueError": EvaluationError,
        "KeyboardInterrupt": KeyboardInterrupt,
    }
    assert raised.type is expected[type(error).__name__]
    assert inputs.worker_died(0) is None


def test_what_is_evaluated_is_known_meanwhile() -> None:
    """The mark stands while the engine runs, and names policy and input."""
    inputs = FatalInputs(1)
    found = []

    class Looks:
        def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
            found.append(inputs.worker_died(0))
            return PolicyOutput({})

    given = policy_input()
    asyncio.run(InProcess(Looks(), POLICY, inputs.guard(0)).dispatch(given))
    (fatal,) = found
    assert fatal
    assert (fatal.policy_digest, fatal.input_identity) == (POLICY, digest_bytes(given.canonical))
