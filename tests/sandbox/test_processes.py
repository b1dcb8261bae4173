"""Processes of the sandbox: confinement, deaths at any moment, and nothing left behind (section 2.5)."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Callable
from contextlib import suppress
from math import inf
from pathlib import Path

import pytest

from acs_sidecar.sandbox import pool as sandbox_pool
from acs_sidecar.sandbox import processes
from acs_sidecar.sandbox.sandbox import Sandbox, SandboxError
from acs_sidecar.spec.values import Json, JsonObject
from tests.sandbox.sandboxes import (
    ALLOW,
    HOSTILE,
    children,
    has_read,
    hostile,
    install_hostile,
    open_descriptors,
    opened,
    outcome,
    policy_input,
    sandboxed,
    until,
    zygotes,
)
from tests.waiting import wait_for

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc"),
    pytest.mark.usefixtures("nothing_is_left"),
]

ROOT = Path(__file__).parents[2]
DIED = "the policy crashed its process: out of `max_policy_memory_bytes`, stack overflow or a fault"
SLOW: JsonObject = {"type": "test", "output": {"decision": "allow"}, "delay_ms": 1_000}
NOBODY = 65_534
MIB = 1024 * 1024


def _whole(sandbox: Sandbox) -> Callable[[], bool]:
    """Tell whether the warm children are there (or more, where some were slow) and idle."""
    return lambda: sandbox.counts().idle == sandbox.counts().children >= 2


def test_a_child_has_no_powers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits, environment, descriptors, capabilities: what a child can find out about itself (2.5)."""
    install_hostile(tmp_path, monkeypatch)
    monkeypatch.setenv("SECRET", "of the service")

    async def scenario() -> Json:
        async with opened(inline_adapters=HOSTILE) as sandbox:
            policy = await sandboxed(sandbox, hostile("report"))
            return (await policy.dispatch(policy_input())).value

    report = asyncio.run(scenario())

    assert isinstance(report, dict)
    limits = report["limits"]
    assert isinstance(limits, dict)
    address_space = limits.pop("AS")
    assert isinstance(address_space, int)
    assert 96 * MIB < address_space < 512 * MIB
    assert limits == {"CORE": 0, "FSIZE": 0, "NPROC": 0, "NOFILE": 0, "CPU": 36}
    assert report["environment"] == {"MIMALLOC_ARENA_RESERVE": "0", "TZ": "UTC", "LC_CTYPE": "C.UTF-8"}
    assert report["descriptors"] == [0, 1, 2, 3]
    assert report["devices"] == [report["null"]] * 3
    assert report["capabilities"] == [0] * 6
    assert (report["no_new_privileges"], report["dumpable"]) == (1, 0)
    assert report["directory"] == "/"
    assert report["session"]
    assert (report["file"], report["socket"], report["pipe"]) == ("OSError 24",) * 3


PROGRAM = """
    import asyncio, json, os, sys
    sys.path[:0] = {search_path!r}
    from tests.sandbox.sandboxes import hostile, opened, policy_input, sandboxed, HOSTILE, LOOP

    async def scenario():
        async with opened(inline_adapters=HOSTILE, policy_timeout_ms=200) as sandbox:
            policy = await sandboxed(sandbox, hostile("report"))
            report = (await policy.dispatch(policy_input())).value
            stuck = await sandboxed(sandbox, LOOP, "sha256:stuck")
            try:
                await stuck.dispatch(policy_input({{"rounds": 100_000}}))
            except Exception as error:
                report["stuck"] = str(error)
        print(json.dumps(report))

    asyncio.run(scenario())
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(
    "prefix",
    [
        ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--inh-caps", "-all"],
        ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs"],
    ],
    ids=["nobody", "root without capabilities"],
)
def test_it_works_for_everybody(prefix: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an unprivileged user, and as root without capabilities, children are confined and killed."""
    install_hostile(tmp_path, monkeypatch)
    for directory in (tmp_path, *tmp_path.parents):
        if not directory.stat().st_mode & 0o077:  # pytest keeps its directories to their owner
            directory.chmod(0o755)
    search_path = [str(tmp_path), str(ROOT), str(ROOT / "app"), sysconfig.get_path("platlib")]
    program = textwrap.dedent(PROGRAM).format(search_path=search_path)
    run = subprocess.run(
        [*prefix, _interpreter(prefix), "-Bc", program],
        cwd="/",
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, b"")
    assert b'"capabilities": [0, 0, 0, 0, 0, 0]' in run.stdout
    assert b"the policy exceeded `policy_timeout_ms` (200) and was stopped" in run.stdout
    if "--reuid" in prefix:
        assert b'"uid": 65534' in run.stdout
        assert b'"thread": "RuntimeError"' in run.stdout


def test_an_idle_child_that_is_killed_costs_nothing() -> None:
    """The request that meets a child which died before it began goes to another (2.5)."""

    async def scenario() -> None:
        async with opened() as sandbox:
            policy = await sandboxed(sandbox, ALLOW)
            for _ in range(20):
                killed = children()
                for child in killed:
                    os.kill(child, signal.SIGKILL)
                while any(_is_alive(child) for child in killed):
                    pass
                assert await outcome(policy) == {"decision": "allow"}
                await until(_whole(sandbox))
            await until(_whole(sandbox))

    asyncio.run(scenario())


def test_a_request_that_a_child_had_not_read_goes_to_another() -> None:
    """A child that is killed with the request unread has not begun with it."""

    async def scenario() -> None:
        async with opened() as sandbox:
            policy = await sandboxed(sandbox, ALLOW)
            first = children()
            for child in first:
                os.kill(child, signal.SIGSTOP)
            task = asyncio.create_task(outcome(policy))
            await until(lambda: sandbox.counts().busy > 0)
            for child in first:
                os.kill(child, signal.SIGKILL)
            assert await task == {"decision": "allow"}
            await until(_whole(sandbox))

    asyncio.run(scenario())


def test_a_busy_child_that_is_killed_costs_its_request() -> None:
    """What had begun fails; nothing is evaluated twice."""

    async def scenario() -> None:
        async with opened() as sandbox:
            policy = await sandboxed(sandbox, SLOW)
            task = asyncio.create_task(outcome(policy))
            await until(lambda: has_read(sandbox))
            for child in children():
                os.kill(child, signal.SIGKILL)
            assert await task == DIED
            await until(_whole(sandbox))

    asyncio.run(scenario())


def test_two_hundred_kills_leave_a_whole_pool_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children that are killed again and again, at any moment, are replaced; requests go on meanwhile."""

    async def scenario() -> None:
        # Children that are killed before they are ready are starts that fail: on a busy machine in a row, which
        # are tried at ever longer intervals, and for longer than a request waits.
        monkeypatch.setattr(sandbox_pool, "MOST_BACKOFF_S", 0.05)
        async with opened(policy_timeout_ms=240_000, compile_timeout_ms=30_000) as sandbox:
            policy = await sandboxed(sandbox, ALLOW)
            outcomes: list[object] = []
            stopped = asyncio.Event()

            async def ask() -> None:
                while not stopped.is_set():
                    outcomes.append(await outcome(policy))

            tasks = [asyncio.create_task(ask()) for _ in range(4)]
            descriptors = open_descriptors() - sandbox.counts().children
            killed: set[int] = set()  # on a busy machine one lives on for a while
            try:
                while len(killed) < 200:
                    await until(lambda: sandbox.counts().idle + sandbox.counts().busy > 0)
                    living = [child for child in children() if child not in killed]
                    for child in living[len(killed) % 2 :][:1] or living:
                        with suppress(ProcessLookupError):  # it was dead already, and is reaped now
                            os.kill(child, signal.SIGKILL)
                            killed.add(child)
                    await asyncio.sleep(0.005)
            finally:
                stopped.set()
                await asyncio.gather(*tasks)
            await until(_whole(sandbox))
            assert await outcome(policy) == {"decision": "allow"}
            allowed = outcomes.count({"decision": "allow"})
            assert allowed + outcomes.count(DIED) == len(outcomes)
            assert allowed > 0
            assert sandbox.counts().died > 100
            assert len(children()) == sandbox.counts().children
            assert open_descriptors() - len(children()) == descriptors

    asyncio.run(scenario())


def test_a_zygote_that_is_killed_is_replaced() -> None:
    """Its children go with it; requests fail or wait, and then all is as before."""

    async def scenario() -> None:
        async with opened() as sandbox:
            policy = await sandboxed(sandbox, ALLOW)
            slow = await sandboxed(sandbox, SLOW, "sha256:slow")
            task = asyncio.create_task(outcome(slow))
            await until(lambda: has_read(sandbox))
            (before,) = zygotes()
            orphans = children()
            assert len(orphans) >= 2
            os.kill(before, signal.SIGKILL)
            assert await task == DIED
            await until(_whole(sandbox))
            assert await outcome(policy) == {"decision": "allow"}
            assert zygotes() != [before]
            assert not any(_is_alive(child) for child in orphans)

    asyncio.run(scenario())


def test_a_zygote_that_does_not_answer_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests still end in time; what it neither forked nor killed goes when it does."""

    async def scenario() -> None:
        monkeypatch.setattr(sandbox_pool, "SLOW_S", inf)  # no child more than the warm ones
        async with opened(policy_timeout_ms=100) as sandbox:
            monkeypatch.setattr(sandbox_pool, "START_S", 2.5)
            slow = await sandboxed(sandbox, SLOW)
            quick = await sandboxed(sandbox, ALLOW, "sha256:quick")
            (before,) = zygotes()
            stuck = children()
            assert len(stuck) >= 2
            os.kill(before, signal.SIGSTOP)
            assert await outcome(slow) == "the policy exceeded `policy_timeout_ms` (100) and was stopped"
            assert zygotes() == [before]
            await until(lambda: zygotes() != [before])
            await until(_whole(sandbox))
            assert await outcome(quick) == {"decision": "allow"}
            assert not any(_is_alive(child) for child in stuck)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("used_s", "why"),
    [
        (0.0, "its processes were not ready within 0.001 seconds"),
        (1000.0, "its processes were not ready within 120 seconds of processor time"),
        (0.001, None),
    ],
    ids=["stuck", "endless", "slow"],
)
def test_a_start_that_is_slow_is_waited_for_while_it_goes_on(
    used_s: float, why: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine is no failure: a zygote is given up that uses no processor time, or far too much."""
    used = itertools.count()
    monkeypatch.setattr(sandbox_pool, "START_S", 0.001)
    monkeypatch.setattr(processes, "_processor_s", lambda _: next(used) * used_s)

    async def scenario() -> None:
        async with opened() as sandbox:
            assert await outcome(await sandboxed(sandbox, ALLOW)) == {"decision": "allow"}

    if why is None:
        asyncio.run(scenario())
        return
    with pytest.raises(SandboxError, match=f"^the sandbox cannot start: {why}$"):
        asyncio.run(scenario())


def test_signals_of_the_terminal_leave_the_sandbox_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service ends its children itself, after what is in flight; no signal to all does."""

    async def scenario() -> None:
        monkeypatch.setattr(sandbox_pool, "SLOW_S", inf)  # no child more than the warm ones
        async with opened() as sandbox:
            policy = await sandboxed(sandbox, ALLOW)
            before = (zygotes(), children())
            assert [len(processes) for processes in before] == [1, 2]
            for process in (*zygotes(), *children()):
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    os.kill(process, number)
            await asyncio.sleep(0.05)
            assert (zygotes(), children()) == before
            assert await outcome(policy) == {"decision": "allow"}

    asyncio.run(scenario())


def test_closing_fails_what_is_in_flight_and_ends_every_process() -> None:
    """`close` does not wait for policies: running and waiting requests fail at once."""

    async def scenario() -> None:
        sandbox_left: list[int] = []
        async with opened(warm_children=1, max_children=1) as sandbox:
            slow = await sandboxed(sandbox, SLOW)
            tasks = [asyncio.create_task(outcome(slow)) for _ in range(3)]
            await asyncio.sleep(0.05)
            sandbox_left.extend(children())
            assert sandbox_left
        assert await asyncio.gather(*tasks) == ["the policy was requested while the sandbox was closed"] * 3
        assert not any(_is_alive(child) for child in sandbox_left)

    asyncio.run(scenario())


def test_everything_ends_with_the_service(tmp_path: Path) -> None:
    """When the service is killed, its zygote and children end, stuck ones too."""
    program = textwrap.dedent(f"""
        import asyncio, sys
        sys.path.insert(0, {str(ROOT)!r})
        from tests.sandbox.sandboxes import LOOP, children, opened, policy_input, sandboxed, zygotes

        async def scenario():
            async with opened(policy_timeout_ms=60_000) as sandbox:
                stuck = await sandboxed(sandbox, LOOP)
                task = asyncio.create_task(stuck.dispatch(policy_input({{"rounds": 100_000}})))
                await asyncio.sleep(0.1)
                print(*zygotes(), *children(), flush=True)
                await task

        asyncio.run(scenario())
        """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as service:
        assert service.stdout
        processes = [int(number) for number in service.stdout.readline().split()]
        assert len(processes) >= 3
        assert all(_is_alive(process) for process in processes)
        service.kill()
    wait_for(lambda: not any(_is_alive(process) for process in processes))


def _interpreter(prefix: list[str]) -> str:
    """Choose an interpreter of this version that the user may execute: this one, or the system's."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (str(Path(sys.executable).resolve()), f"/usr/bin/python{version}"):
        # A shell, for `test` follows every directory on the way with the user's own rights.
        if subprocess.run([*prefix, "test", "-x", candidate], check=False).returncode == 0:
            return candidate
    assert "CI" not in os.environ
    pytest.skip("no interpreter of this version is executable for an unprivileged user")


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
