"""What the tests of the sandbox share: policies as jobs, inputs, an open sandbox, and its processes."""

import asyncio
import fcntl
import os
import termios
import time
from array import array
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from acs_sidecar.engines.compilation import PolicyJob
from acs_sidecar.sandbox.sandbox import Sandbox, SandboxSettings
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import PointBinding, PolicyDispatch, PolicyInput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "ALLOW",
    "HOSTILE",
    "LOOP",
    "children",
    "has_read",
    "hostile",
    "install",
    "install_hostile",
    "job",
    "open_descriptors",
    "opened",
    "outcome",
    "policy_input",
    "sandboxed",
    "settings",
    "until",
    "zygotes",
]

OUTPUT = InterventionPoint.OUTPUT
HOSTILE = frozenset({"hostile"})

ALLOW: JsonObject = {"type": "test", "output": {"decision": "allow"}}

LOOP: JsonObject = {
    "type": "rego",
    "query": "data.loop.verdict",
    "modules": {
        "loop.rego": """
            package loop
            import rego.v1
            range := [i | some i in numbers.range(1, 100000); i <= input.snapshot.rounds]
            found := count([1 | some i in range; some j in range; i * j == 7])
            verdict := {"decision": "allow", "reason": sprintf("%d", [found])}
        """
    },
}
"""A policy whose evaluation takes the square of `snapshot.rounds`."""


def job(
    definition: JsonObject,
    point: InterventionPoint = OUTPUT,
    path: str = "policies.main",
    members: JsonObject | None = None,
) -> PolicyJob:
    """Give the job of a policy bound to one point."""
    binding = PointBinding(
        point=point,
        path=f"intervention_points.{point}.policy",
        definition=definition,
        members=members or {},
        target_kind=None,
        projects_tool=False,
    )
    return PolicyJob(path, str(definition["type"]), definition, (binding,))


def hostile(do: str, when: str = "evaluate", **members: Json) -> JsonObject:
    """Give a policy of the `hostile` adapter."""
    return {"type": "custom", "adapter": "hostile", "do": do, "when": when, **members}


def policy_input(snapshot: Mapping[str, Json] | None = None) -> PolicyInput:
    """Give a policy input around a snapshot."""
    value: dict[str, Json] = {
        "intervention_point": OUTPUT.value,
        "policy_target": {"kind": None, "path": "$snap", "value": dict(snapshot or {})},
        "snapshot": {"envelope": {"agent": {"id": "agent-1"}}, **(snapshot or {})},
        "annotations": {},
        "tool": None,
    }
    return PolicyInput(value, canonical(value))


def settings(**changes: object) -> SandboxSettings:
    """Give settings for tests: little memory, and the hostile adapter listed where it is installed."""
    defaults: dict[str, object] = {"max_policy_memory_bytes": 96 * 1024 * 1024}
    return SandboxSettings(**{**defaults, **changes})  # type: ignore[arg-type]  # named by the caller


@asynccontextmanager
async def opened(**changes: object) -> AsyncIterator[Sandbox]:
    """Open a sandbox, and close it."""
    sandbox = Sandbox(settings(**changes))
    await sandbox.start()
    try:
        yield sandbox
    finally:
        await sandbox.close()


async def sandboxed(
    sandbox: Sandbox, definition: JsonObject, key: str = "sha256:one", timeout_ms: int | None = None
) -> PolicyDispatch:
    """Compile one policy in a sandbox and give the way to it."""
    policies = await sandbox.compile(key, (job(definition),), timeout_ms)
    return policies.dispatch[OUTPUT]


async def outcome(policy: PolicyDispatch) -> object:
    """Ask a policy; give its output, or the detail of the failure of its invocation."""
    try:
        return (await policy.dispatch(policy_input())).value
    except EvaluationError as error:
        assert error.reason == Reason.POLICY_INVOCATION_FAILED
        return error.detail


def install_hostile(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a distribution that names the hostile adapter among its entry points."""
    install(directory, monkeypatch, "hostile", {"hostile": "tests.sandbox.hostile_adapters:HOSTILE"})


def install(directory: Path, monkeypatch: pytest.MonkeyPatch, name: str, adapters: Mapping[str, str]) -> None:
    """Install a distribution with adapters: entry-point name to object reference."""
    information = directory / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{adapter} = {reference}\n" for adapter, reference in adapters.items()]
    (information / "entry_points.txt").write_text("[acs_sidecar.evaluators]\n" + "".join(lines))
    monkeypatch.syspath_prepend(directory)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that must come true soon."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


def has_read(sandbox: Sandbox) -> bool:
    """True if a child is busy, and no child has a request that it has yet to read."""
    return sandbox.counts().busy > 0 and not any(map(_unread_bytes, Path("/proc/self/fd").iterdir()))


def _unread_bytes(descriptor: Path) -> int:
    """Count the bytes that the other end of a socket has yet to read; 0 for what is no socket."""
    unread = array("i", [0])
    with suppress(OSError):  # closed meanwhile, or not one
        fcntl.ioctl(int(descriptor.name), termios.TIOCOUTQ, unread)
    return unread[0]


def zygotes(parent: int | None = None) -> list[int]:
    """List the zygotes of a process (this one): their process numbers."""
    return [process for process in _processes_of(parent or os.getpid()) if _is_zygote(process)]


def children(parent: int | None = None) -> list[int]:
    """List the sandbox children of a process (this one): their process numbers."""
    return [child for zygote in zygotes(parent) for child in _processes_of(zygote)]


def open_descriptors() -> int:
    """Count this process's descriptors."""
    return len(list(Path("/proc/self/fd").iterdir()))


def _is_zygote(process: int) -> bool:
    """Tell it from services that other tests have running."""
    try:
        return b"acs_sidecar.sandbox.zygote" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def _processes_of(parent: int) -> list[int]:
    return sorted(pid for pid, of in _parents().items() if of == parent)


def _parents() -> dict[int, int]:
    """Map each living process to its parent; the dead that are not yet reaped are left out."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            status = (entry / "stat").read_text()
        except OSError:
            continue
        state, parent = status.rpartition(")")[2].split()[:2]
        if state not in "ZX":
            parents[int(entry.name)] = int(parent)
    return parents
