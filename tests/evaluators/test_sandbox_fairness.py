"""Stuck policies wait for their end by themselves: the rest of the pool goes on (contract 2.5)."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from app.core.errors import EvaluationError, Reason
from app.core.ports import PolicyDispatch
from app.core.values import Json, JsonObject
from app.evaluators.sandbox import Sandbox
from tests.evaluators.sandboxes import ALLOW, open_descriptors, opened, policy_input, sandboxed, zygotes

SLOW: JsonObject = {"type": "test", "output": {"decision": "allow"}, "delay_ms": 1_000}
NO_PLACE = "the policy found no free process in time"


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    before = open_descriptors()
    yield
    assert (open_descriptors(), zygotes()) == (before, [])


async def _outcome(policy: PolicyDispatch, snapshot: dict[str, Json] | None = None) -> object:
    try:
        return (await policy.dispatch(policy_input(snapshot))).value
    except EvaluationError as error:
        assert error.reason == Reason.POLICY_INVOCATION_FAILED
        return error.detail


async def _serves(policy: PolicyDispatch, seconds: float) -> float:
    """Ask for some time; give the longest that an answer took."""
    longest = 0.0
    until = time.perf_counter() + seconds
    while (started := time.perf_counter()) < until:
        assert (await policy.dispatch(policy_input())).value == {"decision": "allow"}
        longest = max(longest, time.perf_counter() - started)
        await asyncio.sleep(0.002)
    return longest


def _busy(sandbox: Sandbox) -> int:
    counts = sandbox.counts()
    return counts.children - counts.idle


def test_one_manifest_holds_half_of_the_pool_at_most() -> None:
    """Twenty stuck requests of a manifest leave the other half to its neighbours."""

    async def scenario() -> None:
        async with opened(max_children=4, policy_timeout_ms=400) as sandbox:
            neighbour = await sandboxed(sandbox, ALLOW, "sha256:neighbour")
            await neighbour.dispatch(policy_input())
            stuck = await sandboxed(sandbox, SLOW, "sha256:stuck")
            tasks = [asyncio.create_task(_outcome(stuck)) for _ in range(20)]
            await asyncio.sleep(0.1)
            assert _busy(sandbox) == 2
            assert await _serves(neighbour, 0.5) < 0.1
            outcomes = await asyncio.gather(*tasks)
            stopped = "the policy took longer than 400 ms and was stopped"
            assert set(outcomes) == {stopped, NO_PLACE}
            assert 2 <= outcomes.count(stopped) <= 4

    asyncio.run(scenario())


def test_many_unproven_manifests_hold_half_of_the_pool_at_most() -> None:
    """A flood of manifests that nobody has seen end leaves room for those that are known to."""

    async def scenario() -> None:
        async with opened(max_children=4, policy_timeout_ms=400) as sandbox:
            neighbour = await sandboxed(sandbox, ALLOW, "sha256:neighbour")
            await neighbour.dispatch(policy_input())
            stuck = [await sandboxed(sandbox, SLOW, f"sha256:{number}") for number in range(12)]
            tasks = [asyncio.create_task(_outcome(policy)) for policy in stuck]
            await asyncio.sleep(0.1)
            assert _busy(sandbox) == 2
            assert await _serves(neighbour, 0.5) < 0.1
            await asyncio.gather(*tasks)

    asyncio.run(scenario())


def test_a_manifest_that_had_to_be_stopped_is_unproven_again() -> None:
    """What it answered before does not entitle it to more than the unproven's share."""

    async def scenario() -> None:
        async with opened(max_children=4, policy_timeout_ms=150) as sandbox:
            stuck = [
                await sandboxed(sandbox, {**SLOW, "output": {"of": number}}, f"sha256:{number}")
                for number in range(4)
            ]
            await asyncio.gather(*(_outcome(policy) for policy in stuck))
            neighbour = await sandboxed(sandbox, ALLOW, "sha256:neighbour")
            tasks = [asyncio.create_task(_outcome(policy)) for policy in stuck]
            await asyncio.sleep(0.08)
            assert _busy(sandbox) == 2
            await asyncio.gather(*tasks)
            assert (await neighbour.dispatch(policy_input())).value == {"decision": "allow"}

    asyncio.run(scenario())


def test_those_who_wait_are_served_in_turn_by_manifest() -> None:
    """A long line of one manifest's requests does not stand before another's single one."""
    short: JsonObject = {"type": "test", "output": {"decision": "allow"}, "delay_ms": 20}

    async def scenario() -> None:
        async with opened(warm_children=1, max_children=1, policy_timeout_ms=2_000) as sandbox:
            crowd = await sandboxed(sandbox, short, "sha256:crowd")
            other = await sandboxed(sandbox, ALLOW, "sha256:other")
            order: list[str] = []

            async def ask(name: str, policy: PolicyDispatch) -> None:
                await policy.dispatch(policy_input())
                order.append(name)

            await asyncio.gather(*(ask("crowd", crowd) for _ in range(10)), ask("other", other))
            assert order.index("other") <= 2

    asyncio.run(scenario())


def test_waiting_ends() -> None:
    """A request that finds no child within the time limit fails; none waits without bound."""

    async def scenario() -> None:
        async with opened(warm_children=1, max_children=1, policy_timeout_ms=200) as sandbox:
            stuck = await sandboxed(sandbox, SLOW, "sha256:stuck")
            started = time.perf_counter()
            outcomes = await asyncio.gather(*(_outcome(stuck) for _ in range(10)))
            assert time.perf_counter() - started < 0.65
            assert outcomes.count(NO_PLACE) >= 8

    asyncio.run(scenario())


def test_slow_children_do_not_count_among_the_warm_ones() -> None:
    """While some are slow others start, to the maximum; when all is quiet the surplus goes."""

    async def scenario() -> None:
        async with opened(warm_children=2, max_children=6, surplus_idle_ms=100) as sandbox:
            slow = await sandboxed(sandbox, {**SLOW, "delay_ms": 200}, "sha256:slow")
            tasks = [asyncio.create_task(_outcome(slow)) for _ in range(3)]
            await asyncio.sleep(0.15)
            assert (sandbox.counts().children, sandbox.counts().idle) == (5, 2)
            await asyncio.gather(*tasks)
            await asyncio.sleep(0.3)
            counts = sandbox.counts()
            assert (counts.children, counts.idle, counts.killed, counts.died) == (2, 2, 0, 0)

    asyncio.run(scenario())


def test_a_request_that_nobody_waits_for_gives_its_child_back() -> None:
    """A client that goes away leaves the child to its work, and the next request gets it after."""

    async def scenario() -> None:
        async with opened(warm_children=1, max_children=1) as sandbox:
            slow = await sandboxed(sandbox, {**SLOW, "delay_ms": 100}, "sha256:slow")
            quick = await sandboxed(sandbox, ALLOW, "sha256:quick")
            running = asyncio.create_task(slow.dispatch(policy_input()))
            waiting = asyncio.create_task(slow.dispatch(policy_input()))
            await asyncio.sleep(0.02)
            running.cancel()
            waiting.cancel()
            started = time.perf_counter()
            assert (await quick.dispatch(policy_input())).value == {"decision": "allow"}
            assert 0.05 < time.perf_counter() - started < 0.18
            counts = sandbox.counts()
            assert (counts.idle, counts.waiting, counts.killed, counts.died) == (1, 0, 0, 0)

    asyncio.run(scenario())


def test_a_request_that_nobody_waits_for_is_stopped_in_time_too() -> None:
    """Giving up does not lift the time limit."""

    async def scenario() -> None:
        async with opened(warm_children=1, max_children=1, policy_timeout_ms=100) as sandbox:
            stuck = await sandboxed(sandbox, SLOW)
            task = asyncio.create_task(stuck.dispatch(policy_input()))
            await asyncio.sleep(0.02)
            task.cancel()
            await asyncio.sleep(0.2)
            assert sandbox.counts().killed == 1
            assert (sandbox.counts().children, sandbox.counts().idle) == (1, 1)

    asyncio.run(scenario())


def test_a_loop_that_was_held_up_blames_no_child() -> None:
    """An answer that came in time counts, even when the service could look at it only later."""

    async def scenario() -> None:
        async with opened(policy_timeout_ms=100) as sandbox:
            policy = await sandboxed(sandbox, {**SLOW, "delay_ms": 20})
            task = asyncio.create_task(policy.dispatch(policy_input()))
            await asyncio.sleep(0.01)
            time.sleep(0.3)  # noqa: ASYNC251  # holding the loop up is what is tried
            assert (await task).value == {"decision": "allow"}

    asyncio.run(scenario())
