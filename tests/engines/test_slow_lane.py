"""Long evaluations take turns with everything else that a worker does (section 2.6)."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from acs_sidecar.engines.in_process import LONG_EVALUATIONS, LONG_NS, InProcess
from acs_sidecar.engines.slow_lane import SlowLane
from acs_sidecar.spec.ports import PolicyInput, PolicyOutput
from tests.sandbox.sandboxes import policy_input


class Takes:
    """A policy that takes as long as it is told to, and notes that it ran."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes
        self.is_long = True

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        if self.is_long:
            time.sleep(2 * LONG_NS / 1e9)
        self.notes.append("policy")
        return PolicyOutput({"decision": "allow"})


def _ends_at_once(dispatched: Coroutine[Any, Any, PolicyOutput]) -> bool:
    try:
        dispatched.send(None)
    except StopIteration:
        return True
    dispatched.close()
    return False


async def _long(notes: list[str]) -> InProcess:
    """A policy that is known to take long."""
    policy = InProcess(Takes(notes), lane=SlowLane())
    for _ in range(LONG_EVALUATIONS):
        await policy.dispatch(policy_input())
    notes.clear()
    return policy


def test_others_go_on_between_two_long_evaluations() -> None:
    """However many are due, whoever else is there is never more than one of them away from its turn."""
    notes: list[str] = []

    async def scenario() -> None:
        policy = await _long(notes)
        due = [asyncio.create_task(policy.dispatch(policy_input())) for _ in range(5)]
        while not all(task.done() for task in due):
            notes.append("other")
            await asyncio.sleep(0)

    asyncio.run(scenario())
    ran = [number for number, note in enumerate(notes) if note == "policy"]
    assert len(ran) == 5
    assert all("other" in notes[one:following] for one, following in zip([0, *ran], ran, strict=False))


def test_a_policy_waits_only_while_it_takes_long() -> None:
    """The first evaluations and those after a short one are made in the call."""

    async def scenario() -> None:
        evaluator = Takes([])
        policy = InProcess(evaluator, lane=SlowLane())
        for _ in range(LONG_EVALUATIONS):
            assert _ends_at_once(policy.dispatch(policy_input()))
        assert not _ends_at_once(policy.dispatch(policy_input()))
        evaluator.is_long = False
        await policy.dispatch(policy_input())
        assert _ends_at_once(policy.dispatch(policy_input()))

    asyncio.run(scenario())


@pytest.mark.parametrize("cancelled", [0, 1])
def test_who_gives_up_keeps_nobody_waiting(cancelled: int) -> None:
    """The one whose turn it is, or one that waits for its own, may be cancelled."""
    notes: list[str] = []

    async def scenario() -> None:
        policy = await _long(notes)
        due = [asyncio.create_task(policy.dispatch(policy_input())) for _ in range(3)]
        await asyncio.sleep(0)
        due[cancelled].cancel()
        ended = await asyncio.gather(*due, return_exceptions=True)
        assert [isinstance(one, asyncio.CancelledError) for one in ended].count(True) == 1
        assert await policy.dispatch(policy_input())

    asyncio.run(scenario())
    assert notes == ["policy"] * 3
