"""The time that a child may take to compile: its own, not that of its neighbours (section 2.5)."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.reasons import Reason
from tests.sandbox.sandboxes import ALLOW, HOSTILE, children, hostile, install_hostile, opened, sandboxed

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processor time is looked up in /proc"),
    pytest.mark.usefixtures("nothing_is_left"),
    pytest.mark.slow,
]


def test_a_child_that_others_keep_from_the_processor_compiles_on() -> None:
    """More seconds than a compile may take pass by, in which the child does not run."""

    async def scenario() -> None:
        async with opened(warm_children=1, max_children=1, compile_timeout_ms=1_000) as sandbox:
            (child,) = children()
            os.kill(child, signal.SIGSTOP)
            compiled = asyncio.create_task(sandboxed(sandbox, ALLOW))
            await asyncio.sleep(1.5)
            assert not compiled.done()
            os.kill(child, signal.SIGCONT)
            assert await compiled
            assert sandbox.counts().killed == 0

    asyncio.run(scenario())


def test_a_child_that_never_runs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that waits for something uses no processor time: it has four times as long, and no more."""
    install_hostile(tmp_path, monkeypatch)

    async def scenario() -> None:
        async with opened(inline_adapters=HOSTILE, compile_timeout_ms=150) as sandbox:
            loop = asyncio.get_running_loop()
            began = loop.time()
            with pytest.raises(ManifestError) as raised:
                await sandboxed(sandbox, hostile("sleep", "compile"))
            assert loop.time() - began >= 0.6
            assert raised.value.reason == Reason.RESOURCE_LIMIT_EXCEEDED
            assert [finding.message for finding in raised.value.diagnostics] == [
                "compiling the policies exceeded the milliseconds to compile (150) and was stopped"
            ]
            assert await sandboxed(sandbox, ALLOW, "sha256:neighbour")

    asyncio.run(scenario())
