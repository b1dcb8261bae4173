"""What a hostile policy does costs its own request and nobody else's (sections 2.5, 1.11)."""

import asyncio
import sys
from pathlib import Path

import pytest

from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import PolicyDispatch
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json, JsonObject
from tests.sandbox.sandboxes import (
    ALLOW,
    HOSTILE,
    LOOP,
    children,
    hostile,
    install_hostile,
    opened,
    policy_input,
    sandboxed,
)

pytestmark = pytest.mark.usefixtures("nothing_is_left")

DIED = "the policy crashed its process: out of `max_policy_memory_bytes`, stack overflow or a fault"
NONSENSE = "the policy made its process return malformed output"
RAISED = "the policy failed while it was evaluated"
TIMEOUT_MS = 300
STOPPED = f"the policy exceeded `policy_timeout_ms` ({TIMEOUT_MS}) and was stopped"


@pytest.fixture(autouse=True)
def _adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_hostile(tmp_path, monkeypatch)


async def _detail(policy: PolicyDispatch, snapshot: dict[str, Json] | None = None) -> str:
    """Give how a dispatch fails; it must be with `policy_invocation_failed`."""
    with pytest.raises(EvaluationError) as raised:
        await policy.dispatch(policy_input(snapshot))
    assert raised.value.reason == Reason.POLICY_INVOCATION_FAILED
    return raised.value.detail


async def _ask_until(task: "asyncio.Task[str]", policy: PolicyDispatch) -> int:
    """Dispatch a neighbour again and again while `task` runs; return how many of its answers came."""
    answers = 0
    while not task.done():
        output = await policy.dispatch(policy_input())
        assert output.value == {"decision": "allow"}
        answers += 1
        await asyncio.sleep(0.002)
    return answers


@pytest.mark.parametrize(
    ("do", "detail"),
    [
        ("spin", STOPPED),
        ("sleep", STOPPED),
        ("say a part of it", STOPPED),
        ("hog", RAISED),
        ("recurse", DIED if sys.version_info < (3, 14) else RAISED),  # the newer interpreter notices
        ("exit", DIED),
        ("exit at once", DIED),
        ("abort", DIED),
        ("segfault", DIED),
        ("close the channel", DIED),
        ("say no such thing", NONSENSE),
        ("say it is ready", NONSENSE),
        ("say it has compiled", NONSENSE),
        ("say what is not JSON", NONSENSE),
        ("say what is no object", NONSENSE),
        ("say what nests too deep", NONSENSE),
        ("say it twice", NONSENSE),
        ("say too much", NONSENSE),
        ("give no known reason", NONSENSE),
        ("give a detail of many lines", NONSENSE),
    ],
)
def test_a_child_that_misbehaves_costs_one_request(do: str, detail: str) -> None:
    """It fails with no text of the policy's; neighbours are served meanwhile and after."""

    async def scenario() -> None:
        limit_ms = TIMEOUT_MS if detail == STOPPED else 10_000
        async with opened(inline_adapters=HOSTILE, policy_timeout_ms=limit_ms) as sandbox:
            policy = await sandboxed(sandbox, hostile(do))
            neighbour = await sandboxed(sandbox, ALLOW, "sha256:neighbour")
            task = asyncio.create_task(_detail(policy))
            answers = await _ask_until(task, neighbour)
            assert await task == detail
            assert answers > 0
            assert (await neighbour.dispatch(policy_input())).value == {"decision": "allow"}

    asyncio.run(scenario())


def test_what_a_policy_prints_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    """Output to the standard streams is neither seen nor taken for an answer."""

    async def scenario() -> object:
        async with opened(inline_adapters=HOSTILE) as sandbox:
            policy = await sandboxed(sandbox, hostile("print"))
            return (await policy.dispatch(policy_input())).value

    assert asyncio.run(scenario()) == {"decision": "allow"}
    assert capfd.readouterr() == ("", "")


def test_a_rego_policy_without_end_is_stopped() -> None:
    """Evaluation cannot be interrupted in process; in a child it ends at the limit (1.11)."""

    async def scenario() -> None:
        async with opened(policy_timeout_ms=TIMEOUT_MS) as sandbox:
            policy = await sandboxed(sandbox, LOOP)
            neighbour = await sandboxed(sandbox, ALLOW, "sha256:neighbour")
            assert (await policy.dispatch(policy_input({"rounds": 10}))).value == {
                "decision": "allow",
                "reason": "2",
            }
            task = asyncio.create_task(_detail(policy, {"rounds": 100_000}))
            answers = await _ask_until(task, neighbour)
            assert await task == STOPPED
            assert answers > 0

    asyncio.run(scenario())


def test_a_rego_policy_that_eats_memory_is_ended() -> None:
    """`max_policy_memory_bytes` holds for the engine's own allocator too (1.11)."""
    hog: JsonObject = {
        "type": "rego",
        "query": "data.hog.verdict",
        "modules": {
            "hog.rego": """
                package hog
                import rego.v1
                range := [i | some i in numbers.range(1, 100000); i <= input.snapshot.rounds]
                held := [[i, j] | some i in range; some j in numbers.range(1, 1000)]
                verdict := {"decision": "allow", "reason": sprintf("%d", [count(held)])}
                """
        },
    }

    async def scenario() -> None:
        async with opened(policy_timeout_ms=10_000, max_policy_memory_bytes=64 * 1024 * 1024) as sandbox:
            policy = await sandboxed(sandbox, hog)
            assert (await policy.dispatch(policy_input({"rounds": 10}))).value == {
                "decision": "allow",
                "reason": "10000",
            }
            assert await _detail(policy, {"rounds": 3_000}) == DIED
            assert sandbox.counts().died == 1

    asyncio.run(scenario())


def test_a_child_that_has_grown_is_replaced_before_the_next_request() -> None:
    """A policy's memory never narrows another's: its answer counts and its child goes."""
    grown: JsonObject = {
        "type": "rego",
        "query": "data.grown.verdict",
        "modules": {
            "grown.rego": """
                package grown
                import rego.v1
                held := [[i, j] | some i in numbers.range(1, 100); some j in numbers.range(1, 1000)]
                verdict := {"decision": "allow", "reason": sprintf("%d", [count(held)])}
                """
        },
    }

    async def scenario() -> None:
        async with opened(
            warm_children=1, max_children=1, max_policy_memory_bytes=64 * 1024 * 1024
        ) as sandbox:
            policy = await sandboxed(sandbox, grown)
            for _ in range(3):
                before = children()
                output = await policy.dispatch(policy_input())
                assert output.value == {"decision": "allow", "reason": "100000"}
                await asyncio.sleep(0.05)
                assert children() != before
            assert (sandbox.counts().killed, sandbox.counts().died) == (0, 0)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ("spin", "compiling the policies exceeded the milliseconds to compile (200) and was stopped"),
        (
            "exit at once",
            "compiling the policies crashed its process: out of `max_policy_memory_bytes`, stack overflow or a fault",
        ),
        (
            "segfault",
            "compiling the policies crashed its process: out of `max_policy_memory_bytes`, stack overflow or a fault",
        ),
        (
            "exit",
            "compiling the policies crashed its process: out of `max_policy_memory_bytes`, stack overflow or a fault",
        ),
        ("say what is not JSON", "compiling the policies made its process return malformed output"),
        ("say it has compiled", "compiling the policies made its process return malformed output"),
    ],
)
def test_a_compile_that_misbehaves_is_a_breach_of_limits(do: str, message: str) -> None:
    """Death or timeout of the child while compiling is `resource_limit_exceeded` (2.5)."""

    async def scenario() -> None:
        async with opened(inline_adapters=HOSTILE, compile_timeout_ms=200) as sandbox:
            with pytest.raises(ManifestError) as raised:
                await sandboxed(sandbox, hostile(do, "compile"))
            assert raised.value.reason == Reason.RESOURCE_LIMIT_EXCEEDED
            assert [(finding.code, finding.message) for finding in raised.value.diagnostics] == [
                ("compile-resources", message)
            ]
            assert await sandboxed(sandbox, ALLOW, "sha256:neighbour")

    asyncio.run(scenario())


def test_a_compile_out_of_memory_is_a_breach_of_limits() -> None:
    """An allocation that fails while compiling is the limit's doing, not the manifest's fault."""

    async def scenario() -> None:
        async with opened(inline_adapters=HOSTILE) as sandbox:
            with pytest.raises(ManifestError) as raised:
                await sandboxed(sandbox, hostile("hog", "compile"))
            assert raised.value.reason == Reason.RESOURCE_LIMIT_EXCEEDED

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("do", "detail"), [("spin", STOPPED), ("abort", DIED), ("say what is not JSON", NONSENSE)]
)
def test_an_explanation_that_misbehaves_costs_itself_alone(do: str, detail: str) -> None:
    """It is said to be unavailable, and the policy decides before and after."""

    async def scenario() -> None:
        async with opened(policy_timeout_ms=TIMEOUT_MS, inline_adapters=frozenset({"hostile"})) as sandbox:
            policy = await sandboxed(sandbox, hostile(do, when="explain"))
            assert (await policy.dispatch(policy_input())).value == {"decision": "allow"}
            assert await policy.explain(policy_input()) == {"unavailable": detail}
            assert (await policy.dispatch(policy_input())).value == {"decision": "allow"}

    asyncio.run(scenario())


def test_an_explanation_comes_from_a_child() -> None:
    """What the policy says of itself, or that it says nothing."""

    async def scenario() -> None:
        async with opened(inline_adapters=frozenset({"hostile"})) as sandbox:
            policy = await sandboxed(sandbox, hostile("nothing", n=7))
            assert await policy.explain(policy_input()) == {"kind": "hostile", "n": 7}
            fixed = await sandboxed(sandbox, ALLOW, "sha256:two")
            assert await fixed.explain(policy_input()) == {"kind": "test", "always": "output"}

    asyncio.run(scenario())
