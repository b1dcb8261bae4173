"""Stuck policies wait for their end by themselves: the rest of the pool goes on (section 2.5)."""

import asyncio
import time
from pathlib import Path

import pytest

from acs_sidecar.manifests.loading import inline_rules
from acs_sidecar.sandbox import proven_programs
from acs_sidecar.sandbox.calls import SandboxProgram
from acs_sidecar.sandbox.preparation import document_bytes
from acs_sidecar.sandbox.proven_programs import ProvenPrograms
from acs_sidecar.sandbox.sandbox import Sandbox
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.owner import Owner
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import PolicyDispatch
from acs_sidecar.spec.values import Json, JsonObject
from tests.sandbox.sandboxes import (
    ALLOW,
    HOSTILE,
    hostile,
    install_hostile,
    opened,
    outcome,
    policy_input,
    sandboxed,
    until,
)

pytestmark = pytest.mark.usefixtures("nothing_is_left")

STUCK: JsonObject = {"type": "test", "output": {"decision": "allow"}, "delay_ms": 1_000}
ALLOWED = {"decision": "allow"}
NO_PLACE = "the policy found no free process in time"
RULES = inline_rules(load_settings({}).settings)
MANIFEST: dict[str, Json] = {
    "agent_control_specification_version": "0.3.1-beta",
    "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
    "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
}


async def _serves(sandbox: Sandbox, policy: PolicyDispatch, seconds: float) -> tuple[int, int]:
    """Dispatch for some time; return the number of answers, and the most that others kept busy."""
    answers = busy = 0
    until_time = time.perf_counter() + seconds
    while time.perf_counter() < until_time:
        assert (await policy.dispatch(policy_input())).value == ALLOWED
        answers += 1
        busy = max(busy, sandbox.counts().busy)
        await asyncio.sleep(0.002)
    return answers, busy


def test_one_manifest_holds_half_of_the_pool_at_most() -> None:
    """Twenty stuck requests of a manifest leave the other half to its neighbours."""

    async def scenario() -> None:
        async with opened(max_children=4, policy_timeout_ms=400) as sandbox:
            neighbour = await sandboxed(sandbox, ALLOW, "sha256:neighbour")
            assert await outcome(neighbour) == ALLOWED
            stuck = await sandboxed(sandbox, STUCK, "sha256:stuck")
            tasks = [asyncio.create_task(outcome(stuck)) for _ in range(20)]
            answers, busy = await _serves(sandbox, neighbour, 0.5)
            assert answers > 2, "each waited for a stuck policy to be stopped"
            assert busy == 2
            outcomes = await asyncio.gather(*tasks)
            stopped = "the policy exceeded `policy_timeout_ms` (400) and was stopped"
            assert set(outcomes) == {stopped, NO_PLACE}

    asyncio.run(scenario())


def test_many_unproven_manifests_hold_half_of_the_pool_at_most() -> None:
    """A flood of manifests that nobody has seen end leaves room for those that are known to."""

    async def scenario() -> None:
        async with opened(max_children=4, policy_timeout_ms=400) as sandbox:
            neighbour = await sandboxed(sandbox, ALLOW, "sha256:neighbour")
            assert await outcome(neighbour) == ALLOWED
            stuck = [await sandboxed(sandbox, STUCK, f"sha256:{number}") for number in range(12)]
            tasks = [asyncio.create_task(outcome(policy)) for policy in stuck]
            answers, busy = await _serves(sandbox, neighbour, 0.5)
            assert answers > 2, "each waited for a stuck policy to be stopped"
            assert busy == 2
            await asyncio.gather(*tasks)

    asyncio.run(scenario())


def test_unproven_manifests_leave_a_child_to_those_that_are_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others take the idle children one by one, as new ones start: the last is never theirs."""
    install_hostile(tmp_path, monkeypatch)

    async def scenario() -> None:
        async with opened(max_children=8, policy_timeout_ms=60_000, inline_adapters=HOSTILE) as sandbox:
            neighbour = await sandboxed(sandbox, ALLOW, "sha256:neighbour")
            assert await outcome(neighbour) == ALLOWED
            stuck = [await sandboxed(sandbox, hostile("sleep"), f"sha256:{number}") for number in range(12)]
            await until(lambda: sandbox.counts().idle == 2)
            tasks = [asyncio.create_task(outcome(policy)) for policy in stuck]
            await asyncio.sleep(0)
            assert (sandbox.counts().busy, sandbox.counts().idle) == (1, 1)
            assert await outcome(neighbour) == ALLOWED
            await until(lambda: sandbox.counts().busy == 4)
            assert await outcome(neighbour) == ALLOWED
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(scenario())


def test_a_proven_manifest_is_unproven_after_it_had_to_be_stopped() -> None:
    """What a manifest answered before entitles it to more than the unproven's share only until then."""

    async def scenario() -> None:
        async with opened(max_children=4, policy_timeout_ms=400) as sandbox:
            policies = [
                await sandboxed(
                    sandbox,
                    {
                        "type": "rego",
                        "query": "data.turn.verdict",
                        "modules": {
                            "turn.rego": f"""
                                package turn
                                import rego.v1
                                # {number}
                                range := [i | some i in numbers.range(1, 100000); i <= input.snapshot.rounds]
                                verdict := count([1 | some i in range; some j in range; i * j == 7])
                                """
                        },
                    },
                    f"sha256:{number}",
                )
                for number in range(3)
            ]
            for policy in policies:
                assert (await policy.dispatch(policy_input({"rounds": 10}))).value == 2
            busiest = []
            for _ in range(2):
                tasks = [
                    asyncio.create_task(policy.dispatch(policy_input({"rounds": 100_000})))
                    for policy in policies
                ]
                busy = 0
                while not all(task.done() for task in tasks):
                    busy = max(busy, sandbox.counts().busy)
                    await asyncio.sleep(0.01)
                await asyncio.gather(*tasks, return_exceptions=True)
                busiest.append(busy)
            assert busiest == [3, 2]

    asyncio.run(scenario())


def test_those_who_wait_are_served_in_turn_by_manifest() -> None:
    """A long line of one manifest's requests does not stand before another's single one."""
    short: JsonObject = {"type": "test", "output": {"decision": "allow"}, "delay_ms": 20}

    async def scenario() -> None:
        async with opened(warm_children=1, max_children=1, policy_timeout_ms=5_000) as sandbox:
            crowd = await sandboxed(sandbox, short, "sha256:crowd")
            other = await sandboxed(sandbox, ALLOW, "sha256:other")
            order: list[str] = []

            async def ask(name: str, policy: PolicyDispatch) -> None:
                await policy.dispatch(policy_input())
                order.append(name)

            await asyncio.gather(*(ask("crowd", crowd) for _ in range(10)), ask("other", other))
            assert order.index("other") <= 2

    asyncio.run(scenario())


def test_those_who_wait_with_new_manifests_are_served_in_turn_by_owner() -> None:
    """A hundred new manifests of one connection do not stand before the first one of another."""

    def document(number: int) -> bytes:
        return document_bytes(None, canonical({**MANIFEST, "metadata": {"number": number}}))

    async def scenario() -> None:
        async with opened(warm_children=1, max_children=1, rules=RULES) as sandbox:
            order: list[str] = []

            async def bring(number: int, owner: Owner) -> None:
                await sandbox.prepare(document(number), owner)
                order.append(owner.name)

            crowd, other = Owner("crowd"), Owner("other")
            await asyncio.gather(*(bring(number, crowd) for number in range(100)), bring(100, other))
            assert order.index("other") <= 2

    asyncio.run(scenario())


def test_an_unproven_manifest_takes_its_owners_turn() -> None:
    """Evaluations of many unproven manifests of one owner stand before nobody else's; a proven one has its own turn."""

    async def scenario() -> None:
        async with opened(warm_children=1, max_children=1, policy_timeout_ms=5_000, rules=RULES) as sandbox:
            crowd, other = Owner("crowd"), Owner("other")
            policies = []
            for number, owner in enumerate([crowd] * 12 + [other] * 2):
                policy: Json = {"type": "test", "output": {"decision": "allow"}, "delay_ms": 20}
                given: Json = {**MANIFEST, "policies": {"p": policy}, "metadata": {"n": number}}
                written = document_bytes(None, canonical(given))
                bound = sandbox.bind(*await sandbox.prepare(written, owner), 5_000)
                policies.append((owner.name, bound.dispatch[InterventionPoint.INPUT]))
            assert await outcome(policies[0][1]) == ALLOWED  # proven, and a turn of its own
            order: list[str] = []

            async def ask(name: str, policy: PolicyDispatch) -> None:
                await policy.dispatch(policy_input())
                order.append(name)

            await asyncio.gather(*(ask(*one) for one in policies[1:]), ask("proven", policies[0][1]))
            assert order.index("proven") <= 3
            assert [place for place, name in enumerate(order) if name == "other"][1] <= 6

    asyncio.run(scenario())


def test_what_is_proven_stays_so_when_another_proves_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner that has proven most loses first, and those that are gone count as one."""
    monkeypatch.setattr(proven_programs, "MOST_PROVEN", 100)
    proven = ProvenPrograms()

    def program(key: str, owner: Owner) -> SandboxProgram:
        return SandboxProgram(1, b"", frozenset(), 1, key, owner)

    mine = program("mine", Owner("me"))
    proven.prove(mine)
    for number in range(1_000):
        connection = Owner(f"connection {number}")
        proven.prove(program(f"{number}", connection))
        connection.gone = True
    assert proven.knows("mine")
    proven.disprove(mine)
    assert not proven.knows("mine")
    assert not mine.proven


def test_waiting_ends() -> None:
    """A request that finds no child within the time limit fails; none waits without bound."""

    async def scenario() -> None:
        async with opened(warm_children=1, max_children=1, policy_timeout_ms=200) as sandbox:
            stuck = await sandboxed(sandbox, STUCK)
            outcomes = await asyncio.gather(*(outcome(stuck) for _ in range(30)))
            assert outcomes.count(NO_PLACE) >= 28

    asyncio.run(scenario())


def test_waiting_ends_behind_what_may_wait_longer() -> None:
    """A request fails in its own time, also where one before it in the same turn has more."""

    async def scenario() -> None:
        async with opened(warm_children=1, max_children=1, policy_timeout_ms=2_000, rules=RULES) as sandbox:
            owner = Owner("owner")
            written = document_bytes(None, canonical(MANIFEST))
            hasty = sandbox.bind(*await sandbox.prepare(written, owner), 100)
            stuck = await sandboxed(sandbox, STUCK, "sha256:stuck")
            running = asyncio.create_task(outcome(stuck))
            await until(lambda: sandbox.counts().busy == 1)
            waiting = asyncio.create_task(sandbox.prepare(document_bytes(None, b"{}"), owner))
            await until(lambda: sandbox.counts().waiting == 1)
            assert await outcome(hasty.dispatch[InterventionPoint.INPUT]) == NO_PLACE
            assert not running.done()
            assert not waiting.done()
            assert await running == ALLOWED
            with pytest.raises(ManifestError):
                await waiting

    asyncio.run(scenario())


def test_slow_children_do_not_count_among_the_warm_ones() -> None:
    """While some are slow others start, to the maximum; when all is quiet the surplus goes."""

    async def scenario() -> None:
        async with opened(warm_children=2, max_children=6, surplus_idle_ms=100) as sandbox:
            slow = await sandboxed(sandbox, {**STUCK, "delay_ms": 500})
            tasks = [asyncio.create_task(outcome(slow)) for _ in range(3)]
            await until(lambda: (sandbox.counts().busy, sandbox.counts().idle) == (3, 2))
            assert await asyncio.gather(*tasks) == [ALLOWED] * 3
            await until(lambda: sandbox.counts().children == sandbox.counts().idle == 2)
            await asyncio.sleep(0.15)
            counts = sandbox.counts()
            assert (counts.children, counts.killed, counts.died) == (2, 0, 0)

    asyncio.run(scenario())


def test_a_request_that_nobody_waits_for_gives_its_child_back() -> None:
    """A client that goes away leaves the child to its work, and the next request gets it after."""

    async def scenario() -> None:
        async with opened(warm_children=1, max_children=1) as sandbox:
            slow = await sandboxed(sandbox, {**STUCK, "delay_ms": 300}, "sha256:slow")
            quick = await sandboxed(sandbox, ALLOW, "sha256:quick")
            running = asyncio.create_task(slow.dispatch(policy_input()))
            waiting = asyncio.create_task(slow.dispatch(policy_input()))
            await until(lambda: (sandbox.counts().busy, sandbox.counts().waiting) == (1, 1))
            running.cancel()
            waiting.cancel()
            await until(lambda: sandbox.counts().waiting == 0)
            assert sandbox.counts().busy == 1
            assert await outcome(quick) == ALLOWED
            counts = sandbox.counts()
            assert (counts.idle, counts.waiting, counts.killed, counts.died) == (1, 0, 0, 0)

    asyncio.run(scenario())


def test_a_request_that_nobody_waits_for_is_stopped_in_time_too() -> None:
    """Giving up does not lift the time limit."""

    async def scenario() -> None:
        async with opened(warm_children=1, max_children=1, policy_timeout_ms=200) as sandbox:
            stuck = await sandboxed(sandbox, STUCK)
            task = asyncio.create_task(stuck.dispatch(policy_input()))
            await until(lambda: sandbox.counts().busy == 1)
            task.cancel()
            await until(lambda: sandbox.counts().killed == 1)
            await until(lambda: sandbox.counts().idle == sandbox.counts().children == 1)

    asyncio.run(scenario())


def test_a_loop_that_was_held_up_blames_no_child() -> None:
    """An answer that came in time counts, even when the service could look at it only later."""

    async def scenario() -> None:
        async with opened(policy_timeout_ms=200) as sandbox:
            policy = await sandboxed(sandbox, {**STUCK, "delay_ms": 20})
            task = asyncio.create_task(policy.dispatch(policy_input()))
            await until(lambda: sandbox.counts().busy == 1)
            time.sleep(0.4)  # noqa: ASYNC251  # holding the loop up is what is tried
            assert (await task).value == ALLOWED

    asyncio.run(scenario())
